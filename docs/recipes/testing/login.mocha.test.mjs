import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { startWeChatSimulator } from 'passport-wechat-code/simulator';
import { startService } from './app.mjs';

describe('a login with WeChat', () => {
  /** @type {import('passport-wechat-code/simulator').WeChatSimulator} */ let wechat;
  /** @type {Awaited<ReturnType<typeof startService>>} */ let service;
  before(async () => {
    wechat = await startWeChatSimulator({ users: [{ id: 'ming', nickname: '小明' }] });
    service = await startService({ ...wechat.apps[0], api: wechat.url });
  });
  after(() => Promise.all([wechat.close(), service.close()]));

  /** @param {string} code */
  const visit = (code) => fetch(`${service.url}/callback?code=${code}&state=s`, { headers: { cookie: 'state=s' } });

  it('greets who logs in, once for each code', async () => {
    const code = wechat.createCode({ user: 'ming' });
    assert.equal(await (await visit(code)).text(), 'Hello 小明');
    assert.equal((await visit(code)).status, 401);
  });

  it('asks for patience when WeChat does', async () => {
    wechat.misbehave('access_token', { errcode: 45011 });
    assert.equal((await visit(wechat.createCode())).status, 503);
  });
});
