import assert from 'node:assert/strict';

import type { Fault } from 'passport-wechat-code/simulator';

import { call, login, me, refresh, refusal, startBefore, tokenFor, validate } from './support/api.js';

describe('the routes', () => {
  const parts = startBefore(
    { WECHAT_TIMEOUT: '1' },
    {
      users: [
        { id: 'alice', nickname: '爱丽丝😀', headimgurl: 'http://thirdwx.qlogo.cn/mmopen/vi_32/a/132' },
        { id: 'ghost', snapshot: true },
        { id: 'villain', blocked: true },
      ],
    },
  );
  const post = (body: Parameters<typeof call>[2]) => call(parts().service, '/api/auth/wechat', body);
  const code = (user = 'alice') => parts().wechat.createCode({ user });

  it('POST /api/auth/wechat gives a JWT and the user for a code', async () => {
    const { status, headers, body } = await login(parts().service, code());
    assert.equal(status, 200);
    assert.match(headers.get('content-type') ?? '', /^application\/json/);
    assert.deepEqual(Object.keys(body), ['token', 'user']);
    assert.match(body.token ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.deepEqual(Object.keys(body.user ?? {}), ['openid', 'nickname', 'avatar']);
    assert.equal(body.user?.nickname, '爱丽丝😀');
    assert.equal(body.user.avatar, 'https://thirdwx.qlogo.cn/mmopen/vi_32/a/132');
  });

  describe('POST /api/auth/wechat-miniprogram', () => {
    const miniLogin = (jsCode: unknown) =>
      call(parts().service, '/api/auth/wechat-miniprogram', { json: { code: jsCode } });
    const jsCode = (user = 'alice'): string => {
      const { appId = '' } = parts().wechat.apps.find(({ kind }) => kind === 'mini-program') ?? {};
      return parts().wechat.createCode({ appId, user });
    };

    it('gives a JWT and the user for the code of wx.login, and nothing of the session', async () => {
      const { status, body, text } = await miniLogin(jsCode());
      assert.equal(status, 200);
      assert.deepEqual([body.user?.nickname, body.user?.avatar], ['', '']);
      assert.doesNotMatch(text, /session/i);
      assert.deepEqual((await me(parts().service, body.token)).body, { user: body.user });
    });

    it('makes one user of two logins, and another one than in the app', async () => {
      const [first, second, elsewhere] = [
        await miniLogin(jsCode()),
        await miniLogin(jsCode()),
        await login(parts().service, code()),
      ];
      assert.equal(first.body.user?.openid, second.body.user?.openid);
      assert.notEqual(first.body.user?.openid, elsewhere.body.user?.openid);
    });

    it('fails as the other route does', async () => {
      const used = jsCode();
      await miniLogin(used);
      assert.equal(refusal(await miniLogin(used)), '401 ERR_WECHAT_CODE_USED');
      assert.equal(refusal(await miniLogin(code())), '401 ERR_WECHAT_INVALID_CODE');
      assert.equal(refusal(await miniLogin(undefined)), '400 ERR_WECHAT_CODE_MISSING');
      assert.equal(refusal(await miniLogin(jsCode('villain'))), '403 ERR_WECHAT_USER_BLOCKED');
    });

    it('gives no WeChat token that could be refreshed or checked', async () => {
      const { token } = (await miniLogin(jsCode())).body;
      assert.equal(refusal(await refresh(parts().service, token)), '409 NO_WECHAT_TOKEN');
      assert.deepEqual((await validate(parts().service, token)).body, { valid: false });
    });
  });

  it('GET /api/me gives the user again', async () => {
    const { body } = await login(parts().service, code());
    const { status, body: again } = await me(parts().service, body.token);
    assert.deepEqual([status, again], [200, { user: body.user }]);
  });

  it('POST /api/wechat/refresh gets a new access token', async () => {
    const { status, body } = await refresh(parts().service, await tokenFor(parts().service, code()));
    assert.deepEqual([status, body], [200, { expiresIn: 7200 }]);
  });

  it('GET /api/wechat/validate tells whether the access token works', async () => {
    const { status, body } = await validate(parts().service, await tokenFor(parts().service, code()));
    assert.deepEqual([status, body], [200, { valid: true }]);
  });

  it('GET /healthz says that the stores answer', async () => {
    const { status, body } = await call(parts().service, '/healthz');
    assert.deepEqual([status, body], [200, { status: 'ok' }]);
  });

  it('GET /api/auth/wechat tells the page where to send the browser', async () => {
    const { wechat, service } = parts();
    const { status, text } = await call(service, '/api/auth/wechat?state=0123456789abcdef');
    const { url } = JSON.parse(text) as { url: string };
    assert.equal(status, 200);
    assert.equal(url, wechat.authorizeUrl({ redirectUri: `${service.url}/`, state: '0123456789abcdef' }));
  });

  for (const state of ['', 'tooShort', 'a'.repeat(129), 'not+letters/and-digits', '微信微信微信微信微信微信']) {
    it(`GET /api/auth/wechat refuses the state "${state}"`, async () => {
      const answer = await call(parts().service, `/api/auth/wechat?${new URLSearchParams({ state }).toString()}`);
      assert.equal(refusal(answer), '400 BAD_STATE');
    });
  }

  it('GET /api/auth/wechat refuses no state, and two', async () => {
    for (const query of ['', '?state=0123456789abcdef&state=0123456789abcdef', '?state[a]=0123456789abcdef']) {
      assert.equal(refusal(await call(parts().service, `/api/auth/wechat${query}`)), '400 BAD_STATE', query);
    }
  });

  for (const [method, path] of [
    ['GET', '/api/me'],
    ['POST', '/api/wechat/refresh'],
    ['GET', '/api/wechat/validate'],
  ] as const) {
    it(`${method} ${path} wants a JWT`, async () => {
      const answer = await call(parts().service, path, { method });
      assert.equal(refusal(answer), '401 UNAUTHORIZED');
      assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    });
  }

  describe('of a login refuse', () => {
    for (const [what, body, expected] of [
      ['no body', {}, '400 ERR_WECHAT_CODE_MISSING'],
      ['a body without a code', { json: { state: 'a state' } }, '400 ERR_WECHAT_CODE_MISSING'],
      ['an array', { json: ['aCode'] }, '400 ERR_WECHAT_CODE_MISSING'],
      ['an empty code', { json: { code: '' } }, '400 ERR_WECHAT_CODE_MALFORMED'],
      ['a number', { json: { code: 5 } }, '400 ERR_WECHAT_CODE_MALFORMED'],
      ['two codes', { json: { code: ['a', 'b'] } }, '400 ERR_WECHAT_CODE_MALFORMED'],
      ['a code that is too long', { json: { code: 'a'.repeat(513) } }, '400 ERR_WECHAT_CODE_MALFORMED'],
      ['a code with a line break', { json: { code: 'a\r\nb' } }, '400 ERR_WECHAT_CODE_MALFORMED'],
      ['half of the JSON', { raw: '{"code":"aSecretCode' }, '400 BAD_REQUEST'],
      ['JSON that is no object', { raw: '"aSecretCode"' }, '400 BAD_REQUEST'],
      ['a body over 10 KB', { json: { code: 'a'.repeat(11_000) } }, '413 PAYLOAD_TOO_LARGE'],
      ['text', { raw: 'code=aSecretCode', headers: { 'content-type': 'text/plain' } }, '400 ERR_WECHAT_CODE_MISSING'],
      [
        'a form',
        { raw: 'code=aSecretCode', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
        '400 ERR_WECHAT_CODE_MISSING',
      ],
      [
        'an unknown charset',
        { raw: '{}', headers: { 'content-type': 'application/json; charset=secret' } },
        '415 UNSUPPORTED_MEDIA_TYPE',
      ],
      [
        'an unknown compression',
        { raw: '{}', headers: { 'content-encoding': 'secret' } },
        '415 UNSUPPORTED_MEDIA_TYPE',
      ],
      ['a code that WeChat never gave', { json: { code: 'aSecretCode' } }, '401 ERR_WECHAT_INVALID_CODE'],
      ['the word for a refusal by the user', { json: { code: 'authdeny' } }, '401 ERR_WECHAT_LOGIN_REFUSED'],
    ] as const) {
      it(`${what}: ${expected}`, async () => {
        const answer = await post({ method: 'POST', ...body });
        assert.equal(refusal(answer), expected);
        assert.doesNotMatch(answer.text, /secret/i);
        assert.deepEqual(Object.keys(answer.body), ['error']);
        assert.deepEqual(Object.keys(answer.body.error ?? {}), ['code', 'message']);
        assert.notEqual(answer.body.error?.message, '');
      });
    }

    it('a used code: 401 ERR_WECHAT_CODE_USED', async () => {
      const used = code();
      await tokenFor(parts().service, used);
      assert.equal(refusal(await login(parts().service, used)), '401 ERR_WECHAT_CODE_USED');
    });

    it('all but one of many logins with one code', async () => {
      const shared = code();
      const answers = await Promise.all(Array.from({ length: 8 }, () => login(parts().service, shared)));
      const refusals = answers.filter(({ status }) => status !== 200).map(refusal);
      assert.deepEqual(refusals, Array(7).fill('401 ERR_WECHAT_CODE_USED'));
    });

    it('an expired code: 401 ERR_WECHAT_INVALID_CODE', async () => {
      const old = code();
      parts().wechat.advance(5 * 60_000 + 1);
      assert.equal(refusal(await login(parts().service, old)), '401 ERR_WECHAT_INVALID_CODE');
    });

    it('a user of a snapshot page: 403 ERR_WECHAT_SNAPSHOT_USER', async () => {
      assert.equal(refusal(await login(parts().service, code('ghost'))), '403 ERR_WECHAT_SNAPSHOT_USER');
    });

    it('a user whom WeChat blocks: 403 ERR_WECHAT_USER_BLOCKED', async () => {
      assert.equal(refusal(await login(parts().service, code('villain'))), '403 ERR_WECHAT_USER_BLOCKED');
    });
  });

  it('answer 404 where there is nothing', async () => {
    for (const [method, path] of [
      ['GET', '/nothing'],
      ['GET', '/api/nothing'],
      ['DELETE', '/api/me'],
      ['GET', '/..%2fpackage.json'],
      ['GET', '/%ff'],
    ] as const) {
      assert.equal(refusal(await call(parts().service, path, { method })), '404 NOT_FOUND', path);
    }
  });

  const everyTime = { times: Infinity };
  const details = 'details of the inside 10.1.2.3';
  const faults: [string, Fault, string][] = [
    ['is busy', { errcode: -1, errmsg: details }, '503 ERR_WECHAT_BUSY'],
    ['is asked too often', { errcode: 45011, errmsg: details }, '503 ERR_WECHAT_RATE_LIMITED'],
    ['does not answer', { connection: 'hang' }, '504 ERR_WECHAT_TIMEOUT'],
    ['ends the connection', { connection: 'reset' }, '502 ERR_WECHAT_NETWORK'],
    ['is a gateway without WeChat', { status: 502, body: details }, '502 ERR_WECHAT_RESPONSE'],
    ['answers with a page', { answer: 'html' }, '502 ERR_WECHAT_RESPONSE'],
    ['says that the service is not allowed', { errcode: 40164, errmsg: details }, '500 ERR_WECHAT_CONFIG'],
    ['answers what nobody documented', { errcode: 99999, errmsg: details }, '502 ERR_WECHAT_API'],
  ];
  for (const [what, fault, expected] of faults) {
    it(`answer ${expected} to a login, a refresh and a validation when WeChat ${what}, and not why`, async () => {
      const { wechat, service } = parts();
      const token = await tokenFor(service, code());
      const fresh = code();
      wechat.misbehave('any', fault, everyTime);
      const answers = await Promise.all([login(service, fresh), refresh(service, token), validate(service, token)]);
      assert.ok(answers.map(refusal).includes(expected));
      for (const answer of answers) {
        // What is tried again may be cut off by the end of the time.
        if (refusal(answer) !== '504 ERR_WECHAT_TIMEOUT') assert.equal(refusal(answer), expected);
        assert.equal(answer.body.error?.message, 'The service has a problem: try again in a moment');
        assert.doesNotMatch(answer.text, /details|127\.0\.0\.1|localhost|sns|stack/);
      }
    });
  }

  it('answer 503 ERR_WECHAT_LOGIN_LOST when the answer of WeChat got lost', async () => {
    const { wechat, service } = parts();
    wechat.misbehave('access_token', { connection: 'reset', processed: true });
    assert.equal(refusal(await login(service, code())), '503 ERR_WECHAT_LOGIN_LOST');
  });

  it('answer 401 to a refresh when WeChat no longer knows the user', async () => {
    const { wechat, service } = parts();
    const token = await tokenFor(service, code());
    wechat.misbehave('refresh_token', { errcode: 42002 });
    assert.equal(refusal(await refresh(service, token)), '401 ERR_WECHAT_REFRESH_TOKEN_EXPIRED');
  });
});
