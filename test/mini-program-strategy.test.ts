import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import {
  type CommonLoginOptions,
  type HttpOptions,
  type LoginRequest,
  type SessionClient,
  type VerifySession,
  WeChatClient,
  WeChatCodeStrategy,
  WeChatError,
  WeChatMiniProgramStrategy,
  type WeChatProfile,
  type WeChatSession,
} from '../src/index.js';
import { startWeChatSimulator, type WeChatSimulator } from '../src/simulator/index.js';
import { closeServers, frameworks, parse, send, type Sent, startLoginApp } from './support/app.js';
import { appId, appSecret, sessionAnswer, startCannedWeChat } from './support/canned-wechat.js';
import * as scripted from './support/scripted-server.js';
import { answer, hang, json, reset, type Script } from './support/scripted-server.js';

const { openid, unionid, session_key: sessionKey } = sessionAnswer;
/** WeChat's errmsg can hold the server's address: it is for the operator's log only. */
const errmsg = 'text of WeChat, not in ipv6 ::ffff:203.0.113.9';
const refuse = (errcode: number): Script => [[json({ errcode, errmsg })]];

const showUser: VerifySession = (session, profile) =>
  Promise.resolve({ openid: session.openid, unionid: profile.unionid });

type Options = CommonLoginOptions & { http?: HttpOptions };

function strategyAt(
  wechat: { url: string },
  options: Options = {},
  verify: VerifySession = showUser,
): WeChatMiniProgramStrategy {
  const http = { baseUrl: wechat.url, retryDelay: 1, ...options.http };
  return new WeChatMiniProgramStrategy({ appId, appSecret, ...options, http }, verify);
}

/** As JavaScript calls it: with options that the types would not allow. */
function construct(options: unknown, verify: unknown = showUser): WeChatMiniProgramStrategy {
  return Reflect.construct(WeChatMiniProgramStrategy, [options, verify]) as WeChatMiniProgramStrategy;
}

