import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';

import type { RequestHandler } from 'express';
import fc from 'fast-check';

import {
  AccessToken,
  AppId,
  AppSecret,
  AuthorizationCode,
  type Done,
  OpenId,
  RefreshToken,
  type TokenResponse,
  UnionId,
  type UserInfo,
  WeChatApiError,
  WeChatClient,
  WeChatCodeStrategy,
  WeChatError,
  WeChatNetworkError,
  WeChatResponseError,
  type WeChatSession,
} from '../../src/index.js';
import { closeServers as closeApps, frameworks, type LoginApp, send, startLoginApp } from '../support/app.js';
import { appId, openid, tokens, unionid, userInfo } from '../support/calls.js';
import { canaries, canariesIn } from '../support/canaries.js';
import { renderings } from '../support/leaks.js';
import {
  answer,
  answerBytes,
  closeServers,
  end,
  hang,
  json,
  raw,
  type ReceivedRequest,
  reset,
  type ScriptedServer,
  startServer,
  type Step,
  wait,
} from '../support/scripted-server.js';
import { patience, printSeed, runs, seed } from '../support/seed.js';
import { transports } from '../support/transports.js';

const { appSecret, code, accessToken, refreshToken, sessionKey } = canaries;
const secretTokens = { ...tokens, access_token: accessToken, refresh_token: refreshToken, unionid };

/** Holds a property against so many random cases. A failure is shown as small as it can be made. */
async function check<T>(
  few: number,
  cases: fc.Arbitrary<T>,
  property: (value: T) => void | Promise<void>,
  examples: T[] = [],
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(cases, async (value) => property(value)),
    { seed, numRuns: runs(few), examples: examples.map((example) => [example]) },
  );
}

// What WeChat sends and takes, written here once more and not taken from the code under test.
const wellFormed = (text: unknown, longest: number): boolean =>
  typeof text === 'string' && text.length <= longest && text.isWellFormed() && !/\p{Cc}/u.test(text);
const isText = (text: unknown, longest: number): text is string => text !== '' && wellFormed(text, longest);
const isId = (id: unknown): boolean => typeof id === 'string' && /^[A-Za-z0-9_-]+$/.test(id) && id.length <= 128;

function isTokenResponse(value: TokenResponse): boolean {
  return (
    isText(value.accessToken.exposeSecret(), 4096) &&
    isText(value.refreshToken.exposeSecret(), 4096) &&
    Number.isInteger(value.expiresIn) &&
    value.expiresIn > 0 &&
    isId(value.openid) &&
    (value.unionid === undefined || isId(value.unionid)) &&
    value.scope.every((scope) => /^\w+$/.test(scope)) &&
    typeof value.isSnapshotUser === 'boolean'
  );
}

function isUserInfo(value: UserInfo): boolean {
  const labels = [value.nickname, value.province, value.city, value.country, ...value.privilege];
  return (
    value.openid === openid &&
    (value.unionid === undefined || isId(value.unionid)) &&
    labels.every((label) => wellFormed(label, 512)) &&
    [0, 1, 2].includes(value.sex) &&
    (value.headimgurl === '' || value.headimgurl.startsWith('https://'))
  );
}

interface Method {
  call: (client: WeChatClient) => Promise<unknown>;
  /** Whether this is a value that it may give. */
  isFine: (value: never) => boolean;
  good: object;
}

/** Every method of the client. */
const methods = {
  exchangeCode: { call: (client) => client.exchangeCode(code), isFine: isTokenResponse, good: secretTokens },
  codeToSession: {
    call: (client) => client.codeToSession(code),
    isFine: (value: WeChatSession) => isText(value.sessionKey.exposeSecret(), 4096) && isId(value.openid),
    good: { openid, unionid, session_key: sessionKey },
  },
  getUserInfo: { call: (client) => client.getUserInfo(accessToken, openid), isFine: isUserInfo, good: userInfo },
  refreshToken: { call: (client) => client.refreshToken(refreshToken), isFine: isTokenResponse, good: secretTokens },
  validateToken: {
    call: (client) => client.validateToken(accessToken, openid),
    isFine: (value) => typeof value === 'boolean',
    good: { errcode: 0, errmsg: 'ok' },
  },
} satisfies Record<string, Method>;
const exchanges = ['exchangeCode', 'codeToSession'];
const anyMethod = fc.constantFrom<Method[]>(...Object.values(methods));

