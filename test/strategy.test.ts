import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import passport from 'passport';
import { Strategy } from 'passport-strategy';

import {
  exposeTokens,
  type HttpOptions,
  type LoginFailureCode,
  type LoginOptions,
  type LoginRequest,
  type TokenResponse,
  type Verify,
  WeChatClient,
  WeChatCodeStrategy,
  WeChatError,
  type WeChatErrorCode,
  type WeChatProfile,
} from '../src/index.js';
import { type SimulatedApp, startWeChatSimulator, type WeChatSimulator } from '../src/simulator/index.js';
import { closeServers, frameworks, type LoginApp, parse, send, type Sent, startLoginApp } from './support/app.js';
import {
  appId,
  appSecret,
  type CannedWeChat,
  startCannedWeChat,
  tokenAnswer,
  userInfoAnswer,
} from './support/canned-wechat.js';

const account: SimulatedApp = { appId, appSecret, kind: 'official-account', openPlatform: 'ours' };
const loner: SimulatedApp = { appId: 'wx000000000000loner', appSecret: 'secret-of-loner', kind: 'mobile' };
const crowd = Array.from({ length: 60 }, (_, index) => ({ id: `user-${String(index)}` }));
const users = [
  { id: 'alice' },
  { id: 'virtual', nickname: '快照', snapshot: true },
  { id: 'risky', blocked: true },
  ...crowd,
];

/** WeChat's errmsg can hold the server's address: it is for the operator's log only. */
const errmsg = 'text of WeChat, not in ipv6 ::ffff:203.0.113.9';

const showUser: Verify = (_tokens, { displayName, openid, unionid }) =>
  Promise.resolve({ displayName, openid, unionid });

/** As JavaScript calls it: with options that the types would not allow. */
function construct(options: unknown, verify: unknown = showUser): WeChatCodeStrategy {
  return Reflect.construct(WeChatCodeStrategy, [options, verify]) as WeChatCodeStrategy;
}

function strategyAt(
  wechat: { url: string },
  options: LoginOptions & { http?: HttpOptions } = {},
  verify: Verify = showUser,
): WeChatCodeStrategy {
  const http = { baseUrl: wechat.url, retryDelay: 1, ...options.http };
  return new WeChatCodeStrategy({ appId, appSecret, ...options, http }, verify);
}

function outcomeOf(app: LoginApp): LoginApp['outcomes'][number] {
  assert.equal(app.outcomes.length, 1);
  const [outcome] = app.outcomes;
  assert.ok(outcome);
  return outcome;
}

function assertFailed(app: LoginApp, status: number, code: LoginFailureCode): void {
  const { error, user, info, status: given } = outcomeOf(app);
  assert.deepEqual([error, user, given], [null, false, status]);
  assert.ok(typeof info === 'object' && info !== null && 'message' in info && 'code' in info);
  assert.deepEqual(Object.keys(info), ['message', 'code']);
  assert.equal(info.code, code);
  assert.match(String(info.message), /^[\x20-\x7e]{10,}$/);
  assert.ok(!inspect(info).includes('203.0.113.9'));
}

function assertWeChatError(error: unknown, status: number, code: WeChatErrorCode): void {
  assert.ok(error instanceof WeChatError, inspect(error));
  assert.deepEqual([error.code, error.status, error.statusCode, error.expose], [code, status, status, false]);
  assert.ok(!`${error.message}${String(error.stack)}`.includes('203.0.113.9'));
}

let wechat: WeChatSimulator;

/** A suite whose every test has a WeChat of its own. */
function describeLogins(title: string, suite: () => void): void {
  describe(title, () => {
    beforeEach(async () => {
      wechat = await startWeChatSimulator({ apps: [account, loner], users });
    });
    afterEach(async () => {
      await Promise.all([closeServers(), wechat.close()]);
    });
    suite();
  });
}

function codeOf(user = 'alice', scope: 'snsapi_userinfo' | 'snsapi_base' = 'snsapi_userinfo'): string {
  return wechat.createCode({ appId, user, scope });
}

interface Row {
  /** What goes wrong; the simulator is told here. Gives the request, if it is not just alice's code. */
  arrange?: () => Sent;
  options?: LoginOptions & { http?: HttpOptions };
  verify?: Verify;
  /** Whether WeChat hears of it. Default true. */
  sent?: boolean;
}

const blame = (errcode: number, endpoint: 'access_token' | 'userinfo' = 'access_token') => ({
  arrange: () => {
    wechat.misbehave(endpoint, { errcode, errmsg }, { times: Infinity });
    return { json: { code: codeOf() } };
  },
});
const fault = (...parameters: Parameters<WeChatSimulator['misbehave']>) => ({
  arrange: () => {
    wechat.misbehave(...parameters);
    return { json: { code: codeOf() } };
  },
});
const request = (json: object, query?: string) => ({
  arrange: () => ({ json, ...(query !== undefined && { query }) }),
  sent: false,
});

