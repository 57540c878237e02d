import assert from 'node:assert/strict';
import {
  account,
  address,
  assertRefused,
  closeAll,
  codeToSession,
  day,
  exchange,
  exchangeOf,
  get,
  login,
  miniProgram,
  minute,
  mobile,
  refresh,
  sessionOf,
  start,
  userInfo,
  website,
} from './wechat.js';

describe('the simulator answers an exchange', () => {
  afterEach(closeAll);

  it('with tokens, openid, scope and unionid, in the order WeChat has them', async () => {
    const wechat = await start();
    const fields = await exchange(wechat, wechat.createCode());
    assert.deepEqual(Object.keys(fields), [
      'access_token',
      'expires_in',
      'refresh_token',
      'openid',
      'scope',
      'unionid',
    ]);
    assert.equal(fields['expires_in'], 7200);
    assert.equal(fields['scope'], 'snsapi_login');
    assert.match(String(fields['openid']), /^o[\w-]{27}$/);
    assert.match(String(fields['unionid']), /^o[\w-]{27}$/);
  });

  it('with the headers and the bytes of WeChat', async () => {
    const users = [{ id: 'a', nickname: '示例用户😀/"\\', headimgurl: 'https://example.com/0' }];
    const wechat = await start({ users });
    const { access_token, openid } = await login(wechat, mobile);
    const response = await fetch(address(wechat, '/sns/userinfo', { access_token, openid }));
    const body = await response.text();
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain');
    assert.equal(response.headers.get('connection'), 'keep-alive');
    assert.equal(response.headers.get('content-length'), String(Buffer.byteLength(body)));
    assert.equal(
      body,
      `{"openid":"${openid}","nickname":"示例用户😀\\/\\"\\\\","sex":0,"language":"","city":"","province":"","country":"",` +
        '"headimgurl":"https:\\/\\/example.com\\/0","privilege":[]}',
    );
  });

  it('without a unionid for snsapi_base and for an app of no Open Platform account', async () => {
    const wechat = await start();
    const base = await login(wechat, account, { scope: 'snsapi_base' });
    assert.equal(base['scope'], 'snsapi_base');
    assert.equal('unionid' in base, false);
    assert.equal('unionid' in (await login(wechat, mobile)), false);
  });

  it('with one openid per app and person and one unionid per Open Platform account and person, in every run', async () => {
    const [first, second] = [await start(), await start()];
    const alice = await login(first, website, { user: 'alice' });
    const again = await login(second, website, { user: 'alice' });
    const elsewhere = await login(first, account, { user: 'alice' });
    const bob = await login(first, website, { user: 'bob' });
    assert.deepEqual([alice.openid, alice['unionid']], [again.openid, again['unionid']]);
    assert.equal(alice['unionid'], elsewhere['unionid']);
    assert.equal(new Set([alice.openid, elsewhere.openid, bob.openid]).size, 3);
    assert.notEqual(alice['unionid'], bob['unionid']);
  });

  it('with is_snapshotuser for a snapshot user, who is nobody in user info', async () => {
    const wechat = await start();
    const tokens = await login(wechat, account, { user: 'snapshot' });
    assert.equal(tokens['is_snapshotuser'], 1);
    assert.deepEqual(Object.keys(tokens).slice(-5), ['refresh_token', 'openid', 'scope', 'is_snapshotuser', 'unionid']);
    const info = await userInfo(wechat, tokens);
    assert.equal(info['nickname'], '微信用户');
    assert.equal(info['headimgurl'], '');
    assert.equal('is_snapshotuser' in info, false);
    assert.equal('is_snapshotuser' in (await refresh(wechat, tokens.refresh_token, account)), false);
  });

  for (const [what, changes, errcode, errmsg] of [
    ['no appid', { appid: '' }, 41002, 'appid missing'],
    ['an unknown appid, whatever else is wrong', { appid: 'wx1', secret: '', code: 'x' }, 40013, 'invalid appid'],
    ['no secret', { secret: '' }, 41004, 'appsecret missing'],
    ['a wrong secret, before looking at the code', { secret: 'wrong', code: 'x' }, 40125, 'invalid appsecret'],
    ['another grant type', { grant_type: 'refresh_token' }, 40002, 'invalid grant_type\n'],
    ['no grant type', { grant_type: '' }, 40002, 'invalid grant_type\n'],
    ['no code', { code: '' }, 41008, 'missing code'],
    ['an unknown code', { code: 'x' }, 40029, 'invalid code'],
  ] as const) {
    it(`${String(errcode)} for ${what}`, async () => {
      const wechat = await start();
      const fields = await exchange(wechat, wechat.createCode(), website, changes);
      assertRefused(fields, errcode, errmsg);
    });
  }

  it('40226 for a blocked user', async () => {
    const wechat = await start({ users: [{ id: 'mallory', blocked: true }] });
    assertRefused(await exchange(wechat, wechat.createCode()), 40226, 'code blocked');
  });

  it('40029 for the code of another app, which the right app can still use', async () => {
    const wechat = await start();
    const code = wechat.createCode({ appId: website.appId });
    assertRefused(await exchange(wechat, code, account), 40029, 'invalid code');
    assert.equal('openid' in (await exchange(wechat, code)), true);
  });

  it('40163 for a used code, and 40029 once five minutes are over', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    await exchange(wechat, code);
    wechat.advance(4 * minute);
    assertRefused(await exchange(wechat, code), 40163, 'code been used');
    wechat.advance(minute);
    assertRefused(await exchange(wechat, code), 40029, 'invalid code');
  });

  it('40029 for a code of five minutes, not for one that is a little younger', async () => {
    const wechat = await start();
    const codes = [wechat.createCode(), wechat.createCode()] as const;
    wechat.advance(5 * minute - 5000);
    assert.equal('openid' in (await exchange(wechat, codes[0])), true);
    wechat.advance(5000);
    assertRefused(await exchange(wechat, codes[1]), 40029, 'invalid code');
  });

  it('with success exactly once when one code is sent many times at once', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    const answers = await Promise.all(Array.from({ length: 30 }, () => exchange(wechat, code)));
    assert.equal(answers.filter((fields) => 'openid' in fields).length, 1);
    assert.equal(answers.filter((fields) => fields['errcode'] === 40163).length, 29);
  });

  it('with a request id that begins with the time', async () => {
    const wechat = await start();
    wechat.advance(day);
    const { errmsg } = await exchange(wechat, 'x');
    const seconds = parseInt(/rid: ([0-9a-f]{8})/.exec(String(errmsg))?.[1] ?? '', 16);
    assert.ok(Math.abs(seconds * 1000 - Date.now() - day) < minute);
  });

  it('and any other request with status 200, however absurd the address', async () => {
    const wechat = await start();
    for (const path of ['/', '//', '/?', '/connect/qrconnect?%', '/sns/auth?access_token=%ff&openid=%', '/%00']) {
      assert.equal((await fetch(`${wechat.url}${path}`)).status, 200, path);
    }
  });
});

