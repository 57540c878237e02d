import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';

import { call, login, me, refusal, settingsFor, startBefore, tokenFor, until } from './support/api.js';
import { startService } from './support/service.js';

describe('in operation, the service', () => {
  const parts = startBefore({ LOGINS_PER_MINUTE: '3', CORS_ORIGINS: 'https://app.example,https://other.example/' });

  for (const path of ['/healthz', '/api/me', '/nothing']) {
    it(`sends the headers that protect a browser with ${path}`, async () => {
      const { headers } = await call(parts().service, path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('x-frame-options'), 'SAMEORIGIN');
      assert.equal(headers.get('referrer-policy'), 'no-referrer');
      assert.match(headers.get('strict-transport-security') ?? '', /max-age=\d{8}/);
      assert.equal(headers.get('x-powered-by'), null);
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none';script-src 'self';/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe|\*/);
    });
  }

  for (const origin of ['https://app.example', 'https://other.example']) {
    it(`lets pages of ${origin} call`, async () => {
      const headers = { origin, 'access-control-request-method': 'POST' };
      const preflight = await call(parts().service, '/api/auth/wechat', { method: 'OPTIONS', headers });
      assert.equal(preflight.headers.get('access-control-allow-origin'), origin);
      const { headers: answered } = await call(parts().service, '/api/me', { headers });
      assert.equal(answered.get('access-control-allow-origin'), origin);
      assert.equal(answered.get('access-control-allow-credentials'), null);
      assert.match(answered.get('vary') ?? '', /Origin/);
    });
  }

  for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'null']) {
    it(`does not let pages of ${origin} call`, async () => {
      const headers = { origin, 'access-control-request-method': 'POST' };
      for (const method of ['OPTIONS', 'GET']) {
        const { headers: answered } = await call(parts().service, '/api/me', { method, headers });
        assert.equal(answered.get('access-control-allow-origin'), null);
      }
    });
  }

  it('limits the logins of one address, wherever they claim to come from, and nothing else', async () => {
    const { wechat, service } = parts();
    const attempt = (index: number) =>
      call(service, '/api/auth/wechat', {
        json: { code: wechat.createCode() },
        headers: { 'x-forwarded-for': `192.0.2.${index}` },
      });
    const token = await tokenFor(service, wechat.createCode());
    const second = await attempt(2);
    assert.match(second.headers.get('ratelimit') ?? '', /r=1; t=\d+/);
    assert.match(second.headers.get('ratelimit-policy') ?? '', /q=3; w=60/);
    assert.equal(second.headers.get('retry-after'), null);
    assert.equal((await attempt(3)).status, 200);

    const calls = wechat.calls.length;
    const refused = await attempt(4);
    assert.equal(refusal(refused), '429 TOO_MANY_LOGINS');
    assert.match(refused.headers.get('ratelimit') ?? '', /r=0; t=\d+/);
    const wait = Number(refused.headers.get('retry-after'));
    assert.ok(wait > 0 && wait <= 60, `${wait} s`);
    assert.equal(wechat.calls.length, calls);
    assert.equal((await me(service, token)).status, 200);
  });
});

describe('behind a proxy, the service', () => {
  const parts = startBefore({ LOGINS_PER_MINUTE: '1', TRUSTED_PROXIES: '1' });

  it('limits the logins of each client, whatever stands before the address that the proxy saw', async () => {
    const from = async (forwarded: string) => {
      const headers = { 'x-forwarded-for': forwarded };
      const json = { code: parts().wechat.createCode() };
      return (await call(parts().service, '/api/auth/wechat', { json, headers })).status;
    };
    assert.equal(await from('192.0.2.1'), 200);
    assert.equal(await from('192.0.2.2'), 200);
    assert.equal(await from('192.0.2.3, 192.0.2.1'), 429);
    // In IPv6 a client has a network of 64 bits.
    assert.equal(await from('2001:db8:0:1::1'), 200);
    assert.equal(await from('2001:db8:0:2::1'), 200);
    assert.equal(await from('2001:db8:0:1::2'), 429);
  });

  it('keeps idle connections for longer than proxies do', async () => {
    const { headers } = await call(parts().service, '/healthz');
    assert.equal(headers.get('keep-alive'), 'timeout=65');
  });

  it('told to stop still answers on a connection that is kept, and says that it is the last time', async () => {
    const service = await startService(settingsFor(parts().wechat));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async (): Promise<string | undefined> => {
      const request = http.get(`${service.url}/healthz`, { agent });
      const [response] = (await once(request, 'response')) as [http.IncomingMessage];
      await once(response.resume(), 'end');
      assert.equal(response.statusCode, 200);
      return response.headers.connection;
    };
    assert.equal(await ask(), 'keep-alive');
    const stopped = service.stop();
    await until(() => service.output.includes('"msg":"stopping"'));
    assert.equal(await ask(), 'close');
    assert.deepEqual(await stopped, { code: 0, signal: null });
  });

  it('told to stop finishes what is under way, takes nothing new and ends with exit code 0', async () => {
    const { wechat, service } = parts();
    wechat.misbehave('access_token', { delay: 1_000 });
    const before = wechat.calls.length;
    const slow = login(service, wechat.createCode());
    await until(() => wechat.calls.length > before);

    const stopped = service.stop();
    void service.stop(); // a second signal changes nothing
    await until(() =>
      call(service, '/healthz').then(
        () => false,
        () => true,
      ),
    );
    const { status } = await slow;
    const answered = performance.now();
    assert.equal(status, 200);
    assert.deepEqual(await stopped, { code: 0, signal: null });
    assert.ok(performance.now() - answered < 3_000, 'It waited for a connection that nobody used any more');
  });
});