type FailRow = [what: string, status: number, code: LoginFailureCode, row: Row];
const failRows: FailRow[] = [
  ['no code', 400, 'ERR_WECHAT_CODE_MISSING', request({})],
  ['an empty code', 400, 'ERR_WECHAT_CODE_MALFORMED', request({ code: '' })],
  ['a code that is no string', 400, 'ERR_WECHAT_CODE_MALFORMED', request({ code: ['a'] })],
  ['another code in the query', 400, 'ERR_WECHAT_CODE_MALFORMED', request({ code: 'a' }, 'code=b')],
  ['authdeny', 401, 'ERR_WECHAT_LOGIN_REFUSED', request({ code: 'authdeny' })],
  ['an invented code', 401, 'ERR_WECHAT_INVALID_CODE', { arrange: () => ({ json: { code: 'invented' } }) }],
  [
    "another app's code",
    401,
    'ERR_WECHAT_INVALID_CODE',
    { arrange: () => ({ json: { code: wechat.createCode({ appId: loner.appId }) } }) },
  ],
  [
    'an expired code',
    401,
    'ERR_WECHAT_INVALID_CODE',
    {
      arrange: () => {
        const code = codeOf();
        wechat.advance(6 * 60_000);
        return { json: { code } };
      },
    },
  ],
  ...[40029, 41008, 42003].map((errcode): FailRow => [
    `errcode ${String(errcode)}`,
    401,
    'ERR_WECHAT_INVALID_CODE',
    blame(errcode),
  ]),
  ['errcode 40163', 401, 'ERR_WECHAT_CODE_USED', blame(40163)],
  ['a verify without a user', 401, 'ERR_WECHAT_NO_USER', { verify: () => Promise.resolve(false) }],
  [
    'a wrong state',
    403,
    'ERR_WECHAT_WRONG_STATE',
    { ...request({ code: 'good', state: 'x' }), options: { verifyState: () => false } },
  ],
  ['a snapshot user', 403, 'ERR_WECHAT_SNAPSHOT_USER', { arrange: () => ({ json: { code: codeOf('virtual') } }) }],
  [
    'a snapshot user where a unionid is required',
    403,
    'ERR_WECHAT_SNAPSHOT_USER',
    { arrange: () => ({ json: { code: codeOf('virtual') } }), options: { requireUnionId: true } },
  ],
  ['a blocked user', 403, 'ERR_WECHAT_USER_BLOCKED', { arrange: () => ({ json: { code: codeOf('risky') } }) }],
  ['errcode 40226 for user info', 403, 'ERR_WECHAT_USER_BLOCKED', blame(40226, 'userinfo')],
  [
    'no unionid though it is required',
    403,
    'ERR_WECHAT_NO_UNIONID',
    { arrange: () => ({ json: { code: codeOf('alice', 'snsapi_base') } }), options: { requireUnionId: true } },
  ],
];

type ErrorRow = [what: string, status: number, code: WeChatErrorCode, row: Row];
const byErrcode = (
  status: number,
  code: WeChatErrorCode,
  errcodes: number[],
  endpoint?: 'access_token' | 'userinfo',
): ErrorRow[] =>
  errcodes.map((errcode) => [
    `errcode ${String(errcode)} from ${endpoint ?? 'access_token'}`,
    status,
    code,
    blame(errcode, endpoint),
  ]);