describe('the simulator answers a POST', () => {
  afterEach(closeAll);

  it('41002 or 41001 when the parameters are in the body', async () => {
    const wechat = await start();
    for (const [path, errcode] of [
      ['/sns/oauth2/access_token', 41002],
      ['/sns/oauth2/refresh_token', 41002],
      ['/sns/userinfo', 41001],
      ['/sns/auth', 41001],
      ['/sns/jscode2session', 41002],
    ] as const) {
      const body = new URLSearchParams(exchangeOf(wechat.createCode()));
      const response = await fetch(`${wechat.url}${path}`, { method: 'POST', body });
      assert.equal(response.status, 200);
      assert.equal(((await response.json()) as { errcode: number }).errcode, errcode);
    }
  });

  it('43001 when they are in the address, without spending the code', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    const response = await fetch(address(wechat, '/sns/oauth2/access_token', exchangeOf(code)), { method: 'POST' });
    assertRefused((await response.json()) as Record<string, unknown>, 43001, 'require GET method');
    assert.equal('openid' in (await exchange(wechat, code)), true);
    const jsCode = wechat.createCode({ appId: miniProgram.appId });
    const second = await fetch(address(wechat, '/sns/jscode2session', sessionOf(jsCode)), { method: 'POST' });
    assertRefused((await second.json()) as Record<string, unknown>, 43001, 'require GET method');
    assert.equal('openid' in (await codeToSession(wechat, jsCode)), true);
  });

  it('40066 on a page, as on every path WeChat does not have', async () => {
    const wechat = await start();
    const response = await fetch(`${wechat.url}/connect/qrconnect`, { method: 'POST' });
    assertRefused((await response.json()) as Record<string, unknown>, 40066, 'invalid url');
    assertRefused(await get(wechat, '/sns/oauth2/access_token/', {}), 40066, 'invalid url');
    assertRefused(await get(wechat, '/favicon.ico', {}), 40066, 'invalid url');
  });
});

