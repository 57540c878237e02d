import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';

// eslint-disable-next-line no-restricted-imports -- the control shows what got's own errors give away
import got from 'got';

import {
  AccessToken,
  AppSecret,
  AuthorizationCode,
  type CallOptions,
  exposeTokens,
  type HttpOptions,
  type LoginRequest,
  RefreshToken,
  SessionKey,
  WeChatClient,
  WeChatCodeStrategy,
  WeChatError,
} from '../../src/index.js';
import { closeServers as closeApps, frameworks, send, startLoginApp } from '../support/app.js';
import { appId, openid, tokens, userInfo } from '../support/calls.js';
import { canaries, canariesIn } from '../support/canaries.js';
import { renderings } from '../support/leaks.js';
import {
  answer,
  answerBytes,
  certificate,
  closeServers,
  drip,
  end,
  hang,
  json,
  raw,
  type ReceivedRequest,
  reset,
  type ScriptedServer,
  type ServerOptions,
  startServer,
  type Step,
} from '../support/scripted-server.js';
import { printSeed, seed } from '../support/seed.js';
import { transports } from '../support/transports.js';

const { appSecret, code, accessToken, refreshToken, sessionKey } = canaries;
const secretTokens = { ...tokens, access_token: accessToken, refresh_token: refreshToken, session_key: sessionKey };
const secretBody = answerBytes(200, JSON.stringify(secretTokens));

type Call = (client: WeChatClient, options?: CallOptions) => Promise<unknown>;
const calls: Readonly<Record<string, Call>> = {
  exchangeCode: (client, options) => client.exchangeCode(code, options),
  codeToSession: (client, options) => client.codeToSession(code, options),
  getUserInfo: (client, options) => client.getUserInfo(accessToken, openid, options),
  refreshToken: (client, options) => client.refreshToken(refreshToken, options),
  validateToken: (client, options) => client.validateToken(accessToken, openid, options),
};

const lowerPercent = (text: string): string => text.replace(/%[\dA-F]{2}/g, (escape) => escape.toLowerCase());
const formEncode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);

/** How a server, or a proxy on the way to it, may repeat what it was sent. */
const echoes: Readonly<Record<string, (secret: string) => string>> = {
  'as it is': (secret) => secret,
  'as it was sent': encodeURIComponent,
  'as a form encodes it': formEncode,
  'encoded in lower case': (secret) => lowerPercent(encodeURIComponent(secret)),
  'as a form encodes it, in lower case': (secret) => lowerPercent(formEncode(secret)),
  'as a URL encodes it': (secret) => new URL(`http://x/?${secret.replaceAll('%', '%25')}`).href,
  'as JSON': JSON.stringify,
  'with a line break for each space': (secret) => secret.replaceAll(' ', '\n'),
  'with a control character in it': (secret) => `${secret.slice(0, 30)}\u0007${secret.slice(30)}`,
  'without its end': (secret) => secret.slice(0, 18),
  'without its beginning': (secret) => secret.slice(-18),
  'in pieces': (secret) => (secret.match(/.{1,12}/gsu) ?? []).join(' - '),
};

/** All that was sent, in every way. */
function echo({ target, query }: ReceivedRequest): string {
  return [target, ...[...query.values()].flatMap((value) => Object.values(echoes).map((how) => how(value)))].join(' ');
}

type Script = (request: ReceivedRequest) => readonly Step[];
const header = (text: string): string => text.replace(/[^\x20-\x7e]/g, '');

const errcodes = [
  -1, 1, 40001, 40002, 40003, 40013, 40014, 40029, 40030, 40035, 40066, 40090, 40125, 40163, 40164, 40226, 40243, 41001,
  41002, 41003, 41004, 41008, 41009, 42001, 42002, 42003, 42007, 43001, 43003, 43004, 43104, 45009, 45011, 45035, 47001,
  48001, 48002, 48003, 48004, 48012, 49003, 50001, 50002, 50003, 50004, 50005, 61004, 89503, 89506, 89507,
];