const config = [40001, 40013, 40090, 40125, 40164, 40243, 41002, 41004, 45035, 50002, 61004, 89503, 89506, 89507];
const denied = [43004, 43104, 48001, 48002, 48003, 48004, 50001, 50003, 50004, 50005];
const errorRows: ErrorRow[] = [
  ...byErrcode(500, 'ERR_WECHAT_CONFIG', config),
  ...byErrcode(500, 'ERR_WECHAT_PERMISSION_DENIED', denied),
  ...byErrcode(500, 'ERR_WECHAT_PERMISSION_DENIED', denied, 'userinfo'),
  ...byErrcode(503, 'ERR_WECHAT_RATE_LIMITED', [45009, 45011]),
  ...byErrcode(503, 'ERR_WECHAT_RATE_LIMITED', [45009, 45011], 'userinfo'),
  ...byErrcode(503, 'ERR_WECHAT_BUSY', [-1]),
  ...byErrcode(503, 'ERR_WECHAT_BUSY', [-1], 'userinfo'),
  ...byErrcode(502, 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED', [40001, 40014, 41001, 42001, 48012], 'userinfo'),
  ...byErrcode(502, 'ERR_WECHAT_REFRESH_TOKEN_EXPIRED', [42007], 'userinfo'),
  ...byErrcode(502, 'ERR_WECHAT_INVALID_OPENID', [40003, 41009, 49003], 'userinfo'),
  ...byErrcode(502, 'ERR_WECHAT_API', [99999]),
  ...byErrcode(502, 'ERR_WECHAT_API', [99999], 'userinfo'),
  [
    'a code that an answer was lost for',
    503,
    'ERR_WECHAT_LOGIN_LOST',
    fault('access_token', { connection: 'reset', processed: true }),
  ],
  [
    'silence',
    504,
    'ERR_WECHAT_TIMEOUT',
    { ...fault('access_token', { connection: 'hang' }), options: { http: { timeout: 100 } } },
  ],
  [
    'silence about the user',
    504,
    'ERR_WECHAT_TIMEOUT',
    { ...fault('userinfo', { connection: 'hang' }, { times: 2 }), options: { http: { timeout: 200 } } },
  ],
  ['a lost connection', 502, 'ERR_WECHAT_NETWORK', fault('access_token', { connection: 'reset' }, { times: 9 })],
  [
    'a refused connection',
    502,
    'ERR_WECHAT_NETWORK',
    { options: { http: { baseUrl: 'http://127.0.0.1:1' } }, sent: false },
  ],
  ['a page of HTML', 502, 'ERR_WECHAT_RESPONSE', fault('access_token', { answer: 'html' })],
  ['half an answer', 502, 'ERR_WECHAT_RESPONSE', fault('access_token', { answer: 'malformed' })],
  ['HTTP status 500', 502, 'ERR_WECHAT_RESPONSE', fault('access_token', { status: 500 })],
  ['HTTP status 503', 502, 'ERR_WECHAT_RESPONSE', fault('access_token', { status: 503 }, { times: 9 })],
  ["another user's openid", 502, 'ERR_WECHAT_RESPONSE', fault('userinfo', { answer: 'another-openid' }, { times: 9 })],
];

for (const [framework, express] of Object.entries(frameworks)) {
  describeLogins(`a login in ${framework}`, () => {
    for (const by of ['name', 'instance'] as const) {
      for (const initialize of [true, false]) {
        it(`works by ${by}, ${initialize ? 'with' : 'without'} passport.initialize()`, async () => {
          const app = await startLoginApp(strategyAt(wechat), { express, by, initialize });
          const reply = await send(app, '/login', { json: { code: codeOf() } });
          assert.equal(reply.status, 200, reply.text);
          const { user, authInfo } = parse(reply);
          assert.ok(typeof user === 'object' && user !== null && 'displayName' in user);
          assert.equal(user.displayName, 'alice');
          assert.deepEqual(authInfo, {});
          assert.deepEqual([app.handled, app.errors], [1, []]);
        });
      }

      it(`by ${by} never gives a user to another one of 60 overlapping requests`, async () => {
        crowd.forEach(() => {
          wechat.misbehave('any', { delay: Math.random() * 60 });
        });
        const strategy = strategyAt(wechat, {}, async (_tokens, profile) => {
          await sleep(Math.random() * 40);
          return { displayName: profile.displayName };
        });
        const app = await startLoginApp(strategy, { express, by });
        const replies = await Promise.all(
          crowd.map(({ id }) => send(app, '/login', { json: { code: codeOf(id), id } })),
        );
        const names = replies.map((reply) => parse(reply).user);
        assert.deepEqual(
          names,
          crowd.map(({ id }) => ({ displayName: id })),
        );
      });
    }

    const sources: Record<string, (code: string) => Sent> = {
      'the query': (code) => ({ query: `code=${code}` }),
      'a JSON body': (code) => ({ json: { code } }),
      'a urlencoded body': (code) => ({ form: `code=${code}&state=` }),
      'body and query, if they agree': (code) => ({ json: { code }, query: `code=${code}` }),
      'the query, if the body has none': (code) => ({ json: { other: 'x' }, query: `code=${code}` }),
    };
    for (const [source, request] of Object.entries(sources)) {
      it(`takes the code from ${source}`, async () => {
        const app = await startLoginApp(strategyAt(wechat), { express });
        assert.equal((await send(app, '/login', request(codeOf()))).status, 200);
      });
    }

    it('works without any body parser', async () => {
      const app = await startLoginApp(strategyAt(wechat), { express, parsers: [] });
      assert.equal((await send(app, '/login', { query: `code=${codeOf()}` })).status, 200);
      assert.equal((await send(app, '/login', {})).status, 400);
    });

    it('of 20 with the same code at once succeeds for one, and asks verify once', async () => {
      let asked = 0;
      const strategy = strategyAt(wechat, {}, () => {
        asked += 1;
        return Promise.resolve({});
      });
      const app = await startLoginApp(strategy, { express });
      const json = { code: codeOf() };
      await Promise.all(Array.from({ length: 20 }, () => send(app, '/callback', { json })));
      const failed = app.outcomes.filter(({ user }) => user === false);
      assert.deepEqual([app.outcomes.length, failed.length, asked], [20, 19, 1]);
      for (const failure of failed) assertFailed({ ...app, outcomes: [failure] }, 401, 'ERR_WECHAT_CODE_USED');
    });

    it('makes no session with session: false, and one with session: true', async () => {
      let made = 0;
      const session = {
        regenerate: (done: () => void) => {
          made += 1;
          done();
        },
        save: (done: () => void) => done(),
      };
      for (const [wanted, expected] of [
        [false, 0],
        [true, 1],
      ] as const) {
        const app = await startLoginApp(strategyAt(wechat), {
          express,
          session: wanted,
          before: (req, _res, next) => {
            Object.assign(req, { session: { ...session } });
            next();
          },
        });
        app.passport.serializeUser((_user, done) => {
          done(null, 'an id');
        });
        const reply = await send(app, '/login', { json: { code: codeOf() } });
        assert.deepEqual([reply.status, made], [200, expected], reply.text);
        assert.equal(reply.headers.get('set-cookie'), null);
      }
    });

    it('makes the info of verify req.authInfo', async () => {
      const strategy = strategyAt(wechat, {}, (_tokens, _profile, done) => {
        done(null, { id: 1 }, { scope: 'read' });
      });
      const app = await startLoginApp(strategy, { express });
      const reply = await send(app, '/login', { json: { code: codeOf() } });
      assert.deepEqual(parse(reply), { user: { id: 1 }, authInfo: { scope: 'read' } });
    });
  });

  describeLogins(`a login in ${framework} fails, for the visitor to put right:`, () => {
    for (const [what, status, code, { arrange, options, verify, sent = true }] of failRows) {
      it(`${what} is ${String(status)} ${code}`, async () => {
        const app = await startLoginApp(strategyAt(wechat, options, verify), { express });
        const prepare = arrange ?? (() => ({ json: { code: codeOf() } }));
        const reply = await send(app, '/login', prepare());
        assert.equal(reply.status, status, reply.text);
        await send(app, '/callback', prepare());
        assertFailed(app, status, code);
        assert.deepEqual([app.handled, app.errors, reply.headers.get('www-authenticate')], [0, [], null]);
        assert.equal(wechat.calls.length > 0, sent);
      });
    }
  });

  describeLogins(`a login in ${framework} is an error, for the operator to look at:`, () => {
    for (const [what, status, code, { arrange, options, sent = true }] of errorRows) {
      it(`${what} is ${String(status)} ${code}`, async () => {
        let verified = 0;
        const strategy = strategyAt(wechat, options, () => {
          verified += 1;
          return Promise.resolve({});
        });
        const app = await startLoginApp(strategy, { express });
        const prepare = arrange ?? (() => ({ json: { code: codeOf() } }));
        const reply = await send(app, '/login', prepare());
        assert.equal(reply.status, status, reply.text);
        assert.equal(app.errors.length, 1);
        assertWeChatError(app.errors[0], status, code);
        assert.ok(![appSecret, '203.0.113.9'].some((text) => reply.text.includes(text)));
        wechat.behave();
        await send(app, '/callback', prepare());
        const { error, user } = outcomeOf(app);
        assertWeChatError(error, status, code);
        assert.equal(user, undefined);
        assert.deepEqual([app.handled, verified, wechat.calls.length > 0], [0, 0, sent]);
      });
    }
  });

  describeLogins(`a chain of strategies in ${framework}`, () => {
    class Fallback extends Strategy {
      name = 'fallback';
      override authenticate(): void {
        this.success({ displayName: 'fallback' });
      }
    }

    for (const [what, , code, { arrange, options, verify }] of failRows) {
      it(`goes on after ${what} (${code})`, async () => {
        const app = await startLoginApp([strategyAt(wechat, options, verify), new Fallback()], { express });
        const reply = await send(app, '/login', arrange?.() ?? { json: { code: codeOf() } });
        assert.deepEqual(parse(reply).user, { displayName: 'fallback' });
      });
    }

    for (const [what, status, code, { arrange, options }] of errorRows.filter(
      ([, , code], index, all) => all.findIndex(([, , other]) => other === code) === index,
    )) {
      it(`ends with ${what} (${code})`, async () => {
        const app = await startLoginApp([strategyAt(wechat, options), new Fallback()], { express });
        const reply = await send(app, '/login', arrange?.() ?? { json: { code: codeOf() } });
        assert.deepEqual([reply.status, app.handled], [status, 0]);
      });
    }
  });
}

describeLogins('the options of WeChatCodeStrategy', () => {
  const good = { appId, appSecret };
  const client = new WeChatClient(good);

  const wrong: [what: string, options: unknown, message: RegExp, verify?: unknown][] = [
    ['no verify', good, /verify/, null],
    ['a verify that is no function', good, /verify/, {}],
    ['no appId', { appSecret }, /appId/],
    ['no appSecret', { appId }, /appSecret/],
    ['an empty appSecret', { appId, appSecret: '' }, /appSecret/],
    ['client and appId', { client, appId }, /client/],
    ['client and appSecret', { client, appSecret }, /client/],
    ['client and http', { client, http: {} }, /client/],
    ['a client that is none', { client: {} }, /client/],
    ['null as client', { client: null }, /client/],
    ['an empty name', { ...good, name: '' }, /name/],
    ['a name that is no string', { ...good, name: 5 }, /name/],
    ['an empty codeField', { ...good, codeField: '' }, /codeField/],
    ['a codeField that is no string', { ...good, codeField: ['code'] }, /codeField/],
    ['an unknown userInfo', { ...good, userInfo: 'sometimes' }, /userInfo.*auto/],
    ['a boolean userInfo', { ...good, userInfo: true }, /userInfo/],
    ['an unknown lang', { ...good, lang: 'fr' }, /lang.*zh_TW/],
    ['an allowSnapshotUser that is no boolean', { ...good, allowSnapshotUser: 'false' }, /allowSnapshotUser/],
    ['a requireUnionId that is no boolean', { ...good, requireUnionId: 1 }, /requireUnionId/],
    ['a passReqToCallback that is no boolean', { ...good, passReqToCallback: 'yes' }, /passReqToCallback/],
    ['a verifyState that is no function', { ...good, verifyState: true }, /verifyState/],
    ['null as verifyState', { ...good, verifyState: null }, /verifyState/],
    ['a baseUrl in the clear', { ...good, http: { baseUrl: 'http://api.weixin.qq.com' } }, /http\.baseUrl/],
  ];
  for (const [what, options, message, verify] of wrong) {
    it(`are refused with a TypeError: ${what}`, () => {
      assert.throws(() => construct(options, verify === undefined ? showUser : verify), { name: 'TypeError', message });
    });
  }

  it('name: is wechat-code unless told otherwise', () => {
    assert.equal(strategyAt(wechat).name, 'wechat-code');
    assert.equal(strategyAt(wechat, { name: 'app-two' }).name, 'app-two');
  });

  it('are not lost to a subclass with a field of its own that is called settings', async () => {
    class Own extends WeChatCodeStrategy {
      settings = 'an injected service';
    }
    const [{ appId, appSecret }] = wechat.apps;
    const strategy = new Own({ appId, appSecret, http: { baseUrl: wechat.url } }, () => Promise.resolve({ id: 1 }));
    const app = await startLoginApp(strategy);
    assert.equal((await send(app, '/login', { json: { code: codeOf() } })).status, 200);
  });

  it('codeField: is read in the place of code', async () => {
    const app = await startLoginApp(strategyAt(wechat, { codeField: 'wx_code' }));
    assert.equal((await send(app, '/login', { json: { wx_code: codeOf() } })).status, 200);
    assert.equal((await send(app, '/login', { query: `wx_code=${codeOf()}&code=other` })).status, 200);
    assert.equal((await send(app, '/login', { json: { code: codeOf() } })).status, 400);
  });

  it('allowSnapshotUser: lets virtual users in and tells verify', async () => {
    const flags: boolean[] = [];
    const strategy = strategyAt(wechat, { allowSnapshotUser: true }, ({ isSnapshotUser }) => {
      flags.push(isSnapshotUser);
      return Promise.resolve({});
    });
    const app = await startLoginApp(strategy);
    for (const user of ['virtual', 'alice']) {
      assert.equal((await send(app, '/login', { json: { code: codeOf(user) } })).status, 200);
    }
    assert.deepEqual(flags, [true, false]);
  });

  it('allowSnapshotUser: is false by default, and the name of a virtual user is not even asked for', async () => {
    const app = await startLoginApp(strategyAt(wechat));
    assert.equal((await send(app, '/login', { json: { code: codeOf('virtual') } })).status, 403);
    assert.deepEqual(
      wechat.calls.map(({ endpoint }) => endpoint),
      ['access_token'],
    );
  });

  const withoutUnionId = { ...tokenAnswer, unionid: undefined };
  const userWithoutUnionId = { ...userInfoAnswer, unionid: undefined };
  const unionIds: [where: string, answers: Parameters<typeof startCannedWeChat>[0], status: number][] = [
    ['in both answers', {}, 200],
    ['with the tokens', { userInfo: userWithoutUnionId }, 200],
    ['in the user info', { tokens: withoutUnionId }, 200],
    ['nowhere', { tokens: withoutUnionId, userInfo: userWithoutUnionId }, 403],
    ['empty', { tokens: { ...tokenAnswer, unionid: '' }, userInfo: { ...userInfoAnswer, unionid: '' } }, 403],
  ];
  for (const [where, answers, status] of unionIds) {
    it(`requireUnionId: is ${String(status)} when the unionid is ${where}`, async () => {
      const canned = await startCannedWeChat(answers);
      for (const [requireUnionId, expected] of [
        [true, status],
        [false, 200],
      ] as const) {
        const app = await startLoginApp(strategyAt(canned, { requireUnionId }));
        assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, expected);
      }
    });
  }

  for (const lang of [undefined, 'zh_CN', 'zh_TW', 'en'] as const) {
    it(`lang: ${lang ?? 'nothing'} reaches WeChat as ${lang ?? 'zh_CN'}`, async () => {
      const canned = await startCannedWeChat();
      const app = await startLoginApp(strategyAt(canned, lang ? { lang } : {}));
      assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, 200);
      assert.deepEqual(
        canned.requests.map((asked) => asked.searchParams.get('lang')),
        [null, lang ?? 'zh_CN'],
      );
    });
  }

  it('passReqToCallback: gives the request to verify first', async () => {
    const strategy = new WeChatCodeStrategy<LoginRequest & { headers?: Record<string, unknown> }>(
      { appId, appSecret, http: { baseUrl: wechat.url }, passReqToCallback: true },
      (req, tokens, profile, done) => {
        done(null, { host: req.headers?.['host'], body: req.body, same: tokens.openid === profile.openid });
      },
    );
    const app = await startLoginApp(strategy);
    const json = { code: codeOf(), more: 'text' };
    const host = new URL(app.url).host;
    assert.deepEqual(parse(await send(app, '/login', { json })).user, { host, body: json, same: true });
  });
});