describe('a login in a mini program', () => {
  afterEach(async () => {
    await Promise.all([closeServers(), scripted.closeServers()]);
  });

  for (const [framework, express] of Object.entries(frameworks)) {
    for (const by of ['name', 'instance'] as const) {
      it(`works in ${framework} by ${by}`, async () => {
        const app = await startLoginApp(strategyAt(await startCannedWeChat()), { express, by });
        for (const sent of [{ json: { code: 'a' } }, { form: 'code=a' }, { query: 'code=a' }] satisfies Sent[]) {
          const reply = await send(app, '/login', sent);
          assert.deepEqual([reply.status, parse(reply).user], [200, { openid, unionid }]);
        }
        assert.deepEqual([app.handled, app.errors], [3, []]);
      });

      it(`in ${framework} by ${by} never gives a user to another one of 60 overlapping requests`, async () => {
        const wechat = await scripted.startServer(({ query }) => [
          json({ ...sessionAnswer, openid: query.get('js_code') }),
        ]);
        const strategy = strategyAt(wechat, {}, async (session) => {
          await sleep(Math.random() * 20);
          return { openid: session.openid };
        });
        const app = await startLoginApp(strategy, { express, by });
        const ids = Array.from({ length: 60 }, (_, index) => `user-${String(index)}`);
        const replies = await Promise.all(ids.map((code) => send(app, '/login', { json: { code } })));
        assert.deepEqual(
          replies.map((reply) => parse(reply).user),
          ids.map((id) => ({ openid: id })),
        );
      });
    }
  }

  it('gives verify the session, redacted unless it is exposed, and a profile of ids', async () => {
    const seen: { session: WeChatSession; profile: WeChatProfile }[] = [];
    for (const answered of [sessionAnswer, { ...sessionAnswer, unionid: undefined, expires_in: 7200 }]) {
      const wechat = await startCannedWeChat({ session: answered });
      const strategy = strategyAt(wechat, {}, (session, profile) => Promise.resolve(seen.push({ session, profile })));
      assert.equal((await send(await startLoginApp(strategy), '/login', { json: { code: 'a' } })).status, 200);
      // Nothing else is asked for: a mini program has no user info at WeChat.
      assert.deepEqual(
        wechat.requests.map(({ pathname }) => pathname),
        ['/sns/jscode2session'],
      );
    }
    const ids = { provider: 'wechat', id: openid, appId, openid };
    assert.deepEqual(
      seen.map(({ profile }) => profile),
      [{ ...ids, unionid }, ids],
    );
    assert.deepEqual(Object.keys(seen[1]?.session ?? {}), ['openid', 'sessionKey']);
    const session = seen[0]?.session;
    assert.equal(session?.sessionKey.exposeSecret(), sessionKey);
    assert.ok(!`${inspect(seen, { showHidden: true, depth: Infinity })}${JSON.stringify(seen)}`.includes(sessionKey));
  });

  it('stands beside a login on the web in one Passport, each under its name', async () => {
    const wechat = await startCannedWeChat();
    const http = { baseUrl: wechat.url };
    const web = new WeChatCodeStrategy({ appId, appSecret, http, codeField: 'web' }, (_tokens, { displayName }) =>
      Promise.resolve({ displayName }),
    );
    assert.deepEqual([web.name, strategyAt(wechat).name], ['wechat-code', 'wechat-miniprogram']);
    const app = await startLoginApp([web, strategyAt(wechat)]);
    assert.deepEqual(parse(await send(app, '/login', { json: { code: 'a' } })).user, { openid, unionid });
    assert.deepEqual(Object.keys(parse(await send(app, '/login', { json: { web: 'a' } })).user ?? {}), ['displayName']);
  });

  type Row = [what: string, status: number, code: string, script: Script, how?: { sent?: Sent; options?: Options }];
  const failRows: Row[] = [
    ['no code', 400, 'ERR_WECHAT_CODE_MISSING', [], { sent: { json: {} } }],
    ['a code that is no string', 400, 'ERR_WECHAT_CODE_MALFORMED', [], { sent: { json: { code: ['a'] } } }],
    [
      'another code in the query',
      400,
      'ERR_WECHAT_CODE_MALFORMED',
      [],
      { sent: { json: { code: 'a' }, query: 'code=b' } },
    ],
    ...[40029, 41008, 42003].map((errcode): Row => [
      `errcode ${String(errcode)}`,
      401,
      'ERR_WECHAT_INVALID_CODE',
      refuse(errcode),
    ]),
    ['errcode 40163', 401, 'ERR_WECHAT_CODE_USED', refuse(40163)],
    ['errcode 40226', 403, 'ERR_WECHAT_USER_BLOCKED', refuse(40226)],
    [
      'no unionid though it is required',
      403,
      'ERR_WECHAT_NO_UNIONID',
      [[json({ ...sessionAnswer, unionid: '' })]],
      { options: { requireUnionId: true } },
    ],
  ];
  for (const [what, status, code, script, { sent = { json: { code: 'a' } }, options } = {}] of failRows) {
    it(`fails with ${String(status)} ${code} at ${what}`, async () => {
      const app = await startLoginApp(strategyAt(await scripted.startServer(script), options));
      const reply = await send(app, '/login', sent);
      assert.equal(reply.status, status, reply.text);
      await send(app, '/callback', sent);
      const [outcome] = app.outcomes;
      assert.deepEqual([outcome?.error, outcome?.user, outcome?.status], [null, false, status]);
      const { message, ...info } = outcome?.info as { message: string };
      assert.deepEqual(info, { code });
      assert.match(message, /^[\x20-\x7e]{10,}$/);
      assert.deepEqual([app.handled, app.errors], [0, []]);
    });
  }

  const garbage = answer(200, '<html>');
  const errorRows: Row[] = [
    ...[40001, 40013, 40125, 40164, 40243, 41002, 41004, 50002].map((errcode): Row => [
      `errcode ${String(errcode)}`,
      500,
      'ERR_WECHAT_CONFIG',
      refuse(errcode),
    ]),
    ['errcode 48001', 500, 'ERR_WECHAT_PERMISSION_DENIED', refuse(48001)],
    ['errcode 45011', 503, 'ERR_WECHAT_RATE_LIMITED', refuse(45011)],
    ['errcode -1', 503, 'ERR_WECHAT_BUSY', refuse(-1)],
    ['a lost answer', 503, 'ERR_WECHAT_LOGIN_LOST', [[reset], [json({ errcode: 40163, errmsg })]]],
    ['silence', 504, 'ERR_WECHAT_TIMEOUT', [[hang]], { options: { http: { timeout: 100 } } }],
    ['lost connections', 502, 'ERR_WECHAT_NETWORK', [[reset]]],
    ['a page of HTML', 502, 'ERR_WECHAT_RESPONSE', [[garbage]]],
    ['an answer without a key', 502, 'ERR_WECHAT_RESPONSE', [[json({ openid })]]],
    ['an answer without an openid', 502, 'ERR_WECHAT_RESPONSE', [[json({ session_key: sessionKey, unionid })]]],
    ['an unknown errcode', 502, 'ERR_WECHAT_API', [[json({ ...sessionAnswer, errcode: 99999, errmsg })]]],
  ];
  for (const [what, status, code, script, { options } = {}] of errorRows) {
    it(`is an error with status ${String(status)} and ${code} at ${what}`, async () => {
      const wechat = await scripted.startServer(script);
      const app = await startLoginApp(strategyAt(wechat, options, () => assert.fail('verify was called')));
      const reply = await send(app, '/login', { json: { code: 'a' } });
      assert.equal(reply.status, status, reply.text);
      const [error] = app.errors;
      assert.ok(error instanceof WeChatError && app.errors.length === 1);
      assert.deepEqual([error.code, error.endpoint, error.status], [code, '/sns/jscode2session', status]);
      assert.ok(![appSecret, sessionKey, '203.0.113.9'].some((text) => reply.text.includes(text)));
      assert.ok(!inspect(error, { showHidden: true, depth: Infinity }).includes(sessionKey));
      assert.equal(app.handled, 0);
    });
  }

  it('takes a client of its own, or one for each request, of which it needs codeToSession alone', async () => {
    const wechat = await startCannedWeChat();
    const whole = new WeChatClient({ appId, appSecret, http: { baseUrl: wechat.url } });
    const half: SessionClient = { appId: whole.appId, codeToSession: (code) => whole.codeToSession(code) };
    const byRequest = (req: LoginRequest): Promise<SessionClient> => sleep(2, req.body === undefined ? half : whole);
    for (const client of [whole, half, () => half, byRequest]) {
      const app = await startLoginApp(new WeChatMiniProgramStrategy({ client }, showUser));
      assert.deepEqual(parse(await send(app, '/login', { json: { code: 'a' } })).user, { openid, unionid });
    }
  });

  it('is an error when the function gives a client for the web', async () => {
    const client = (): unknown => ({ appId, exchangeCode: () => undefined, getUserInfo: () => undefined });
    const app = await startLoginApp(construct({ client }));
    assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, 500);
    assert.match(String(app.errors[0]), /^TypeError: client must be a WeChatClient/);
  });

  it('reads the field that was chosen, and gives verify the request if that is wanted', async () => {
    const { url: baseUrl } = await startCannedWeChat();
    const strategy = new WeChatMiniProgramStrategy<LoginRequest & { headers?: Record<string, unknown> }>(
      { appId, appSecret, http: { baseUrl }, codeField: 'jsCode', name: 'game', passReqToCallback: true },
      (req, session, profile, done) => {
        done(null, { host: req.headers?.['host'], same: session.openid === profile.openid });
      },
    );
    const app = await startLoginApp(strategy);
    assert.equal(strategy.name, 'game');
    const host = new URL(app.url).host;
    assert.deepEqual(parse(await send(app, '/login', { json: { jsCode: 'a' } })).user, { host, same: true });
    assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, 400);
  });

  const good = { appId, appSecret };
  const client = new WeChatClient(good);
  const wrong: [what: string, options: unknown, message: RegExp, verify?: unknown][] = [
    ['no options', undefined, /^options must be an object/],
    ['no verify', good, /verify/, null],
    ['no appId', { appSecret }, /appId/],
    ['no appSecret', { appId }, /appSecret/],
    ['client and appId', { client, appId }, /client/],
    ['a client that is none', { client: { appId, exchangeCode: () => undefined } }, /client/],
    ['null as client', { client: null }, /client/],
    ['an empty name', { ...good, name: '' }, /name/],
    ['an empty codeField', { ...good, codeField: '' }, /codeField/],
    [
      'a verifyState, as no browser takes part',
      { ...good, verifyState: () => false },
      /^verifyState is not for mini programs$/,
    ],
    ...['userInfo', 'lang', 'allowSnapshotUser'].map((name): [string, unknown, RegExp] => [
      `the option ${name} of the other strategy`,
      { ...good, [name]: true },
      new RegExp(`^${name} is not for mini programs$`),
    ]),
    ['a requireUnionId that is no boolean', { ...good, requireUnionId: 1 }, /requireUnionId/],
    ['a passReqToCallback that is no boolean', { ...good, passReqToCallback: 'yes' }, /passReqToCallback/],
    ['a baseUrl in the clear', { ...good, http: { baseUrl: 'http://api.weixin.qq.com' } }, /http\.baseUrl/],
  ];
  for (const [what, options, message, verify] of wrong) {
    it(`is refused with a TypeError when it is set up with ${what}`, () => {
      assert.throws(() => construct(options, verify === undefined ? showUser : verify), { name: 'TypeError', message });
    });
  }

  it('shows no secret in an inspected strategy, nor in its Passport', async () => {
    const everything = { showHidden: true, depth: Infinity, maxStringLength: Infinity, getters: true } as const;
    const strategy = strategyAt(await startCannedWeChat());
    const app = await startLoginApp(strategy);
    assert.equal((await send(app, '/login', { json: { code: 'THE_CODE' } })).status, 200);
    for (const customInspect of [true, false]) {
      const shown = inspect([strategy, app.passport], { ...everything, customInspect });
      assert.ok(shown.includes('codeField'), 'the settings are not even shown');
      assert.ok(![appSecret, 'THE_CODE', sessionKey].some((secret) => shown.includes(secret)), shown);
    }
  });
});