describe('the simulator answers a refresh', () => {
  afterEach(closeAll);

  it('with openid first, a comma after the scope and no unionid', async () => {
    const wechat = await start();
    const { refresh_token, openid, access_token } = await login(wechat, account);
    assert.deepEqual(Object.entries(await refresh(wechat, refresh_token, account)), [
      ['openid', openid],
      ['access_token', access_token],
      ['expires_in', 7200],
      ['refresh_token', refresh_token],
      ['scope', 'snsapi_base,snsapi_userinfo,'],
    ]);
    const base = await login(wechat, account, { scope: 'snsapi_base' });
    assert.equal((await refresh(wechat, base.refresh_token, account))['scope'], 'snsapi_base,');
    const qr = await login(wechat, website);
    assert.equal((await refresh(wechat, qr.refresh_token))['scope'], 'snsapi_login,');
  });

  it('by renewing an access token that still works', async () => {
    const wechat = await start();
    const tokens = await login(wechat);
    wechat.advance(100 * minute);
    assert.equal((await refresh(wechat, tokens.refresh_token))['access_token'], tokens.access_token);
    wechat.advance(100 * minute);
    assert.equal('nickname' in (await userInfo(wechat, tokens)), true);
  });

  it('with a new access token after the old one expired, which stays expired', async () => {
    const wechat = await start();
    const tokens = await login(wechat);
    wechat.advance(120 * minute);
    const { access_token } = await refresh(wechat, tokens.refresh_token);
    assert.notEqual(access_token, tokens.access_token);
    assert.equal('nickname' in (await userInfo(wechat, { ...tokens, access_token: String(access_token) })), true);
    assertRefused(await userInfo(wechat, tokens), 42001, 'access_token expired');
  });

  it('42002 after thirty days, however often it was refreshed, and 40030 long after', async () => {
    const wechat = await start();
    const { refresh_token } = await login(wechat);
    wechat.advance(30 * day - minute);
    assert.equal('access_token' in (await refresh(wechat, refresh_token)), true);
    wechat.advance(minute);
    assertRefused(await refresh(wechat, refresh_token), 42002, 'refresh_token expired');
    wechat.advance(30 * day);
    assertRefused(await refresh(wechat, refresh_token), 40030, 'invalid refresh_token');
  });

  for (const [what, changes, errcode, errmsg] of [
    ['no appid', { appid: '' }, 41002, 'appid missing'],
    ['an unknown appid', { appid: 'wx1' }, 40013, 'invalid appid'],
    ["another app's appid", { appid: account.appId }, 40030, 'invalid refresh_token'],
    ['another grant type', { grant_type: 'authorization_code' }, 40002, 'invalid grant_type\n'],
    ['no refresh token', { refresh_token: '' }, 41003, 'refresh_token missing'],
    ['an unknown refresh token', { refresh_token: 'x' }, 40030, 'invalid refresh_token'],
  ] as const) {
    it(`${String(errcode)} for ${what}`, async () => {
      const wechat = await start();
      const { refresh_token } = await login(wechat);
      assertRefused(await refresh(wechat, refresh_token, website, changes), errcode, errmsg);
    });
  }
});

describe('the simulator answers user info and token checks', () => {
  afterEach(closeAll);

  it('with everything the user was configured with', async () => {
    const configured = {
      nickname: 'Sample',
      sex: 1,
      language: 'zh_CN',
      city: '广州',
      province: '广东',
      country: '中国',
      headimgurl: 'http://thirdwx.qlogo.cn/46',
      privilege: ['chinaunicom'],
    } as const;
    const wechat = await start({ users: [{ id: 'old', ...configured }] });
    const tokens = await login(wechat);
    assert.deepEqual(await userInfo(wechat, tokens), {
      openid: tokens.openid,
      ...configured,
      unionid: tokens['unionid'],
    });
  });

  it('with the id as the nickname of a user without one', async () => {
    const wechat = await start({ users: [{ id: 'carol' }] });
    assert.equal((await userInfo(wechat, await login(wechat)))['nickname'], 'carol');
  });

  it('ok for a token and its openid, even of a base login', async () => {
    const wechat = await start();
    const { access_token, openid } = await login(wechat, account, { scope: 'snsapi_base' });
    assert.deepEqual(await get(wechat, '/sns/auth', { access_token, openid }), { errcode: 0, errmsg: 'ok' });
  });

  it('48001 for the user info of a base login', async () => {
    const wechat = await start();
    const tokens = await login(wechat, account, { scope: 'snsapi_base' });
    assertRefused(await userInfo(wechat, tokens), 48001, 'api unauthorized');
  });

  for (const path of ['/sns/userinfo', '/sns/auth']) {
    for (const [what, changes, errcode, errmsg] of [
      ['no token', { access_token: '' }, 41001, 'access_token missing'],
      ['no openid', { openid: '' }, 41009, 'missing openid'],
      ['an unknown token', { access_token: 'x' }, 40001, 'invalid credential, access_token is invalid or not latest'],
      ["somebody else's openid", { openid: 'o' }, 40003, 'invalid openid'],
    ] as const) {
      it(`${String(errcode)} for ${what} at ${path}`, async () => {
        const wechat = await start();
        const { access_token, openid } = await login(wechat);
        assertRefused(await get(wechat, path, { access_token, openid, ...changes }), errcode, errmsg);
      });
    }

    it(`42001 for a token of two hours at ${path}, and 40001 when it is long forgotten`, async () => {
      const wechat = await start();
      const { access_token, openid } = await login(wechat);
      wechat.advance(120 * minute - 5000);
      assert.equal((await get(wechat, path, { access_token, openid }))['openid'] ?? openid, openid);
      wechat.advance(5000);
      assertRefused(await get(wechat, path, { access_token, openid }), 42001, 'access_token expired');
      wechat.advance(30 * day);
      assert.equal((await get(wechat, path, { access_token, openid }))['errcode'], 40001);
    });
  }
});