const scripts: Readonly<Record<string, Script>> = {
  ...Object.fromEntries(
    errcodes.map((errcode): [string, Script] => [
      `errcode ${errcode} with an echo`,
      (request) => [
        json({ errcode, errmsg: `invalid ${[...request.query.values()].join(' ')}, rid: ${echo(request)}` }),
      ],
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(echoes).flatMap(([how, repeat]) =>
      [0, 1].map((which): [string, Script] => [
        `an errmsg that repeats the ${which === 0 ? 'first' : 'last'} secret ${how}`,
        ({ query }) => {
          const secrets = [...query.values()].filter((value) => Object.values(canaries).includes(value));
          return [
            json({
              errcode: 40029,
              errmsg: `bad "${repeat(secrets.at(-which) ?? '')}", rid: 65c17d8c-5cf05990-781aabe9`,
            }),
          ];
        },
      ]),
    ),
  ),
  'an errcode with an echo at its end': (request) => [json({ errcode: 1, errmsg: 'x'.repeat(180) + echo(request) })],
  'an errcode with an echo in other fields': (request) => [
    json({ errcode: 40013, errmsg: 'no', rid: echo(request), echo: echo(request), [code]: code }),
  ],
  'errcode -1, then a reset': (request) => [json({ errcode: -1, errmsg: echo(request) }), reset],
  'an errcode that is an echo': (request) => [json({ errcode: echo(request) })],
  'an errcode that is a secret': () => [json({ errcode: code, errmsg: { [code]: accessToken } })],
  'a page with an echo': (request) => [answer(200, `<html>${echo(request)}`, { 'content-type': 'text/html' })],
  'JSON that is cut within the tokens': () => [answer(200, JSON.stringify(secretTokens).slice(0, 60))],
  'JSON with a comma too many after the tokens': () => [answer(200, `${JSON.stringify(secretTokens).slice(0, -1)},}`)],
  'a text that is no JSON object': (request) => [answer(200, JSON.stringify(echo(request)))],
  'a list of tokens': () => [json([secretTokens])],
  'broken UTF-8 with tokens': () => [answer(200, Buffer.from([0xff, ...Buffer.from(JSON.stringify(secretTokens))]))],
  'tokens without an openid': () => [json({ ...secretTokens, openid: code })],
  'tokens with a wrong unionid': () => [json({ ...secretTokens, openid, unionid: [appSecret], errcode: code })],
  'tokens with a wrong expiry': () => [json({ ...secretTokens, expires_in: code, errcode: accessToken })],
  'tokens with a wrong scope': () => [json({ ...secretTokens, scope: refreshToken, sex: 1, errcode: 1 })],
  'tokens that are wrong': () => [
    json({
      ...secretTokens,
      access_token: `${accessToken}\n`,
      refresh_token: [refreshToken],
      openid: 5,
      errcode: null,
    }),
  ],
  "another user's tokens and user info": () => [
    json({ ...userInfo, ...secretTokens, openid: 'oBob', expires_in: -1, errcode: '' }),
  ],
  'a redirect with an echo': ({ target }) => [answer(302, '', { location: `http://127.0.0.1:1${target}` })],
  'a redirect for ever': ({ target }) => [answer(308, header(target), { location: target })],
  'status 400 with an echo': (request) => [answer(400, echo(request))],
  'status 401 with an echo': ({ target }) => [answer(401, '', { 'www-authenticate': `Basic realm="${target}"` })],
  'status 407 with an echo': ({ target }) => [answer(407, '', { 'proxy-authenticate': target })],
  'status 429 with an echo': ({ target }) => [answer(429, target, { 'retry-after': '86400' })],
  'status 500 with an echo': (request) => [
    answer(500, echo(request), { 'x-echo': encodeURIComponent(echo(request).toWellFormed()) }),
  ],
  'status 503 with an echo': (request) => [answer(503, echo(request), { 'retry-after': request.target })],
  'status 200 with an echo in every header': ({ target }) => [
    answer(200, '', { 'set-cookie': target, 'content-type': target, 'content-encoding': target, etag: target }),
  ],
  'a status line with an echo': ({ target }) => [raw(`HTTP/1.1 502 ${target}\r\ncontent-length: 0\r\n\r\n`)],
  'an upgrade with an echo': ({ target }) => [
    raw(`HTTP/1.1 101 ${target}\r\nconnection: upgrade\r\nupgrade: ${target}\r\n\r\n${target}`),
  ],
  'an echo that is no HTTP': ({ target }) => [raw(`${target}\r\n\r\n`), end],
  'an echo of the request': ({ target }) => [raw(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`), end],
  'a header with an echo that is no header': ({ target }) => [raw(`HTTP/1.1 200 OK\r\n${target}\r\n\r\n`), end],
  'an echo in place of the length': ({ target }) => [raw(`HTTP/1.1 200 OK\r\ncontent-length: ${target}\r\n\r\n`), end],
  'an echo in place of a chunk': ({ target }) => [
    raw(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${target}\r\n`),
    end,
  ],
  'broken gzip with an echo': (request) => [answer(200, echo(request), { 'content-encoding': 'gzip' })],
  'broken brotli with an echo': (request) => [answer(200, echo(request), { 'content-encoding': 'br' })],
  'an echo that is too large': (request) => [answer(200, echo(request).repeat(100))],
  'tokens that are cut': () => [raw(secretBody.subarray(0, -5)), end],
  'tokens that a reset cuts': () => [raw(secretBody.subarray(0, -5)), reset],
  'a reset': () => [reset],
  'an end of stream': () => [end],
  'no answer': () => [hang],
  'tokens that drip': () => [raw(secretBody.subarray(0, -40)), drip(secretBody.subarray(-40), 100)],
};

const failing: { failure: string; script: Script; server?: ServerOptions; sent?: false }[] = [
  ...Object.entries(scripts).map(([failure, script]) => ({ failure, script })),
  {
    failure: 'a reset before TLS',
    script: () => [],
    server: { tls: certificate('localhost'), greet: () => [reset] },
    sent: false,
  },
  {
    failure: 'a TLS handshake that is none',
    script: () => [],
    server: { tls: certificate('localhost'), greet: () => [raw('HTTP/1.1 400 Bad\r\n\r\n'), end] },
    sent: false,
  },
  { failure: 'a certificate of nobody', script: () => [], server: { tls: certificate('localhost') }, sent: false },
  { failure: 'a certificate that has expired', script: () => [], server: { tls: certificate('expired') }, sent: false },
];

/** To a login most errcodes are one and the same. */
const alike = /^errcode (?!-1|40029|40226|48001|45011)/;

/** Fails when a value shows a secret, however it is shown. */
function assertSilent(value: unknown): void {
  assertQuiet(renderings(value));
}

function assertQuiet(texts: Readonly<Record<string, string>>): void {
  const shown = Object.entries(texts).filter(([, text]) => canariesIn(text).length > 0);
  const [first] = shown;
  if (first === undefined) return;
  const lines = first[1].split('\n').filter((line) => canariesIn(line).length > 0);
  const ways = shown.map(([way]) => way).join(', ');
  assert.fail(`${canariesIn(first[1]).join(' and ')} can be read by ${ways}:\n${lines.join('\n').slice(0, 1_000)}`);
}

async function errorOf(call: Promise<unknown>): Promise<Error> {
  const error = await call.then(
    () => assert.fail('the call should have failed'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof Error);
  return error;
}

function thrownBy(wrong: () => unknown): Error {
  try {
    wrong();
  } catch (error) {
    assert.ok(error instanceof TypeError, inspect(error));
    return error;
  }
  assert.fail('it should have thrown');
}

/** Without this the canaries might be missing for the reason that they never flew. */
function assertSent({ requests }: ScriptedServer): void {
  const values = new Set(requests.flatMap(({ query }) => [...query.values()]));
  assert.deepEqual(
    [appSecret, code, accessToken, refreshToken].filter((secret) => !values.has(secret)),
    [],
  );
}

for (const { name, http } of transports) {
  describe(`no secret is shown on ${name}`, () => {
    printSeed();
    afterEach(async () => {
      await closeApps();
      await closeServers();
    });

    const clientOf = (baseUrl: string, options: HttpOptions = {}): WeChatClient => {
      const all = { ...http(), baseUrl, retryDelay: 1, timeout: 600, maxRetries: 1, ...options };
      return new WeChatClient({ appId, appSecret, http: all });
    };

    for (const { failure, script, server: options, sent } of failing) {
      it(`after ${failure}, by the error and the client`, async () => {
        const server = await startServer(script, options);
        await Promise.all(
          Object.values(calls).map(async (call) => {
            const client = clientOf(server.url);
            const outcome = await call(client).catch((error: unknown) => error);
            assert.ok(outcome instanceof WeChatError || outcome === false, inspect(outcome));
            assert.ok(outcome === false || !Object.hasOwn(outcome, 'cause'));
            assertSilent(outcome);
            assertSilent(client);
          }),
        );
        if (sent !== false) assertSent(server);
      });
    }

    /** Everything that a login that fails lets be seen, in a development environment as it is by default. */
    for (const { failure, script, server: options } of failing.filter(({ failure }) => !alike.test(failure))) {
      it(`after ${failure}, by a login in Express`, async () => {
        const stderr: string[] = [];
        const { error: print } = console;
        console.error = (...parameters: unknown[]) => stderr.push(parameters.map((one) => inspect(one)).join(' '));
        try {
          await Promise.all(
            Object.values(frameworks).flatMap((express) =>
              ['exchange', 'user info'].map(async (step) => {
                const server = await startServer((request) => {
                  const fine = step === 'user info' && request.path === '/sns/oauth2/access_token';
                  return fine ? [json(secretTokens)] : script(request);
                }, options);
                const verify = (): Promise<never> => Promise.reject(new Error('nobody should come this far'));
                const strategy = new WeChatCodeStrategy({ client: clientOf(server.url) }, verify);
                const app = await startLoginApp(strategy, { express, env: 'development' });
                for (const path of ['/login', '/callback']) {
                  const { status, headers, text } = await send(app, path, { json: { code } });
                  assert.ok(status >= 400 || path === '/callback');
                  assertQuiet({ status: String(status), headers: JSON.stringify([...headers]), text });
                }
                assertSilent({ outcomes: app.outcomes, strategy, passport: app.passport });
              }),
            ),
          );
        } finally {
          console.error = print;
        }
        assertQuiet({ stderr: stderr.join('\n') });
      });
    }

    for (const [name, call] of Object.entries(calls)) {
      it(`by ${name} when nothing listens`, async () => {
        const error = await errorOf(call(clientOf('http://127.0.0.1:1')));
        assert.ok(error instanceof WeChatError);
        assertSilent(error);
      });

      it(`by ${name} when it is aborted for a reason that holds one`, async () => {
        const server = await startServer([[hang]]);
        const controller = new AbortController();
        const failure = errorOf(call(clientOf(server.url, { timeout: 5_000 }), { signal: controller.signal }));
        await server.received(1);
        controller.abort(new Error(code, { cause: accessToken }));
        assertSilent(await failure);
        const before = await errorOf(call(clientOf(server.url), { signal: controller.signal }));
        assert.ok(before instanceof WeChatError);
        assertSilent(before);
      });
    }

    it('by a client, while it calls and afterwards', async () => {
      const server = await startServer([[json(secretTokens)], [hang]]);
      const client = clientOf(server.url);
      await client.exchangeCode(code);
      assertSilent(client);
      const failure = errorOf(client.exchangeCode(code));
      await server.received(2);
      assertSilent(client);
      await failure;
      assertSilent(client);
    });

    it('by a session', async () => {
      const server = await startServer([[json(secretTokens)]]);
      const session = await clientOf(server.url).codeToSession(code);
      assert.equal(session.sessionKey.exposeSecret(), sessionKey);
      assertSilent(session);
    });

    for (const secret of [`it's ${code}`, `a\u200b${code}\u200db`, `a ${code}`]) {
      it(`by an errmsg that echoes ${JSON.stringify(secret.replace(code, '...'))}`, async () => {
        for (const space of [' ', '\n']) {
          const server = await startServer((request) => [
            json({ errcode: 40029, errmsg: echo(request).replaceAll(' ', space) }),
          ]);
          const client = new WeChatClient({ appId, appSecret: secret, http: { ...http(), baseUrl: server.url } });
          assertSilent(await errorOf(client.exchangeCode(secret)));
          assertSilent(await errorOf(client.refreshToken(secret)));
        }
      });
    }

    it('by a login that succeeds: by its tokens, its profile, its strategy, Passport and the answer', async () => {
      const server = await startServer(({ path }) => [json(path === '/sns/userinfo' ? userInfo : secretTokens)]);
      for (const express of Object.values(frameworks)) {
        const strategy = new WeChatCodeStrategy({ client: clientOf(server.url) }, (tokens, profile) => {
          assert.equal(exposeTokens(tokens).accessToken, accessToken);
          return Promise.resolve({ tokens, profile });
        });
        const app = await startLoginApp(strategy, { express, env: 'development' });
        const { status, headers, text } = await send(app, '/login', { json: { code } });
        assert.equal(status, 200);
        assert.ok(text.includes('[REDACTED]'));
        assertQuiet({ headers: JSON.stringify([...headers]), text });
        await send(app, '/callback', { json: { code } });
        assert.equal(app.outcomes.length, 1);
        assertSilent(app.outcomes);
        assertSilent(strategy);
        assertSilent(app.passport);
      }
    });

    /** What an application may do wrong with what it is given, or throw that is no error. */
    const blunders: Readonly<
      Record<string, Partial<Record<'verify' | 'verifyState' | 'client', (given: unknown) => unknown>>>
    > = {
      'verify throws all that it was given': {
        verify: (given) => {
          throw Object.assign(new Error(`failed: ${String(given)}`), { given });
        },
      },
      'verify rejects with all that it was given': {
        verify: (given) => Promise.reject(Object.assign(new Error('x', { cause: given }), { given })),
      },
      'verify throws a text': {
        verify: () => {
          throw code + accessToken;
        },
      },
      'verify rejects with a text': { verify: () => Promise.reject(code + accessToken) },
      'verify rejects with an object': { verify: () => Promise.reject({ accessToken, message: code, stack: code }) },
      'verifyState throws a text': {
        verifyState: () => {
          throw code;
        },
      },
      'verifyState rejects with a list': { verifyState: () => Promise.reject([code]) },
      'the client is chosen by a function that throws a text': {
        client: () => {
          throw appSecret;
        },
      },
      'the client is chosen by a function that rejects with an object': { client: () => Promise.reject({ appSecret }) },
      'the client is none': { client: () => ({ appSecret, exchangeCode: code }) },
    };
    for (const [what, { verify = () => false, verifyState, client }] of Object.entries(blunders)) {
      it(`when ${what}`, async () => {
        const server = await startServer(({ path }) => [json(path === '/sns/userinfo' ? userInfo : secretTokens)]);
        const options = { client: client ?? clientOf(server.url), ...(verifyState && { verifyState }) };
        const login = (request: LoginRequest): Promise<unknown> =>
          new Promise((resolve) => {
            const judge = (...given: unknown[]): unknown => verify(given);
            const strategy = Reflect.construct(WeChatCodeStrategy, [options, judge]) as WeChatCodeStrategy;
            Object.assign(strategy, { success: resolve, fail: resolve, error: resolve });
            strategy.authenticate(request);
          });
        const error = await login({ body: { code } });
        assert.ok(error instanceof Error, inspect(error));
        assertSilent(error);
      });
    }

    describe('by the print of', () => {
      // Each row at an address of its own, for all of them in one process.
      const rows = failing.filter(({ server }) => server === undefined).map(({ script }) => script);
      const print = async (how: 'warnings' | 'rejection' | 'exception', row: number): Promise<string> => {
        const server = await startServer((request) => rows[Number(request.path.split('/')[1])]?.(request) ?? []);
        return fail(name, how, `${server.url}/`, row, rows.length);
      };

      it('unhandled rejections that are only warned of', async () => {
        const printed = await print('warnings', 0);
        assert.ok(printed.split('UnhandledPromiseRejectionWarning').length > rows.length);
        assertQuiet({ printed });
      });

      const named = (failure: string): number => failing.findIndex((one) => one.failure === failure);
      for (const [how, kind, row] of [
        ['rejection', 'WeChatApiError', named('errcode 40029 with an echo')],
        ['rejection', 'WeChatNetworkError', named('a reset')],
        ['exception', 'WeChatResponseError', named('a page with an echo')],
      ] as const) {
        it(`an unhandled ${how} that is a ${kind}`, async () => {
          const printed = await print(how, row);
          assert.ok(printed.includes(`${kind}: `) && /\n {2}code: 'ERR_WECHAT_/.test(printed), printed);
          assertQuiet({ printed });
        });
      }
    });

    it('by a diagnostic report', async () => {
      const server = await startServer((request) => [json({ errcode: 40029, errmsg: echo(request) })]);
      const error = await errorOf(clientOf(server.url).exchangeCode(code));
      // It would look up the names of all peers.
      Reflect.set(process.report, 'excludeNetwork', true);
      const report = JSON.stringify(process.report.getReport(error));
      assert.ok(report.includes('errcode 40029'));
      assertQuiet({ report });
    });
  });
}

/** Runs a program that does not handle its failures, and gives what it prints on the way out. */
function fail(transport: string, how: string, baseUrl: string, row: number, rows: number): Promise<string> {
  const script = fileURLToPath(new URL('../support/unhandled-main.ts', import.meta.url));
  const flags = how === 'warnings' ? ['--unhandled-rejections=warn'] : [];
  const order = JSON.stringify({ transport, how, baseUrl, row, rows });
  return new Promise((resolve, reject) => {
    const args = [...flags, '--import=ts-blank-space/register', script, order];
    execFile(
      process.execPath,
      args,
      { env: { ...process.env, FAST_CHECK_SEED: String(seed) } },
      (error, stdout, stderr) => {
        if (how === 'warnings' ? error === null : error?.code === 1) resolve(stdout + stderr);
        else reject(new Error(`it ended with ${String(error?.code)}: ${stdout}${stderr}`));
      },
    );
  });
}

describe('no secret is shown by the TypeError about', () => {
  const wrongs: unknown[] = [
    ...[
      [code],
      { code },
      { [code]: 1 },
      new Error(code),
      Symbol(code),
      () => code,
      Object(code) as unknown,
      Buffer.from(code),
      new Map([[code, code]]),
    ],
    ...[
      `${code}\n`,
      `${code}\ud800`,
      code.repeat(100),
      { toString: () => code },
      { exposeSecret: () => code },
      new URL(`http://x/?${encodeURIComponent(code)}`),
    ],
  ];
  const client = new WeChatClient({ appId, appSecret, http: { baseUrl: 'http://127.0.0.1:1' } });
  const call = (
    method: 'exchangeCode' | 'codeToSession' | 'getUserInfo' | 'refreshToken' | 'validateToken',
    ...args: unknown[]
  ): Promise<Error> =>
    errorOf(Reflect.apply(Reflect.get(client, method) as (...given: unknown[]) => Promise<unknown>, client, args));

  for (const wrong of wrongs) {
    it(`an argument that is ${inspect(wrong, { depth: 0 })
      .replaceAll(/[^ -~]/g, ' ')
      .slice(0, 60)}`, async () => {
      const errors = await Promise.all([
        call('exchangeCode', wrong),
        call('codeToSession', wrong),
        call('refreshToken', wrong),
        call('getUserInfo', wrong, openid),
        call('validateToken', wrong, openid),
        call('getUserInfo', accessToken, wrong),
        call('validateToken', accessToken, wrong),
        call('getUserInfo', accessToken, openid, { lang: wrong }),
        call('exchangeCode', code, { signal: wrong }),
        call('refreshToken', refreshToken, { signal: wrong }),
      ]);
      for (const error of errors) {
        assert.ok(error instanceof TypeError, inspect(error));
        assertSilent(error);
      }
    });

    it(`an option that is ${inspect(wrong, { depth: 0 })
      .replaceAll(/[^ -~]/g, ' ')
      .slice(0, 60)}`, () => {
      const build =
        (Kind: new (...given: never[]) => unknown, ...given: unknown[]) =>
        () =>
          Reflect.construct(Kind, given) as unknown;
      const clientWith = (options: object) => build(WeChatClient, { appId, appSecret, ...options });
      const strategyWith = (options: object, verify: unknown = () => undefined) =>
        build(WeChatCodeStrategy, { appId, appSecret, ...options }, verify);
      const attempts = [
        ...[AppSecret, AuthorizationCode, AccessToken, RefreshToken, SessionKey].map((Kind) => build(Kind, wrong)),
        clientWith({ appSecret: wrong }),
        clientWith({ appId: wrong }),
        ...['timeout', 'connectTimeout', 'maxRetries', 'retryDelay', 'baseUrl'].map((name) =>
          clientWith({ http: { [name]: wrong } }),
        ),
        clientWith({ http: { agent: { http: wrong } } }),
        ...['userInfo', 'lang', 'allowSnapshotUser', 'requireUnionId', 'passReqToCallback'].map((name) =>
          strategyWith({ [name]: wrong }),
        ),
        strategyWith({ client: { client: wrong } }),
      ];
      for (const attempt of attempts) assertSilent(thrownBy(attempt));
    });
  }

  it('an address with a password', () => {
    for (const baseUrl of [
      `http://user:${encodeURIComponent(code)}@127.0.0.1`,
      `https://x?${encodeURIComponent(code)}`,
      code,
    ]) {
      assertSilent(thrownBy(() => new WeChatClient({ appId, appSecret, http: { baseUrl } })));
    }
  });

  it('a text in place of the options, of verify, of Express or of tokens', () => {
    const attempts: (() => unknown)[] = [
      () => Reflect.construct(WeChatClient, [code]) as unknown,
      () => Reflect.construct(WeChatCodeStrategy, [code, () => undefined]) as unknown,
      () => Reflect.construct(WeChatCodeStrategy, [{ appId, appSecret }, code]) as unknown,
      () =>
        Reflect.construct(WeChatCodeStrategy, [{ appId, appSecret, verifyState: code }, () => undefined]) as unknown,
      () => Reflect.apply(exposeTokens, undefined, [code]) as unknown,
      () => Reflect.construct(WeChatClient, [{ appId, appSecret, http: code }]) as unknown,
      () => Reflect.construct(WeChatClient, [{ appId, appSecret, http: { agent: code } }]) as unknown,
    ];
    for (const attempt of attempts) assertSilent(thrownBy(attempt));
  });
});

describe('the search for secrets', () => {
  afterEach(closeServers);

  const shownBy = (value: unknown): string[] =>
    Object.entries(renderings(value)).flatMap(([name, text]) => (canariesIn(text).length > 0 ? [name] : []));

  it("finds them in got's errors, where nearly every rendering shows them", async () => {
    const server = await startServer([[answer(500, 'x')]]);
    const url = `${server.url}/sns/oauth2/access_token?secret=${encodeURIComponent(appSecret)}`;
    for (const address of [url, url.replace(server.url, 'http://127.0.0.1:1')]) {
      const error = await errorOf(got(address, { retry: { limit: 0 } }));
      // All that got hangs on its errors is looked at, old getters of Node.js included.
      process.noDeprecation = true;
      const found = shownBy(error);
      process.noDeprecation = false;
      const expected = ['inspect', 'format', 'console', 'json', 'properties', 'pino', 'winston', 'as a cause'];
      assert.deepEqual(
        expected.filter((name) => !found.includes(name)),
        [],
      );
      if (address === url) assert.ok(found.includes('message') && found.includes('stack'));
    }
  });

  it('finds them in the errors of JSON.parse, which quote what they could not parse', () => {
    const error = thrownByParse(`x${code}`);
    assert.ok(shownBy(error).includes('message'));
  });

  it('finds them in what Node.js prints of an error that holds one', async () => {
    const printed = await fail('none', 'control', '', 0, 0);
    assert.deepEqual(canariesIn(printed).sort(), ['accessToken', 'code']);
  });

  const hidden: Readonly<Record<string, (secret: string) => unknown>> = {
    message: (secret) => new Error(secret),
    stack: (secret) => Object.assign(new Error('x'), { stack: secret }),
    cause: (secret) => new Error('x', { cause: { deep: [{ deeper: secret }] } }),
    errors: (secret) => new AggregateError([new Error(secret)]),
    json: (secret) => ({ toJSON: () => secret }),
    clone: (secret) => new Error(secret),
    serialized: (secret) => new Map([[secret, 1]]),
    string: (secret) => ({ toString: () => secret }),
    template: (secret) => ({ [Symbol.toPrimitive]: () => secret }),
    inspect: (secret) => Object.defineProperty({}, 'hidden', { value: secret, enumerable: false }),
    format: (secret) => ({ [Symbol(secret)]: 1 }),
    console: (secret) => Object.assign(new Error('x'), { secret }),
    pino: (secret) => Object.assign(new Error('x'), { secret }),
    winston: (secret) => Object.assign(new Error('x'), { secret }),
    'as a cause': (secret) => Object.assign(new Error('x'), { secret }),
    'in an AggregateError': (secret) => Object.assign(new Error('x'), { secret }),
    properties: (secret) =>
      Object.create(
        Object.create({
          get inherited() {
            return secret;
          },
        }) as object,
      ) as unknown,
  };
  it('looks at every rendering there is', () => {
    assert.deepEqual(Object.keys(hidden).sort(), Object.keys(renderings({})).sort());
  });
  for (const [rendering, value] of Object.entries(hidden)) {
    it(`looks at ${rendering}`, () => {
      assert.ok(shownBy(value(code)).includes(rendering));
      assert.ok(!shownBy(value('not a secret of these')).includes(rendering));
    });
  }

  const encodings: Readonly<Record<string, (text: string) => string>> = {
    ...Object.fromEntries(Object.entries(echoes).filter(([how]) => !how.includes('without'))),
    'in Base64': (text) => Buffer.from(text).toString('base64'),
    'in Base64 of something longer': (text) => Buffer.from(`a${text}b`).toString('base64url'),
    'in Base64 of JSON': (text) => Buffer.from(JSON.stringify({ text })).toString('base64'),
    'in hexadecimal': (text) => `f${Buffer.from(text).toString('hex').toUpperCase()}`,
    'in JSON of JSON': (text) => JSON.stringify(JSON.stringify(text)),
    'in \\u escapes': (text) =>
      text.replaceAll(/[^]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`),
    'in HTML': (text) => text.replaceAll(/[<>&'"]/g, (one) => `&#${one.charCodeAt(0)};`),
    'in a URL in JSON': (text) => JSON.stringify({ url: `https://x/?secret=${encodeURIComponent(text)}&b=c` }),
  };
  for (const [how, encode] of Object.entries(encodings)) {
    it(`finds them ${how}, whole or in part`, () => {
      for (const [name, secret] of Object.entries(canaries)) {
        assert.deepEqual(canariesIn(`before ${encode(secret)} after`), [name]);
        for (const part of [secret.slice(0, 18), secret.slice(-18)]) {
          assert.deepEqual(canariesIn(`before ${encode(part)} after`), [name]);
        }
      }
    });
  }

  it('finds any eight characters, and not seven', () => {
    for (const [name, secret] of Object.entries(canaries)) {
      for (let from = 0; from + 8 <= secret.length; from += 1) {
        assert.deepEqual(canariesIn(`|${secret.slice(from, from + 8)}|`), [name]);
        assert.deepEqual(canariesIn(`|${secret.slice(from, from + 7)}|`), []);
      }
    }
  });
});

function thrownByParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return error;
  }
}
