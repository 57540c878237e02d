import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import {
  address,
  assertRefused,
  closeAll,
  codeToSession,
  exchange,
  login,
  miniProgram,
  minute,
  mobile,
  sessionOf,
  start,
  website,
} from './wechat.js';

const { appId } = miniProgram;

describe("the simulator answers a mini program's login", () => {
  afterEach(closeAll);

  it('with a session key of 16 bytes, the openid and the unionid, and without an errcode', async () => {
    const wechat = await start();
    const session = await codeToSession(wechat, wechat.createCode({ appId }));
    assert.deepEqual(Object.keys(session), ['session_key', 'openid', 'unionid']);
    assert.match(String(session['session_key']), /^[A-Za-z0-9+/]{22}==$/);
    assert.match(String(session['openid']), /^o[\w-]{27}$/);
  });

  it('with the bytes of WeChat: slashes escaped, text/plain without a charset', async () => {
    const wechat = await start();
    let body = '';
    // About every third session key has a slash in it.
    while (!body.includes('/')) {
      const response = await fetch(address(wechat, '/sns/jscode2session', sessionOf(wechat.createCode({ appId }))));
      assert.equal(response.headers.get('content-type'), 'text/plain');
      body = await response.text();
    }
    assert.doesNotMatch(body, /(?<!\\)\//);
  });

  it('with an openid of its own, and the unionid of the other apps of its Open Platform account', async () => {
    const wechat = await start();
    const first = await codeToSession(wechat, wechat.createCode({ appId }));
    const again = await codeToSession(wechat, wechat.createCode({ appId }));
    const elsewhere = await login(wechat, website);
    assert.equal(first['openid'], again['openid']);
    assert.notEqual(first['openid'], elsewhere.openid);
    assert.equal(first['unionid'], elsewhere['unionid']);
    assert.notEqual(first['session_key'], again['session_key']);
  });

  it('without a unionid when it is bound to no Open Platform account', async () => {
    const alone = { appId, appSecret: 'secret', kind: 'mini-program' } as const;
    const wechat = await start({ apps: [alone] });
    const session = await codeToSession(wechat, wechat.createCode(), alone);
    assert.deepEqual(Object.keys(session), ['session_key', 'openid']);
  });

  for (const [what, changes, errcode, errmsg] of [
    ['no appid', { appid: '' }, 41002, 'appid missing'],
    ['an unknown appid, whatever else is wrong', { appid: 'wx1', secret: '', js_code: 'x' }, 40013, 'invalid appid'],
    ['no secret', { secret: '' }, 41004, 'appsecret missing'],
    ['a wrong secret, before looking at the code', { secret: 'wrong', js_code: 'x' }, 40125, 'invalid appsecret'],
    ['no grant type', { grant_type: '' }, 40002, 'invalid grant_type\n'],
    ['no code', { js_code: '' }, 41008, 'missing code'],
    ['a code under the name it has elsewhere', { js_code: '', code: 'x' }, 41008, 'missing code'],
    ['an unknown code', { js_code: 'x' }, 40029, 'invalid code'],
  ] as const) {
    it(`${String(errcode)} for ${what}, and spends nothing`, async () => {
      const wechat = await start();
      const code = wechat.createCode({ appId });
      assertRefused(await codeToSession(wechat, code, miniProgram, changes), errcode, errmsg);
      assert.equal('openid' in (await codeToSession(wechat, code)), true);
    });
  }

  it('40226 for a blocked user', async () => {
    const wechat = await start({ users: [{ id: 'mallory', blocked: true }] });
    assertRefused(await codeToSession(wechat, wechat.createCode({ appId })), 40226, 'code blocked');
  });

  it('40029 for the code of an app of another kind, and the other way round, without spending it', async () => {
    const wechat = await start();
    const jsCode = wechat.createCode({ appId });
    assertRefused(await exchange(wechat, jsCode, miniProgram), 40029, 'invalid code');
    assertRefused(await exchange(wechat, jsCode, website), 40029, 'invalid code');
    assert.equal('openid' in (await codeToSession(wechat, jsCode)), true);
    for (const app of [website, mobile]) {
      const code = wechat.createCode({ appId: app.appId });
      assertRefused(await codeToSession(wechat, code, app), 40029, 'invalid code');
      assertRefused(await codeToSession(wechat, code, miniProgram), 40029, 'invalid code');
      assert.equal('openid' in (await exchange(wechat, code, app)), true);
    }
  });

  it('40163 for a used code, and 40029 once five minutes are over', async () => {
    const wechat = await start();
    const [used, unused] = [wechat.createCode({ appId }), wechat.createCode({ appId })];
    await codeToSession(wechat, used);
    assertRefused(await codeToSession(wechat, used), 40163, 'code been used');
    wechat.advance(5 * minute);
    assertRefused(await codeToSession(wechat, used), 40029, 'invalid code');
    assertRefused(await codeToSession(wechat, unused), 40029, 'invalid code');
  });

  it('with success exactly once when one code is sent many times at once', async () => {
    const wechat = await start();
    const code = wechat.createCode({ appId });
    const answers = await Promise.all(Array.from({ length: 30 }, () => codeToSession(wechat, code)));
    assert.equal(answers.filter((fields) => 'openid' in fields).length, 1);
    assert.equal(answers.filter((fields) => fields['errcode'] === 40163).length, 29);
  });

  it('or not, as it is told to misbehave', async () => {
    const wechat = await start();
    const code = wechat.createCode({ appId });
    wechat.misbehave('jscode2session', { errcode: 45011 });
    wechat.misbehave('any', { status: 502 });
    wechat.misbehave('jscode2session', { connection: 'reset', processed: true });
    // Takes the fault for any endpoint, not those for this one.
    assert.equal((await fetch(`${wechat.url}/sns/auth`)).status, 502);
    assert.equal((await codeToSession(wechat, code))['errcode'], 45011);
    await assert.rejects(codeToSession(wechat, code), TypeError);
    assertRefused(await codeToSession(wechat, code), 40163, 'code been used');
    assert.throws(() => wechat.misbehave('jscode2session', { answer: 'another-openid' }), TypeError);
  });

  it('and records the call without a secret, a code or a session key', async () => {
    const wechat = await start();
    const code = wechat.createCode({ appId });
    const { openid, session_key } = await codeToSession(wechat, code);
    await codeToSession(wechat, code);
    assert.deepEqual(
      wechat.calls.map(({ endpoint, errcode, appId, openid }) => ({ endpoint, errcode, appId, openid })),
      [
        { endpoint: 'jscode2session', errcode: 0, appId, openid },
        { endpoint: 'jscode2session', errcode: 40163, appId, openid: undefined },
      ],
    );
    const shown = inspect(wechat.calls, { depth: null, showHidden: true });
    for (const secret of [miniProgram.appSecret, code, String(session_key)]) assert.ok(!shown.includes(secret));
  });
});
