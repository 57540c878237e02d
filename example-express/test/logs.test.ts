import assert from 'node:assert/strict';

import { call, JWT_SECRET, login, me, refresh, startBefore, tokenFor, validate } from './support/api.js';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly req?: { readonly id: string; readonly method: string; readonly path: string };
  readonly res?: { readonly status: number };
  readonly err?: {
    readonly name: string;
    readonly message: string;
    readonly code: string;
    readonly errcode: number;
    readonly errmsg: string;
  };
}

describe('the log', () => {
  const parts = startBefore({ LOG_LEVEL: 'debug', WECHAT_TIMEOUT: '1' });
  const secrets = new Map<string, string>();
  let lines: Line[] = [];
  let output = '';

  before('a day in the life of the service', async () => {
    const { wechat, service } = parts();
    const secret = (name: string, value: string) => {
      secrets.set(name, value);
      return value;
    };
    const code = (name: string) => secret(name, wechat.createCode());
    for (const { appSecret } of wechat.apps) secret(`the secret of an app ${appSecret}`, appSecret);
    secret('the secret of the JWTs', JWT_SECRET);
    secret('what WeChat says to us only', 'wordsOfWeChat');

    wechat.misbehave('access_token', {
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: JSON.stringify({
        access_token: secret('the access token', 'accessTokenOfAlice'),
        expires_in: 7200,
        refresh_token: secret('the refresh token', 'refreshTokenOfAlice'),
        openid: 'oAlice',
        scope: 'snsapi_base',
      }),
    });
    const token = secret('the JWT', await tokenFor(service, secret('the first code', 'firstCode')));
    await me(service, token);
    await validate(service, token);
    await refresh(service, token);
    await login(service, secret('a made-up code', 'madeUpCode'));
    const used = code('a used code');
    await login(service, used);
    await login(service, used);
    await me(service, secret('a forged JWT', `${token.slice(0, -4)}AAAA`));
    // WeChat sends the browser back with the code in the address; others put it, and tokens, into wrong places.
    await call(service, `/?code=${code('a code in the address')}&state=${secret('a state', 'stateOfThisBrowser')}`);
    await call(service, `/api/nothing?access_token=${token}`, {
      headers: { referer: `http://localhost/?code=${used}` },
    });
    await call(service, '/api/auth/wechat', { raw: `{"code":"${secret('a code in half of the JSON', 'halfCode')}` });
    await call(service, '/api/auth/wechat', { json: { code: secret('a long code', 'longCode'.repeat(2000)) } });
    await call(service, '/api/me', {
      headers: { cookie: secret('a cookie', 'cookieOfAlice'), 'x-request-id': 'fromOutside' },
    });
    for (const fault of [
      { errcode: 40125, errmsg: 'for the operator, from 203.0.113.9' },
      { errcode: -1, errmsg: '' },
      { status: 502, body: 'wordsOfWeChat' },
      { connection: 'reset' },
      { connection: 'hang' },
      { answer: 'malformed' },
    ] as const) {
      wechat.misbehave('any', fault, { times: Infinity });
      const fresh = code(`a code of a login that fails with ${JSON.stringify(fault)}`);
      await Promise.all([login(service, fresh), refresh(service, token), validate(service, token)]);
      wechat.behave();
    }
    await service.stop();
    output = service.output;
    lines = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  });

  it('holds no secret, no code, no token and no JWT', () => {
    assert.ok(secrets.size > 15);
    for (const [name, value] of secrets) assert.ok(!output.includes(value), `The output holds ${name}`);
    assert.doesNotMatch(output, /eyJ/);
    assert.doesNotMatch(output, /authorization|bearer|cookie|referer|user-agent/i);
    assert.doesNotMatch(output, /[?&](code|state|secret|access_token|refresh_token)=/);
  });

  it('has a line for every request, with an id of its own', () => {
    const finished = lines.filter(({ msg }) => msg === 'request completed' || msg === 'request errored');
    assert.equal(finished.length, 31);
    for (const { req, res } of finished) {
      assert.match(req?.id ?? '', /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/);
      assert.match(req?.path ?? '', /^\/[\w/]*$/);
      assert.deepEqual(Object.keys(req ?? {}), ['id', 'method', 'path']);
      assert.deepEqual(Object.keys(res ?? {}), ['status']);
    }
    assert.equal(new Set(finished.map(({ req }) => req?.id)).size, finished.length);
  });

  it('says in the line of a failed request why it failed', () => {
    const errors = lines.filter(({ msg }) => msg === 'request errored');
    assert.equal(errors.length, 18);
    for (const { level, err } of errors) {
      assert.equal(level, 50);
      assert.match(err?.name ?? '', /^WeChat\w+Error$/);
    }
    const config = errors.find(({ err }) => err?.code === 'ERR_WECHAT_CONFIG');
    assert.equal(config?.err?.errcode, 40125);
    assert.equal(config.err.errmsg, 'for the operator, from 203.0.113.9');
    assert.deepEqual(config.res, { status: 500 });
  });

  it('is JSON from the first line to the last, but for the address and the farewell of a person', () => {
    const others = output.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
    assert.deepEqual(others, [`The service is at ${parts().service.url} (stop it with Ctrl+C)`]);
  });
});