describeLogins('verifyState', () => {
  type VerifyState = (req: LoginRequest, state: string) => unknown;
  const fails =
    (error: unknown): VerifyState =>
    () =>
      Promise.reject(error);
  const verdicts: [what: string, verifyState: VerifyState, status: number][] = [
    ['true', () => true, 200],
    ['a promise of true', () => Promise.resolve(true), 200],
    ['false', () => false, 403],
    ['a promise of false', () => Promise.resolve(false), 403],
    ['nothing', () => undefined, 403],
    ['a promise of nothing', () => Promise.resolve(), 403],
    ['null', () => null, 403],
    ['1', () => 1, 403],
    ['a text', () => 'yes', 403],
    ['an object', () => ({}), 403],
    ['a promise of an object', () => Promise.resolve({}), 403],
    ['a promise of a promise that is wrapped', () => Promise.resolve([Promise.resolve(true)]), 403],
    ['an exception', () => assert.fail('the store is down'), 500],
    ['a rejection', fails(new Error('the store is down')), 500],
    ['a rejection with an error that has a status', fails(Object.assign(new Error('down'), { status: 503 })), 503],
    ['a rejection with nothing', fails(undefined), 500],
    ["a rejection with 'route'", fails('route'), 500],
  ];
  for (const [what, verifyState, status] of verdicts) {
    it(`that gives ${what} makes the login ${String(status)}`, async () => {
      const strategy = construct({ appId, appSecret, http: { baseUrl: wechat.url }, verifyState });
      const app = await startLoginApp(strategy);
      const reply = await send(app, '/login', { json: { code: codeOf(), state: 'x' } });
      assert.equal(reply.status, status, reply.text);
      assert.equal(app.handled, status === 200 ? 1 : 0);
      assert.equal(wechat.calls.length > 0, status === 200);
      assert.equal(app.errors.length, status >= 500 ? 1 : 0);
      assert.ok(app.errors.every((error) => error instanceof Error));
    });
  }

  const states: [what: string, request: Sent, seen: string[]][] = [
    ['from the body', { json: { code: 'a', state: 'x' } }, ['x']],
    ['from the query', { query: 'code=a&state=x' }, ['x']],
    ['from body and query if they agree', { json: { code: 'a', state: 'x' }, query: 'state=x' }, ['x']],
    ['that is empty as such', { query: 'code=a&state=' }, ['']],
    ['that is missing as the empty string', { query: 'code=a' }, ['']],
    ['never when body and query disagree', { json: { code: 'a', state: 'x' }, query: 'state=y' }, []],
    ['never when there are two', { query: 'code=a&state=x&state=x' }, []],
    ['never when it is an array', { json: { code: 'a', state: ['x'] } }, []],
    ['never when it is an object', { json: { code: 'a', state: { length: 1 } } }, []],
    ['never when it is a number', { json: { code: 'a', state: 1 } }, []],
    ['never when it is null', { json: { code: 'a', state: null } }, []],
    ['never when the code is missing', { json: { state: 'x' } }, []],
    ['never when the code is malformed', { json: { code: '\n', state: 'x' } }, []],
    ['even when the user refused', { json: { code: 'authdeny', state: 'x' } }, ['x']],
  ];
  for (const [what, request, expected] of states) {
    it(`is asked about a state ${what}`, async () => {
      const seen: string[] = [];
      const verifyState = (_req: LoginRequest, state: string): boolean => {
        seen.push(state);
        return false;
      };
      const app = await startLoginApp(strategyAt(wechat, { verifyState }));
      const { status } = await send(app, '/login', request);
      assert.deepEqual(seen, expected);
      assert.ok(status === 403 || (status === 400 && expected.length === 0));
      assert.deepEqual(wechat.calls, []);
    });
  }

  it('that compares with an absent session does not let a missing state pass', async () => {
    const verifyState = (req: LoginRequest & { session?: { state?: unknown } }, state: string): boolean =>
      state === req.session?.state;
    const app = await startLoginApp(strategyAt(wechat, { verifyState }));
    assert.equal((await send(app, '/login', { json: { code: codeOf() } })).status, 403);
  });

  it('gets the request', async () => {
    const verifyState = (req: LoginRequest & { headers?: Record<string, unknown> }, state: string): boolean =>
      req.headers?.['host'] === state;
    const app = await startLoginApp(strategyAt(wechat, { verifyState }));
    const { host } = new URL(app.url);
    assert.equal((await send(app, '/login', { json: { code: codeOf(), state: host } })).status, 200);
  });
});