describe('a login in a mini program of the simulated WeChat', () => {
  let wechat: WeChatSimulator;
  beforeEach(async () => {
    const game = { appId, appSecret, kind: 'mini-program', openPlatform: 'ours' } as const;
    const site = { appId: 'wx000000000000005173', appSecret: 'secret-of-site', kind: 'website' } as const;
    wechat = await startWeChatSimulator({
      apps: [game, site],
      users: [{ id: 'alice' }, { id: 'risky', blocked: true }],
    });
  });
  afterEach(async () => {
    await Promise.all([closeServers(), wechat.close()]);
  });

  it('succeeds once for each code, also when 20 come at once', async () => {
    let asked = 0;
    const strategy = strategyAt(wechat, { requireUnionId: true }, () => {
      asked += 1;
      return Promise.resolve({});
    });
    const app = await startLoginApp(strategy);
    const json = { code: wechat.createCode() };
    await Promise.all(Array.from({ length: 20 }, () => send(app, '/callback', { json })));
    const codes = app.outcomes.map(({ info }) => (info as { code?: string } | undefined)?.code);
    assert.deepEqual(codes.sort(), [...Array<string>(19).fill('ERR_WECHAT_CODE_USED'), undefined]);
    assert.equal(asked, 1);
  });

  it('fails for what WeChat refuses', async () => {
    const app = await startLoginApp(strategyAt(wechat));
    const expired = wechat.createCode();
    wechat.advance(6 * 60_000);
    for (const [code, status, expected] of [
      ['invented', 401, 'ERR_WECHAT_INVALID_CODE'],
      [expired, 401, 'ERR_WECHAT_INVALID_CODE'],
      [wechat.createCode({ appId: 'wx000000000000005173' }), 401, 'ERR_WECHAT_INVALID_CODE'],
      [wechat.createCode({ user: 'risky' }), 403, 'ERR_WECHAT_USER_BLOCKED'],
    ] as const) {
      assert.equal((await send(app, '/login', { json: { code } })).status, status);
      await send(app, '/callback', { json: { code } });
      assert.equal((app.outcomes.at(-1)?.info as { code: string }).code, expected);
    }
  });

  it('is lost when the answer is: the second try finds the code used', async () => {
    wechat.misbehave('jscode2session', { connection: 'reset', processed: true });
    const app = await startLoginApp(strategyAt(wechat));
    assert.equal((await send(app, '/login', { json: { code: wechat.createCode() } })).status, 503);
    const [error] = app.errors;
    assert.ok(error instanceof WeChatError);
    assert.deepEqual([error.code, error.attempts], ['ERR_WECHAT_LOGIN_LOST', 2]);
  });
});
