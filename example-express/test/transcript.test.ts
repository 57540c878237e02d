import assert from 'node:assert/strict';

import { type Service, startService } from './support/service.js';

describe('the service without a WeChat app', () => {
  let service: Service;
  before(async function () {
    this.timeout(60_000);
    service = await startService();
  });
  after(() => service.stop());

  it('says so, tells one whole login from the authorize page to /api/me, and says where it is', () => {
    const steps = [
      'WECHAT_APP_ID is not set: this runs with a simulator of WeChat.',
      /\n1\. .*\n {3}http:\/\/127\.0\.0\.1:\d+\/connect\/qrconnect\?appid=\w+&redirect_uri=\S+&response_type=code/,
      /\n2\. .*\n {3}http:\/\/localhost:\d+\/\?code=\w{32}&state=\w{32}\n/,
      '\n3. POST /api/auth/wechat { code, state } -> 200\n',
      /\n {5}"token": "[\w-]+\.[\w-]+\.[\w-]+"\n/,
      /\n4\. GET \/api\/me with that token -> 200\n {3}\{"user":\{"openid":"\w+","nickname":"爱丽丝😀"/,
      `\nThe service is at ${service.url} `,
    ];
    let rest = service.output;
    for (const step of steps) {
      const index = typeof step === 'string' ? rest.indexOf(step) : rest.search(step);
      assert(index >= 0, `${String(step)} is not in\n${rest}`);
      rest = rest.slice(index);
    }
  });

  it('starts as an official account, too, and for an address that leads here from elsewhere only', async () => {
    const other = await startService({
      WECHAT_SCOPE: 'snsapi_base',
      PUBLIC_URL: 'https://demo.invalid',
      HOST: '0.0.0.0',
    });
    assert.match(other.output, /\/connect\/oauth2\/authorize\?\S+scope=snsapi_base/);
    assert.match(other.output, /\n {3}https:\/\/demo\.invalid\/\?code=/);
    assert.match(other.output, /\n4\. GET \/api\/me with that token -> 200\n/);
    assert.equal(other.url, 'https://demo.invalid');
    await other.stop();
  });

  it('goes on serving: the page and its stores', async () => {
    const page = await fetch(service.url);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<html/);
    assert.equal((await fetch(`${service.url}/healthz`)).status, 200);
  });
});