describeLogins('userInfo', () => {
  type Result = 'fetched' | 'not asked for' | 'asked for in vain' | WeChatErrorCode;
  const ok = userInfoAnswer;
  const refusal = (errcode: number): object => ({ errcode, errmsg });
  const rows: [scope: string | undefined, userInfo: object, auto: Result, always: Result][] = [
    ['snsapi_userinfo', ok, 'fetched', 'fetched'],
    ['snsapi_login', ok, 'fetched', 'fetched'],
    ['snsapi_base,snsapi_userinfo,', ok, 'fetched', 'fetched'],
    ['snsapi_base', ok, 'not asked for', 'fetched'],
    ['snsapi_base,', ok, 'not asked for', 'fetched'],
    ['snsapi_private', ok, 'not asked for', 'fetched'],
    [undefined, ok, 'fetched', 'fetched'],
    ['', ok, 'fetched', 'fetched'],
    [undefined, refusal(48001), 'asked for in vain', 'ERR_WECHAT_PERMISSION_DENIED'],
    ['', refusal(48001), 'asked for in vain', 'ERR_WECHAT_PERMISSION_DENIED'],
    [undefined, refusal(48002), 'ERR_WECHAT_PERMISSION_DENIED', 'ERR_WECHAT_PERMISSION_DENIED'],
    [undefined, refusal(40001), 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED', 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED'],
    ['snsapi_base', refusal(48001), 'not asked for', 'ERR_WECHAT_PERMISSION_DENIED'],
    ['snsapi_userinfo', refusal(48001), 'ERR_WECHAT_PERMISSION_DENIED', 'ERR_WECHAT_PERMISSION_DENIED'],
    ['snsapi_login', refusal(48001), 'ERR_WECHAT_PERMISSION_DENIED', 'ERR_WECHAT_PERMISSION_DENIED'],
  ];

  async function logIn(canned: CannedWeChat, options: LoginOptions): Promise<Result> {
    const app = await startLoginApp(strategyAt(canned, options));
    await send(app, '/callback', { json: { code: 'a' } });
    const { error, user } = outcomeOf(app);
    if (error instanceof WeChatError) return error.code;
    assert.ok(typeof user === 'object' && user !== null && 'displayName' in user);
    if (user.displayName === userInfoAnswer.nickname) return 'fetched';
    assert.equal(user.displayName, undefined);
    return canned.requests.some(({ pathname }) => pathname === '/sns/userinfo') ? 'asked for in vain' : 'not asked for';
  }

  for (const [scope, userInfo, auto, always] of rows) {
    const errcode = 'errcode' in userInfo ? ` and answers ${String(userInfo.errcode)} about the user` : '';
    it(`by each setting when WeChat grants ${scope === undefined ? 'no scope' : `"${scope}"`}${errcode}`, async () => {
      for (const [setting, expected] of [
        [undefined, auto],
        ['auto', auto],
        ['always', always],
        ['never', 'not asked for'],
      ] as const) {
        const canned = await startCannedWeChat({ tokens: { ...tokenAnswer, scope }, userInfo });
        assert.equal(await logIn(canned, setting ? { userInfo: setting } : {}), expected, setting);
      }
    });
  }
});