function assertIsOurs(error: unknown): asserts error is WeChatError {
  assert.ok(error instanceof WeChatError, inspect(error));
  const kinds = [WeChatApiError, WeChatNetworkError, WeChatResponseError].filter((Kind) => error instanceof Kind);
  assert.equal(kinds.length, 1);
  assert.match(error.code, /^ERR_WECHAT_[A-Z_]+$/);
  assert.ok([401, 403, 500, 502, 503, 504].includes(error.status) && error.status === error.statusCode);
  assert.match(error.message, /^[\x20-\x7e]+$/);
}

for (const { name, http: httpOptions } of transports) {
  describe(`properties on ${name}`, function () {
    this.timeout(patience);
    printSeed();

    let script: (request: ReceivedRequest) => readonly Step[];
    let server: ScriptedServer;
    before(async () => {
      server = await startServer((request) => script(request));
    });
    after(async () => {
      await closeApps();
      await closeServers();
    });

    describe('any bytes as an answer', () => {
      const odd: fc.Arbitrary<unknown> = fc.oneof(
        fc.jsonValue(),
        fc.constantFrom<unknown>(
          ...[
            0,
            -1,
            40029,
            '0',
            '',
            ' ',
            7200.5,
            Infinity,
            null,
            true,
            [],
            {},
            '\ud800',
            '\u0000',
            'o'.repeat(129),
            openid,
            code,
          ],
        ),
      );
      const fields = fc.constantFrom(
        'errcode',
        'errmsg',
        'openid',
        'unionid',
        'access_token',
        'refresh_token',
        'session_key',
        'expires_in',
        'scope',
        'is_snapshotuser',
        'nickname',
        'sex',
        'headimgurl',
        'privilege',
        '__proto__',
      );
      const change = fc.dictionary(fields, odd, { maxKeys: 3 });
      const bodyFor = (good: object): fc.Arbitrary<Uint8Array> =>
        fc.oneof(
          { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
          { weight: 1, arbitrary: fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))) },
          {
            weight: 1,
            arbitrary: fc.integer({ min: -1, max: 50_000 }).map((errcode) => Buffer.from(JSON.stringify({ errcode }))),
          },
          { weight: 5, arbitrary: change.map((changes) => Buffer.from(JSON.stringify({ ...good, ...changes }))) },
          {
            weight: 2,
            arbitrary: fc.tuple(fc.nat(400), fc.nat(255)).map(([at, byte]) => {
              const bytes = Buffer.from(JSON.stringify(good));
              bytes[at % bytes.length] = byte;
              return bytes;
            }),
          },
        );
      const header = fc.tuple(
        fc.constantFrom(
          'content-length',
          'transfer-encoding',
          'content-encoding',
          'connection',
          'retry-after',
          'location',
          'content-type',
          'set-cookie',
        ),
        fc.oneof(
          fc.constantFrom(
            'gzip',
            'br',
            'deflate',
            'chunked',
            '0',
            '5',
            '99999',
            '-1',
            'close',
            `/?${encodeURIComponent(code)}`,
          ),
          fc.string({ maxLength: 9 }).map((text) => text.replace(/[^\x20-\x7e]/g, '')),
        ),
      );
      const answerFor = (good: object): fc.Arbitrary<Uint8Array> =>
        fc.oneof(
          {
            weight: 8,
            arbitrary: fc
              .record({
                status: fc.oneof(
                  { weight: 6, arbitrary: fc.constant(200) },
                  { weight: 1, arbitrary: fc.integer({ min: 100, max: 999 }) },
                ),
                headers: fc.oneof(fc.constant([]), fc.array(header, { maxLength: 3 })),
                body: bodyFor(good),
                zip: fc.oneof(
                  { weight: 5, arbitrary: fc.constant(false) },
                  { weight: 1, arbitrary: fc.constant(true) },
                ),
              })
              .map(({ status, headers, body, zip }) =>
                answerBytes(status, zip ? gzipSync(body) : body, {
                  ...(zip && { 'content-encoding': 'gzip' }),
                  ...Object.fromEntries(headers),
                }),
              ),
          },
          { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
          {
            weight: 1,
            arbitrary: fc
              .uint8Array({ maxLength: 200 })
              .map((bytes) => Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n'), bytes])),
          },
        );
      const cases = anyMethod.chain((method) =>
        fc.record({ method: fc.constant(method), bytes: answerFor(method.good) }),
      );

      it('end in one value that is well-formed, or in one of our errors, in time, and show no secret', async () => {
        const timeout = 5_000;
        const client = new WeChatClient({
          appId,
          appSecret,
          http: { ...httpOptions(), baseUrl: server.url, timeout, maxRetries: 1, retryDelay: 0 },
        });
        const seen = new Set<string>();
        await check(250, cases, async ({ method, bytes }) => {
          script = () => [raw(bytes), end];
          const start = performance.now();
          const outcome = await method.call(client).then(
            (value) => ({ value }),
            (error: unknown) => ({ error }),
          );
          assert.ok(performance.now() - start < 2 * timeout);
          if ('error' in outcome) assertIsOurs(outcome.error);
          else assert.ok(method.isFine(outcome.value as never), inspect(outcome.value));
          // WeChat may call a user whatever it likes, and nobody but WeChat knows that it is a secret.
          const isName = 'value' in outcome && method.good === userInfo;
          const shown = isName ? [] : canariesIn(Object.values(renderings(Object.values(outcome)[0])).join('\n'));
          assert.deepEqual(shown, []);
          seen.add('error' in outcome && outcome.error instanceof Error ? outcome.error.name : 'value');
        });
        // The cases would be worth little if they all were of one kind.
        assert.equal(seen.size, 4, [...seen].join());
      });
    });

    describe('any sequence of faults', () => {
      type Kind = 'never sent' | 'busy' | 'ambiguous' | 'timeout' | 'unusable' | 'final' | 'good';
      interface Fault {
        what: string;
        kind: Kind;
        steps: readonly Step[];
        /** What the call ends with if this was the last attempt. */
        code: string;
        sent: 'no' | 'unknown' | 'yes';
        /** Whether the server asks for more patience than there is. */
        late?: boolean;
      }
      const close = { connection: 'close' };
      const errcode = (number: number, code: string, kind: Kind = 'final'): Fault => ({
        what: `errcode ${number}`,
        kind,
        steps: [json({ errcode: number, errmsg: 'x' }, close), end],
        code,
        sent: 'yes',
      });
      const status = (number: number, kind: Kind, headers = {}): Fault => ({
        what: `status ${number}${JSON.stringify(headers)}`,
        kind,
        steps: [answer(number, 'x', { ...close, ...headers }), end],
        code: 'ERR_WECHAT_RESPONSE',
        sent: kind === 'final' ? 'yes' : 'unknown',
        late: 'retry-after' in headers,
      });
      const lost = (what: string, kind: Kind, sent: 'unknown' | 'yes', ...steps: Step[]): Fault => ({
        what,
        kind,
        steps,
        code: 'ERR_WECHAT_NETWORK',
        sent,
      });
      const faults: Fault[] = [
        { what: 'no such name', kind: 'never sent', steps: [], code: 'ERR_WECHAT_NETWORK', sent: 'no' },
        errcode(-1, 'ERR_WECHAT_BUSY', 'busy'),
        ...[429, 502, 503, 504].map((number) => status(number, 'ambiguous')),
        status(503, 'ambiguous', { 'retry-after': '3600' }),
        lost('a reset', 'ambiguous', 'unknown', reset),
        lost('an end of stream', 'ambiguous', 'unknown', end),
        { ...status(200, 'unusable'), what: 'no JSON', sent: 'yes' },
        {
          ...status(200, 'unusable', { 'content-length': '9' }),
          what: 'a body that is cut',
          code: 'ERR_WECHAT_NETWORK',
          sent: 'yes',
        },
        ...[302, 404, 500].map((number) => status(number, 'final')),
        errcode(40013, 'ERR_WECHAT_CONFIG'),
        errcode(40029, 'ERR_WECHAT_INVALID_CODE'),
        errcode(45011, 'ERR_WECHAT_RATE_LIMITED'),
      ];
      const used = errcode(40163, 'ERR_WECHAT_CODE_USED');
      const timeout: Fault = {
        what: 'no answer',
        kind: 'timeout',
        steps: [hang],
        code: 'ERR_WECHAT_TIMEOUT',
        sent: 'unknown',
      };

      const sequence = (exchange: boolean): fc.Arbitrary<Fault[]> =>
        fc.array(
          fc.oneof(
            // What may be sent again comes more often, so that the sequences are not all cut short.
            {
              weight: 60,
              arbitrary: fc.constantFrom(
                ...faults.filter(({ kind }) => ['never sent', 'busy', 'ambiguous'].includes(kind)),
              ),
            },
            { weight: 20, arbitrary: fc.constantFrom(...faults) },
            { weight: exchange ? 15 : 0, arbitrary: fc.constant(used) },
            { weight: 1, arbitrary: fc.constant(timeout) },
          ),
          { maxLength: 6 },
        );

      /** The table of failures and retries: how often each may be tried again. */
      const table: Readonly<Record<'exchange' | 'others', Readonly<Record<Kind, number>>>> = {
        exchange: { 'never sent': 99, busy: 2, ambiguous: 1, timeout: 0, unusable: 0, final: 0, good: 0 },
        others: { 'never sent': 99, busy: 99, ambiguous: 99, timeout: 1, unusable: 1, final: 0, good: 0 },
      };

      /** How the call must end: which of the faults it meets, with what code, and what it says about having been sent. */
      function predict(
        list: readonly Fault[],
        exchange: boolean,
        maxRetries: number,
      ): { met: Fault[]; code?: string; sent: string } {
        const left = { ...table[exchange ? 'exchange' : 'others'] };
        const met: Fault[] = [];
        for (const fault of list) {
          met.push(fault);
          left[fault.kind] -= 1;
          if (left[fault.kind] >= 0 && met.length <= maxRetries && fault.late !== true) continue;
          const spent = met.slice(0, -1).some(({ kind }) => kind !== 'never sent');
          const sent = met.some((one) => one.sent === 'yes')
            ? 'yes'
            : met.some((one) => one.sent === 'unknown')
              ? 'unknown'
              : 'no';
          return { met, sent, code: fault === used && spent ? 'ERR_WECHAT_LOGIN_LOST' : fault.code };
        }
        return { met, sent: 'yes' };
      }

      const cases = fc.constantFrom<[string, Method][]>(...Object.entries(methods)).chain(([method, { call, good }]) =>
        fc.record({
          exchange: fc.constant(exchanges.includes(method)),
          call: fc.constant(call),
          good: fc.constant(good),
          list: sequence(exchanges.includes(method)),
          maxRetries: fc.constantFrom<number[]>(3, 3, 3, 0, 1, 2, 5),
        }),
      );

      it('make as many requests as the table allows, and end as it says', async () => {
        let attempt = 0;
        let current: readonly Fault[] = [];
        const lookup: LookupFunction = (_name, { all }, done) => {
          const fault = current[attempt];
          if (fault?.kind === 'never sent') {
            attempt += 1;
            process.nextTick(done, Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
          } else if (all === true) process.nextTick(done, null, [{ address: '127.0.0.1', family: 4 }]);
          else process.nextTick(done, null, '127.0.0.1', 4);
        };
        const { call, good } = methods.exchangeCode;
        const examples = [[], [lost('a reset', 'ambiguous', 'unknown', reset), used], [faults[0] ?? used, used]].map(
          (list) => ({ exchange: true, call, good, list, maxRetries: 3 }),
        );
        const seen = new Set<string>();
        await check(
          200,
          cases,
          async ({ exchange, call, good, list, maxRetries }) => {
            attempt = 0;
            current = list;
            const before = server.requests.length;
            script = () => {
              const fault = list[attempt];
              attempt += 1;
              return fault === undefined ? [json(good, close), end] : fault.steps;
            };
            const slow = list.includes(timeout);
            const options = {
              ...httpOptions({ lookup }),
              baseUrl: `http://localhost:${server.port}`,
              timeout: slow ? 1_000 : 30_000,
              retryDelay: 0,
              maxRetries,
            };
            const client = new WeChatClient({ appId, appSecret, http: options });

            const expected = predict(list, exchange, maxRetries);
            const outcome = await call(client).then(
              () => ({}),
              (error: unknown) => {
                assertIsOurs(error);
                return {
                  code: error.code,
                  attempts: error.attempts,
                  ...(error instanceof WeChatNetworkError && { sent: error.sent }),
                };
              },
            );
            const { met, code: expectedCode, sent } = expected;
            const network = ['ERR_WECHAT_NETWORK', 'ERR_WECHAT_TIMEOUT'].includes(expectedCode ?? '');
            const names = list.map(({ what }) => what).join(', ');
            assert.deepEqual(
              outcome,
              expectedCode === undefined ? {} : { code: expectedCode, attempts: met.length, ...(network && { sent }) },
              names,
            );
            const requests = server.requests.slice(before);
            const arrived =
              met.filter(({ kind }) => kind !== 'never sent').length + (expectedCode === undefined ? 1 : 0);
            assert.equal(requests.length, arrived, names);
            assert.ok(met.length <= maxRetries + 1);
            assert.equal(new Set(requests.map(({ target }) => target)).size, Math.min(arrived, 1));
            seen.add(expectedCode ?? 'success');
          },
          examples,
        );
        for (const end of [
          'success',
          'ERR_WECHAT_CODE_USED',
          'ERR_WECHAT_LOGIN_LOST',
          'ERR_WECHAT_NETWORK',
          'ERR_WECHAT_RESPONSE',
        ])
          assert.ok(seen.has(end), end);
      });
    });

    describe('any text', () => {
      const unit = fc.constantFrom<'grapheme' | 'binary' | 'binary-ascii'>('grapheme', 'binary', 'binary-ascii');
      const texts = fc.oneof(
        { weight: 4, arbitrary: unit.chain((unit) => fc.string({ unit, maxLength: 60 })) },
        {
          weight: 1,
          arbitrary: fc.string({
            unit: fc.constantFrom(
              '&',
              '=',
              '#',
              '%',
              '+',
              ' ',
              '?',
              '/',
              '\\',
              '"',
              "'",
              '0',
              '\u0000',
              '\ud83d',
              '\ude00',
              '微',
            ),
            maxLength: 20,
          }),
        },
        {
          weight: 1,
          arbitrary: fc
            .tuple(fc.constantFrom('a', '微', '😀'), fc.integer({ min: 250, max: 520 }))
            .map(([unit, length]) => unit.repeat(length)),
        },
      );
      const target = ({ path, query }: ReceivedRequest): unknown[] => [path, [...query]];

      it('arrives at WeChat as it is, as a code or a token; or is refused, and nothing is sent', async () => {
        const client = new WeChatClient({ appId, appSecret, http: { ...httpOptions(), baseUrl: server.url } });
        const strategy = new WeChatCodeStrategy({ client, userInfo: 'never' }, () => Promise.resolve({}));
        const seen = new Set<boolean>();
        await check(120, texts, async (text) => {
          script = ({ path }) => [
            json(path === '/sns/userinfo' ? userInfo : path === '/sns/auth' ? { errcode: 0 } : tokens),
          ];
          const before = server.requests.length;
          const login = new Promise<string>((resolve) => {
            const report = (outcome: string) => (): void => resolve(outcome);
            const instance = Object.assign(Object.create(strategy) as WeChatCodeStrategy, {
              success: report('success'),
              error: report('error'),
              fail: (info: { code: string }) => resolve(info.code),
            });
            instance.authenticate({ body: { code: text } });
          });
          const outcomes = await Promise.all([
            ...[
              client.exchangeCode(text),
              client.getUserInfo(text, openid),
              client.refreshToken(text),
              client.validateToken(text, openid),
            ].map((call) =>
              call.then(
                () => 'success',
                (error: unknown) => (error instanceof TypeError ? 'refused' : error),
              ),
            ),
            login,
          ]);
          const isCode = isText(text, 512);
          const isToken = isText(text, 4096);
          seen.add(isCode);
          const token = isToken ? 'success' : 'refused';
          assert.deepEqual(outcomes, [
            isCode ? 'success' : 'refused',
            token,
            token,
            token,
            isCode ? (text === 'authdeny' ? 'ERR_WECHAT_LOGIN_REFUSED' : 'success') : 'ERR_WECHAT_CODE_MALFORMED',
          ]);
          const exchange = [
            '/sns/oauth2/access_token',
            [
              ['appid', appId],
              ['secret', appSecret],
              ['code', text],
              ['grant_type', 'authorization_code'],
            ],
          ];
          const expected = [
            ...(isCode ? [exchange] : []),
            ...(isCode && text !== 'authdeny' ? [exchange] : []),
            ...(isToken
              ? [
                  [
                    '/sns/userinfo',
                    [
                      ['access_token', text],
                      ['openid', openid],
                      ['lang', 'zh_CN'],
                    ],
                  ],
                  [
                    '/sns/oauth2/refresh_token',
                    [
                      ['appid', appId],
                      ['grant_type', 'refresh_token'],
                      ['refresh_token', text],
                    ],
                  ],
                  [
                    '/sns/auth',
                    [
                      ['access_token', text],
                      ['openid', openid],
                    ],
                  ],
                ]
              : []),
          ];
          const order = (list: unknown[]): string[] => list.map((one) => JSON.stringify(one)).sort();
          assert.deepEqual(order(server.requests.slice(before).map(target)), order(expected));
        });
        assert.equal(seen.size, 2);
      });
    });

    describe('any number of overlapping logins on one strategy', () => {
      const cases = fc.record({
        delays: fc.array(fc.record({ wechat: fc.nat(6), verify: fc.nat(6), userInfo: fc.boolean() }), {
          minLength: 2,
          maxLength: 30,
        }),
        by: fc.constantFrom<'name' | 'instance'>('name', 'instance'),
        express: fc.constantFrom(...Object.values(frameworks)),
      });

      it('give each visitor their own user', async () => {
        await check(20, cases, async ({ delays, by, express }) => {
          const delayOf = (text: string | null): number => delays[Number(/\d+$/.exec(text ?? '')?.[0])]?.wechat ?? 0;
          script = ({ path, query }) => {
            const id = /\d+$/.exec(query.get('code') ?? query.get('openid') ?? '')?.[0] ?? '';
            const person = { ...userInfo, openid: `oVisitor-${id}`, nickname: `visitor ${id}` };
            const own = { ...tokens, access_token: `token-${id}`, openid: `oVisitor-${id}` };
            return [wait(delayOf(id)), json(path === '/sns/userinfo' ? person : own)];
          };
          const http = { ...httpOptions(), baseUrl: server.url };
          const strategy = new WeChatCodeStrategy<{ body?: unknown }>(
            { appId, appSecret, http, passReqToCallback: true },
            async (req, tokens, profile) => {
              const { code } = req.body as { code: string };
              for (let turns = delays[Number(code.split('-')[1])]?.verify ?? 0; turns > 0; turns -= 1) await turn();
              return [code, tokens.accessToken.exposeSecret(), profile.id, profile.displayName];
            },
          );
          const app = await startLoginApp(strategy, { by, express });
          const replies = await Promise.all(
            delays.map((_, id) => send(app, '/login', { json: { code: `code-${id}` } })),
          );
          assert.deepEqual(
            replies.map(({ text }) => (JSON.parse(text) as { user: unknown }).user),
            delays.map((_, id) => [`code-${id}`, `token-${id}`, `oVisitor-${id}`, `visitor ${id}`]),
          );
          await closeApps();
        });
      });
    });
  });
}

describe('properties of verify', function () {
  this.timeout(patience);
  printSeed();

  interface Settled {
    done?: readonly unknown[];
    fulfil?: unknown;
    reject?: unknown;
  }
  interface Behaviour {
    /** How many parameters it declares. */
    declares: 'done' | 'rest' | 'two';
    /** Calls of `done` before it returns. */
    before: readonly (readonly unknown[])[];
    ends: { throws: unknown } | { returns: unknown } | 'a promise';
    /** What happens afterwards, one turn of the event loop after the other. */
    after: Settled[];
  }

  const users = fc.oneof(
    { weight: 3, arbitrary: fc.record({ id: fc.nat() }) },
    { weight: 3, arbitrary: fc.constantFrom<unknown>(undefined, null, false, 0, '', NaN, 0n) },
    { weight: 1, arbitrary: fc.anything() },
  );
  const errors = fc.oneof(
    { weight: 2, arbitrary: fc.constantFrom<unknown>(undefined, null, false, 0, '') },
    { weight: 1, arbitrary: fc.string().map((message) => new Error(message)) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>('route', 'router', 'text', 5, true, Symbol('x'), [], {}) },
    { weight: 1, arbitrary: fc.anything() },
  );
  const infos = fc.oneof(fc.constant(undefined), fc.string(), fc.anything());
  const done = fc.oneof(fc.constant([]), fc.tuple(errors), fc.tuple(errors, users), fc.tuple(errors, users, infos));
  const behaviours: fc.Arbitrary<Behaviour> = fc.record({
    declares: fc.constantFrom<'done' | 'rest' | 'two'>('done', 'rest', 'two'),
    before: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(done, { maxLength: 3 }) },
    ),
    ends: fc.oneof(
      errors.map((throws) => ({ throws })),
      fc.oneof(fc.constant(undefined), users).map((returns) => ({ returns })),
      fc.constant<'a promise'>('a promise'),
      fc.constant<'a promise'>('a promise'),
    ),
    after: fc.array(
      fc.oneof(
        done.map((done) => ({ done })),
        fc.oneof(fc.constant(undefined), users).map((fulfil) => ({ fulfil })),
        errors.map((reject) => ({ reject })),
      ),
      { maxLength: 4 },
    ),
  });

  /** So that every behaviour ends: a call of `done` long after everything else. */
  const last = [null, { id: 'last' }] as const;

  type Verdict = { user: unknown } | { error: unknown };
  const isDone = ([error, user]: readonly unknown[]): Verdict => (error ? { error } : { user });

  /** The first thing that says how the login ends. */
  function predict({ declares, before, ends, after }: Behaviour): Verdict {
    const [first] = before;
    if (first !== undefined) return isDone(first);
    if (typeof ends === 'object' && 'throws' in ends) return { error: ends.throws };
    // Without a parameter for it, it cannot call done.
    if (typeof ends === 'object' && ends.returns !== undefined && declares === 'two')
      return { error: 'it returned a value' };
    let settled = ends !== 'a promise';
    for (const event of after) {
      if (event.done !== undefined) return isDone(event.done);
      if (settled) continue;
      settled = true;
      if ('reject' in event) return { error: event.reject };
      if (event.fulfil !== undefined || declares !== 'done') return { user: event.fulfil };
    }
    return isDone(last);
  }

  async function enact(
    { after }: Behaviour,
    done: Done,
    promised: { resolve: (value: unknown) => void; reject: (reason: unknown) => void },
  ): Promise<void> {
    const call = (parameters: readonly unknown[]): void => void Reflect.apply(done, undefined, parameters);
    for (const event of after) {
      await turn();
      await turn();
      if (event.done !== undefined) call(event.done);
      else if ('reject' in event) promised.reject(event.reject);
      else promised.resolve(event.fulfil);
    }
    await turn();
    await turn();
    call(last);
  }

  function deferred(): {
    promise: Promise<unknown>;
    resolve: (value: unknown) => void;
    reject: (reason: unknown) => void;
  } {
    let resolve: (value: unknown) => void = () => undefined;
    let reject: (reason: unknown) => void = () => undefined;
    const promise = new Promise<unknown>((...settle) => {
      [resolve, reject] = settle;
    });
    return { promise, resolve, reject };
  }

  let over: Promise<void>;
  let current: Behaviour;
  function behave(done: Done): unknown {
    const behaviour = current;
    const { promise, ...promised } = deferred();
    promise.catch(() => {});
    for (const parameters of behaviour.before) Reflect.apply(done, undefined, parameters);
    over = enact(behaviour, done, promised);
    if (behaviour.ends === 'a promise') return promise;
    if ('throws' in behaviour.ends) throw behaviour.ends.throws;
    return behaviour.ends.returns;
  }

  const rest = (...parameters: unknown[]): unknown => behave(parameters[2] as Done);
  const declaring = (length: number): typeof rest =>
    Object.defineProperty(rest.bind(undefined), 'length', { value: length });
  const shapes = { done: declaring(3), rest, two: declaring(2) };

  it('whatever it does, a login has one outcome, the first, and no protected handler runs without a user', async () => {
    const server = await startServer(() => [json({ ...tokens, scope: 'snsapi_base' })]);
    const client = new WeChatClient({ appId, appSecret, http: { baseUrl: server.url } });
    const apps = new Map<string, { app: LoginApp; users: unknown[] }>();
    for (const [declares, verify] of Object.entries(shapes)) {
      for (const [framework, express] of Object.entries(frameworks)) {
        const users: unknown[] = [];
        const strategy = Reflect.construct(WeChatCodeStrategy, [{ client }, verify]) as WeChatCodeStrategy;
        const remember: RequestHandler = (req, res, next) => {
          const { json } = res;
          res.json = (body) => {
            users.push(req.user);
            res.json = json;
            return res.json(typeof body === 'object' ? {} : body);
          };
          next();
        };
        apps.set(declares + framework, { users, app: await startLoginApp(strategy, { express, before: remember }) });
      }
    }
    // An async function that calls back, one that does both, one that throws too late, and one that can do neither.
    const examples: [Behaviour, string][] = [
      { declares: 'done' as const, before: [], ends: 'a promise' as const, after: [{ fulfil: undefined }] },
      {
        declares: 'rest' as const,
        before: [[null, { id: 1 }]],
        ends: 'a promise' as const,
        after: [{ fulfil: { id: 2 } }],
      },
      { declares: 'done' as const, before: [[null, false]], ends: { throws: new Error('late') }, after: [] },
      { declares: 'two' as const, before: [], ends: { returns: { id: 1 } }, after: [] },
    ].flatMap((behaviour) => Object.keys(frameworks).map((framework): [Behaviour, string] => [behaviour, framework]));
    const seen = new Set<number>();
    await check(
      200,
      fc.tuple(behaviours, fc.constantFrom(...Object.keys(frameworks))),
      async ([behaviour, framework]) => {
        const { app, users } = apps.get(behaviour.declares + framework) ?? assert.fail();
        const [handled, failures, given] = [app.handled, app.errors.length, users.length];
        current = behaviour;
        const { status } = await send(app, '/login', { json: { code: 'a' } });
        await over;
        await turn();
        const expected = predict(behaviour);
        const shown = inspect(behaviour, { depth: 6 });
        if ('error' in expected) {
          const [error, ...more] = app.errors.slice(failures);
          assert.ok(error instanceof Error && more.length === 0, shown);
          if (expected.error instanceof Error) assert.equal(error, expected.error, shown);
          else assert.ok(error instanceof TypeError, shown);
        } else {
          assert.equal(status, expected.user ? 200 : 401, shown);
          assert.equal(app.errors.length, failures, shown);
          if (expected.user) assert.equal(users.at(-1), expected.user, shown);
        }
        const success = 'user' in expected && Boolean(expected.user);
        assert.deepEqual([app.handled - handled, users.length - given], success ? [1, 1] : [0, 0], shown);
        seen.add(success ? 200 : 'error' in expected ? 500 : 401);
      },
      examples,
    );
    assert.equal(seen.size, 3);
    await closeApps();
    await closeServers();
  });
});