describeLogins('verify', () => {
  async function verified(
    canned: CannedWeChat,
    options?: LoginOptions,
  ): Promise<{ tokens: TokenResponse; profile: WeChatProfile }> {
    const seen: { tokens: TokenResponse; profile: WeChatProfile }[] = [];
    const strategy = strategyAt(canned, options, (tokens, profile) => Promise.resolve(seen.push({ tokens, profile })));
    assert.equal((await send(await startLoginApp(strategy), '/login', { json: { code: 'a' } })).status, 200);
    const [login] = seen;
    assert.ok(login && seen.length === 1);
    return login;
  }

  it('gets the tokens, redacted unless they are exposed', async () => {
    const { tokens } = await verified(await startCannedWeChat());
    const { access_token, refresh_token, openid, unionid } = tokenAnswer;
    assert.deepEqual(exposeTokens(tokens), {
      accessToken: access_token,
      refreshToken: refresh_token,
      expiresIn: 7200,
      openid,
      scope: ['snsapi_userinfo'],
      isSnapshotUser: false,
      unionid,
    });
    const shown = `${inspect(tokens, { showHidden: true, depth: Infinity })}${JSON.stringify(tokens)}`;
    assert.ok(![access_token, refresh_token].some((secret) => shown.includes(secret)), shown);
    assert.ok(shown.includes(openid));
  });

  it('gets a profile with user info', async () => {
    const { profile } = await verified(await startCannedWeChat());
    const { openid, unionid, nickname, headimgurl, sex, province, city, country, privilege } = userInfoAnswer;
    const _json = { openid, nickname, sex, province, city, country, headimgurl, privilege, unionid };
    const photos = [{ value: headimgurl }];
    assert.deepEqual(profile, {
      provider: 'wechat',
      id: openid,
      displayName: nickname,
      photos,
      appId,
      openid,
      unionid,
      _json,
    });
  });

  it('gets no photo of a user without an avatar', async () => {
    const canned = await startCannedWeChat({ userInfo: { ...userInfoAnswer, headimgurl: '' } });
    assert.deepEqual((await verified(canned)).profile.photos, []);
  });

  it('gets a profile of ids only without user info', async () => {
    const { openid, unionid } = tokenAnswer;
    const base = { ...tokenAnswer, scope: 'snsapi_base' };
    const ids = { provider: 'wechat', id: openid, appId, openid };
    const { profile } = await verified(await startCannedWeChat({ tokens: base }));
    assert.deepEqual(profile, { ...ids, unionid });
    const alone = await verified(await startCannedWeChat({ tokens: { ...base, unionid: undefined } }));
    assert.deepEqual(alone.profile, ids);
  });

  it('gets the unionid that only the user info has', async () => {
    const login = await verified(await startCannedWeChat({ tokens: { ...tokenAnswer, unionid: undefined } }));
    assert.equal(login.profile.unionid, userInfoAnswer.unionid);
    assert.ok(!('unionid' in login.tokens));
  });

  for (const field of ['openid', 'unionid'] as const) {
    it(`is not called when the user info has another ${field}: that is 502`, async () => {
      const canned = await startCannedWeChat({ userInfo: { ...userInfoAnswer, [field]: 'oMallory' } });
      const app = await startLoginApp(strategyAt(canned, {}, () => assert.fail('verify was called')));
      assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, 502);
      assertWeChatError(app.errors[0], 502, 'ERR_WECHAT_RESPONSE');
      assert.ok(!inspect(app.errors[0]).includes('oMallory'));
    });
  }
});

describeLogins('client', () => {
  const clientOf = ({ appId, appSecret }: SimulatedApp): WeChatClient =>
    new WeChatClient({ appId, appSecret, http: { baseUrl: wechat.url } });
  const showApp: Verify = (_tokens, profile) => Promise.resolve({ appId: profile.appId });

  it('is used as it is', async () => {
    const app = await startLoginApp(new WeChatCodeStrategy({ client: clientOf(loner) }, showApp));
    const code = wechat.createCode({ appId: loner.appId });
    assert.deepEqual(parse(await send(app, '/login', { json: { code } })).user, { appId: loner.appId });
  });

  for (const [how, wrap] of [
    ['at once', (client: WeChatClient) => client],
    ['later', (client: WeChatClient) => sleep(2, client)],
  ] as const) {
    it(`is chosen for each request, ${how}`, async () => {
      const clients = new Map([account, loner].map((app) => [app.appId, clientOf(app)]));
      const choose = (req: LoginRequest): WeChatClient | Promise<WeChatClient> => {
        const client = clients.get((req.body as { app: string }).app);
        assert.ok(client);
        return wrap(client);
      };
      const app = await startLoginApp(new WeChatCodeStrategy({ client: choose }, showApp));
      const replies = await Promise.all(
        [...clients.keys(), ...clients.keys()].map(async (appId) => {
          const json = { code: wechat.createCode({ appId }), app: appId };
          return parse(await send(app, '/login', { json })).user;
        }),
      );
      assert.deepEqual(
        replies,
        [...clients.keys(), ...clients.keys()].map((appId) => ({ appId })),
      );
    });
  }

  it('is not chosen when the code or the state is wrong', async () => {
    const client = (): never => assert.fail('a client was asked for');
    const app = await startLoginApp(new WeChatCodeStrategy({ client, verifyState: () => false }, showApp));
    assert.equal((await send(app, '/login', {})).status, 400);
    assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, 403);
  });

  const noClient = /^TypeError: client must be a WeChatClient/;
  const wrong: [what: string, client: unknown, error: RegExp][] = [
    ['gives nothing', () => undefined, noClient],
    ['gives a promise of null', () => Promise.resolve(null), noClient],
    ['gives something else', () => ({ exchangeCode: 'no function' }), noClient],
    ['gives half a client', () => ({ exchangeCode: () => undefined }), noClient],
    ['throws', () => assert.fail('no such app'), /^AssertionError.*: no such app$/],
    ['rejects with nothing', () => Promise.reject(), /^TypeError: .*not an Error/],
    ["rejects with 'route'", () => Promise.reject('route'), /^TypeError: .*not an Error/],
  ];
  for (const [what, client, error] of wrong) {
    it(`that ${what} is an error`, async () => {
      const app = await startLoginApp(construct({ client }));
      assert.equal((await send(app, '/login', { json: { code: codeOf() } })).status, 500);
      const [given] = app.errors;
      assert.match(String(given), error);
      if (String(given).includes('not an Error')) assert.equal((given as { statusCode?: number }).statusCode, 500);
      assert.deepEqual([app.handled, app.errors.length, wechat.calls.length], [0, 1, 0]);
    });
  }
});