describe('properties of the newtypes', () => {
  printSeed();
  const values = fc.oneof(
    fc.anything(),
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: 'grapheme', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom('a', 'Z', '0', '_', '-', ' ', '\n', '.'), maxLength: 10 }),
    fc
      .tuple(fc.constantFrom('a', '😀'), fc.integer({ min: 60, max: 4100 }))
      .map(([unit, length]) => unit.repeat(length)),
  );

  function accepts(make: (value: string) => unknown, value: unknown): boolean {
    try {
      Reflect.apply(make, undefined, [value]);
      return true;
    } catch (error) {
      assert.ok(error instanceof TypeError, inspect(error));
      return false;
    }
  }

  it('take any value or refuse it with a TypeError, by one rule', async () => {
    await check(500, values, (value) => {
      for (const make of [AppId, OpenId, UnionId]) assert.equal(accepts(make, value), isId(value));
      assert.equal(
        accepts((text) => new AuthorizationCode(text), value),
        isText(value, 512),
      );
      assert.equal(
        accepts((text) => new AccessToken(text), value),
        isText(value, 4096),
      );
      assert.equal(
        accepts((text) => new RefreshToken(text), value),
        isText(value, 4096),
      );
      const isSecret = isText(value, 4096) && value.trim() === value;
      assert.equal(
        accepts((text) => new AppSecret(text), value),
        isSecret,
      );
      assert.equal(
        accepts((text) => new WeChatClient({ appId, appSecret: text }), value),
        isSecret,
      );
      assert.equal(
        accepts((text) => new WeChatClient({ appId: text, appSecret }), value),
        isId(value),
      );
    });
  });

  it('give back what they were given, and show nothing of it', async () => {
    const texts = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .filter((text) => isText(text, 512) && text.trim() === text);
    await check(100, texts, (text) => {
      for (const Kind of [AppSecret, AuthorizationCode, AccessToken, RefreshToken]) {
        const secret = new Kind(text);
        assert.equal(secret.exposeSecret(), text);
        for (const shown of [
          String(secret),
          JSON.parse(JSON.stringify(secret)),
          inspect(secret, { showHidden: true }),
        ]) {
          assert.equal(shown, '[REDACTED]');
        }
      }
    });
  });
});