describeLogins('inspecting', () => {
  it('a strategy, a client or Passport shows no secret, not even after logins', async () => {
    const everything = { showHidden: true, depth: Infinity, maxStringLength: Infinity, maxArrayLength: Infinity };
    const canned = await startCannedWeChat();
    const client = new WeChatClient({ appId, appSecret, http: { baseUrl: canned.url } });
    const secrets = [appSecret, 'THE_CODE', tokenAnswer.access_token, tokenAnswer.refresh_token];
    for (const strategy of [strategyAt(canned), new WeChatCodeStrategy({ client }, showUser)]) {
      for (const by of ['name', 'instance'] as const) {
        const app = await startLoginApp(strategy, { by });
        assert.equal((await send(app, '/login', { json: { code: 'THE_CODE' } })).status, 200);
        passport.use(strategy);
        const shown = [
          ...[strategy, client, app.passport, passport].map((value) =>
            inspect(value, { ...everything, getters: true, customInspect: false }),
          ),
          ...[strategy, client, app.passport, passport].map((value) => inspect(value, everything)),
          JSON.stringify(strategy),
          JSON.stringify(client),
        ];
        passport.unuse(strategy.name);
        assert.ok(shown[0]?.includes('codeField'), 'the settings are not even shown');
        for (const text of shown) assert.ok(!secrets.some((secret) => text.includes(secret)), text);
      }
    }
  });
});
