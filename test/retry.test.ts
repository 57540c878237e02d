import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { gzipSync } from 'node:zlib';

import type { HttpOptions, WeChatClient, WeChatError } from '../src/index.js';
import {
  accessToken,
  clientOf,
  clientsOn,
  code,
  exchanges,
  factsOf,
  failureOf,
  type Method,
  methods,
  openid,
  others,
  tokens,
  userInfo,
} from './support/calls.js';
import {
  answer,
  answerBytes,
  certificate,
  closeServers,
  drip,
  end,
  forEver,
  hang,
  json,
  raw,
  reset,
  type Script,
  type ServerOptions,
  startServer,
  type Step,
  wait,
} from './support/scripted-server.js';
import { type NamedTransport, transports, undici } from './support/transports.js';

/** Nothing listens there. */
const refusedUrl = 'http://127.0.0.1:1';
const maxRetries = 4;
const busy = json({ errcode: -1, errmsg: 'system error' });
const used = json({ errcode: 40163, errmsg: 'code been used' });
const goodExchange = json(tokens);

/** What a failure means for one kind of call. */
interface Expected {
  attempts: number;
  retryable: boolean;
}

/** A row of the table: what goes wrong every time, and what each call makes of it. */
interface Row {
  failure: string;
  /** What the server does with every request. */
  steps?: readonly Step[];
  options?: ServerOptions;
  /** Where there is no server. */
  baseUrl?: string;
  /** Where the server is not to be reached in the plain way. */
  connections?: Parameters<NamedTransport['http']>[0];
  connectTimeout?: number;
  /** Whether the server counts the attempts as requests, as connections, or not at all. */
  counts: 'requests' | 'connections' | 'nothing';
  facts: Readonly<Record<string, unknown>>;
  exchange: Expected;
  others: Expected;
  /** Where it is seen differently by undici. */
  onUndici?: Pick<Row, 'facts' | 'exchange' | 'others'>;
}

const network = (reason: string, sent: 'no' | 'unknown' | 'yes'): Row['facts'] => ({
  name: 'WeChatNetworkError',
  code: 'ERR_WECHAT_NETWORK',
  status: 502,
  statusCode: 502,
  reason,
  sent,
});
const timeout = (sent: 'no' | 'unknown' | 'yes'): Row['facts'] => ({
  ...network('ETIMEDOUT', sent),
  code: 'ERR_WECHAT_TIMEOUT',
  status: 504,
  statusCode: 504,
});
const response = (httpStatus: number): Row['facts'] => ({
  name: 'WeChatResponseError',
  code: 'ERR_WECHAT_RESPONSE',
  status: 502,
  statusCode: 502,
  httpStatus,
});
const api = (errcode: number, apiCode: string, status: number): Row['facts'] => ({
  name: 'WeChatApiError',
  code: apiCode,
  status,
  statusCode: status,
  errcode,
  errmsg: 'why',
});

const always = { attempts: 1 + maxRetries, retryable: true };
const never = { attempts: 1, retryable: false };
const neverSent = { exchange: always, others: always };
const ambiguous = { exchange: { attempts: 2, retryable: false }, others: always };
const timedOut = { exchange: never, others: { attempts: 2, retryable: true } };
const cut = { exchange: never, others: { attempts: 2, retryable: true } };
const unusable = { exchange: never, others: { attempts: 2, retryable: false } };
const final = { exchange: never, others: never };

const trusting = { ca: certificate('localhost').cert };
const secure: ServerOptions = { tls: certificate('localhost') };
const tlsCut = (steps: readonly Step[]): ServerOptions => ({ ...secure, greet: () => steps });

/** A name look-up that gives this. */
function lookingUp(error: NodeJS.ErrnoException | null, addresses: LookupAddress[]): LookupFunction {
  return (_host, _options, done) => {
    process.nextTick(done, error, addresses);
  };
}

const whole = answerBytes(200, JSON.stringify(tokens));
const zipped = gzipSync(JSON.stringify(tokens));
const rows: readonly Row[] = [
  {
    failure: 'a connection that is refused',
    baseUrl: refusedUrl,
    counts: 'nothing',
    facts: network('ECONNREFUSED', 'no'),
    ...neverSent,
  },
  {
    failure: 'a connection that several addresses refuse',
    baseUrl: 'https://wechat.invalid:1',
    connections: {
      lookup: lookingUp(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ]),
    },
    counts: 'nothing',
    facts: network('ECONNREFUSED', 'no'),
    ...neverSent,
  },
  {
    failure: 'a name that is not found',
    baseUrl: 'https://wechat.invalid',
    connections: { lookup: lookingUp(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []) },
    counts: 'nothing',
    facts: network('ENOTFOUND', 'no'),
    ...neverSent,
  },
  {
    failure: 'a reset before the TLS handshake',
    options: tlsCut([reset]),
    counts: 'connections',
    facts: network('ECONNRESET', 'no'),
    ...neverSent,
  },
  {
    failure: 'an end of stream before the TLS handshake',
    options: tlsCut([end]),
    counts: 'connections',
    facts: network('ECONNRESET', 'no'),
    ...neverSent,
  },
  {
    failure: 'a TLS handshake that hangs',
    options: tlsCut([hang]),
    connectTimeout: 40,
    counts: 'connections',
    facts: timeout('no'),
    ...neverSent,
  },
  {
    failure: 'a certificate that nobody vouches for',
    options: secure,
    counts: 'connections',
    facts: network('DEPTH_ZERO_SELF_SIGNED_CERT', 'no'),
    ...final,
  },
  {
    failure: 'a reset before the request is read',
    options: { greet: () => [wait(20), reset] },
    counts: 'connections',
    facts: network('ECONNRESET', 'unknown'),
    ...ambiguous,
  },
  {
    failure: 'a reset after the request',
    steps: [reset],
    counts: 'requests',
    facts: network('ECONNRESET', 'unknown'),
    ...ambiguous,
  },
  {
    failure: 'a reset after the request over TLS',
    steps: [reset],
    options: secure,
    connections: trusting,
    counts: 'requests',
    facts: network('ECONNRESET', 'unknown'),
    ...ambiguous,
  },
  {
    failure: 'an end of stream after the request',
    steps: [end],
    counts: 'requests',
    facts: network('ECONNRESET', 'unknown'),
    ...ambiguous,
  },
  ...[429, 502, 503, 504].map((status) => ({
    failure: `status ${status}`,
    steps: [answer(status, '<html>')],
    counts: 'requests' as const,
    facts: response(status),
    ...ambiguous,
  })),
  {
    failure: 'errcode -1',
    steps: [json({ errcode: -1, errmsg: 'why' })],
    counts: 'requests',
    facts: api(-1, 'ERR_WECHAT_BUSY', 503),
    exchange: { attempts: 3, retryable: true },
    others: always,
  },
  { failure: 'no answer', steps: [hang], counts: 'requests', facts: timeout('unknown'), ...timedOut },
  {
    failure: 'headers that drip',
    steps: [drip(answerBytes(200, JSON.stringify(tokens), { 'x-long': 'x'.repeat(500) }), 10)],
    counts: 'requests',
    facts: timeout('yes'),
    ...timedOut,
  },
  {
    failure: 'a body that drips',
    steps: [raw(whole.subarray(0, -60)), drip(whole.subarray(-60), 50)],
    counts: 'requests',
    facts: timeout('yes'),
    ...timedOut,
  },
  ...[100, 102, 103].map((status) => ({
    failure: `status ${status} for ever`,
    steps: [forEver(raw(`HTTP/1.1 ${status} Wait\r\n\r\n`), 20)],
    counts: 'requests' as const,
    facts: timeout('yes'),
    ...timedOut,
    ...(status === 100 && { onUndici: { facts: network('ECONNRESET', 'yes'), ...cut } }),
  })),
  {
    failure: 'a body that is cut',
    steps: [raw(whole.subarray(0, -10)), end],
    counts: 'requests',
    facts: network('ECONNRESET', 'yes'),
    ...cut,
  },
  {
    failure: 'a body that a reset cuts',
    steps: [raw(whole.subarray(0, -10)), reset],
    counts: 'requests',
    facts: network('ECONNRESET', 'yes'),
    ...cut,
  },
  {
    failure: 'a chunked body that is cut',
    steps: [raw('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"err\r\n'), end],
    counts: 'requests',
    facts: network('ECONNRESET', 'yes'),
    ...cut,
  },
  {
    failure: 'half a status line',
    steps: [raw('HTTP/1.1 20'), end],
    counts: 'requests',
    facts: network('ECONNRESET', 'yes'),
    ...cut,
  },
  {
    failure: 'half a status line over TLS',
    steps: [raw('HTTP/1.1 20'), end],
    options: secure,
    connections: trusting,
    counts: 'requests',
    facts: network('ECONNRESET', 'yes'),
    ...cut,
  },
  {
    failure: 'what is no HTTP',
    steps: [raw('SSH-2.0-OpenSSH_9.2\r\n')],
    counts: 'requests',
    facts: network('HPE_INVALID_CONSTANT', 'yes'),
    ...cut,
    onUndici: { facts: network('HPE_UNKNOWN', 'yes'), ...cut },
  },
  {
    failure: 'headers without an end',
    steps: [raw(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(40_000)}`), hang],
    counts: 'requests',
    facts: network('HPE_HEADER_OVERFLOW', 'yes'),
    ...cut,
  },
  {
    failure: 'a page of HTML',
    steps: [answer(200, '<html>busy</html>')],
    counts: 'requests',
    facts: response(200),
    ...unusable,
  },
  { failure: 'an empty body', steps: [answer(200)], counts: 'requests', facts: response(200), ...unusable },
  {
    failure: 'JSON that is cut',
    steps: [answer(200, '{"openid":"x","acc')],
    counts: 'requests',
    facts: response(200),
    ...unusable,
  },
  {
    failure: 'a body that is too large',
    steps: [answer(200, ' '.repeat(70_000))],
    counts: 'requests',
    facts: response(200),
    ...unusable,
  },
  {
    failure: 'broken gzip',
    steps: [
      answer(200, Buffer.concat([zipped.subarray(0, 20), Buffer.from('broken'), zipped.subarray(26)]), {
        'content-encoding': 'gzip',
      }),
    ],
    counts: 'requests',
    facts: response(200),
    ...unusable,
  },
  {
    failure: 'what is no gzip at all',
    steps: [answer(200, JSON.stringify(tokens), { 'content-encoding': 'gzip' })],
    counts: 'requests',
    facts: response(200),
    ...unusable,
  },
  {
    failure: 'gzip that is cut',
    steps: [answer(200, zipped.subarray(0, -12), { 'content-encoding': 'gzip' })],
    counts: 'requests',
    facts: response(200),
    ...unusable,
  },
  ...[
    101, 201, 204, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 408, 413, 500, 501, 505, 521, 522, 524,
  ].map((status) => ({
    failure: `status ${status}`,
    steps: [
      status === 101
        ? raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
        : answer(status, [204, 304].includes(status) ? '' : JSON.stringify({ ...tokens, ...userInfo, errcode: 0 }), {
            location: '/elsewhere',
          }),
    ],
    counts: 'requests' as const,
    facts: response(status),
    ...final,
    ...(status === 101 && { onUndici: { facts: network('ECONNRESET', 'yes'), ...cut } }),
  })),
  ...[
    [40029, 'ERR_WECHAT_INVALID_CODE', 401],
    [40163, 'ERR_WECHAT_CODE_USED', 401],
    [40226, 'ERR_WECHAT_USER_BLOCKED', 403],
    [40013, 'ERR_WECHAT_CONFIG', 500],
    [48001, 'ERR_WECHAT_PERMISSION_DENIED', 500],
    [42002, 'ERR_WECHAT_REFRESH_TOKEN_EXPIRED', 502],
    [99999, 'ERR_WECHAT_API', 502],
  ].map(([errcode, apiCode, status]) => ({
    failure: `errcode ${String(errcode)}`,
    steps: [json({ errcode, errmsg: 'why' })],
    counts: 'requests' as const,
    facts: api(Number(errcode), String(apiCode), Number(status)),
    ...final,
  })),
  {
    failure: 'errcode 45011',
    steps: [json({ errcode: 45011, errmsg: 'why' })],
    counts: 'requests',
    facts: api(45011, 'ERR_WECHAT_RATE_LIMITED', 503),
    exchange: { attempts: 1, retryable: true },
    others: { attempts: 1, retryable: true },
  },
];

/** The times between the requests of a server, in ms. */
function pauses(requests: readonly { at: number }[]): number[] {
  return requests.slice(1).map(({ at }, n) => at - (requests[n]?.at ?? 0));
}

describe('retries', () => {
  afterEach(closeServers);

  for (const transport of transports) {
    describe(`on ${transport.name}`, () => {
      const clientOf = clientsOn(transport);

      describe('a failure that lasts', () => {
        for (const row of rows) {
          const { failure, steps, options, baseUrl, connections, connectTimeout, counts } = row;
          const { facts, ...expected } = transport === undici ? { ...row, ...row.onUndici } : row;
          const check = async (method: Method): Promise<void> => {
            const server = await startServer([steps ?? []], options);
            const timing = { retryDelay: 1, timeout: facts['reason'] === 'ETIMEDOUT' ? 600 : 5_000 };
            const http = {
              maxRetries,
              ...timing,
              ...(connectTimeout !== undefined && { connectTimeout }),
              ...transport.http(connections),
            };
            const error = await failureOf(method.call(clientOf(baseUrl ?? server.url, http)));
            const { attempts, retryable } = exchanges.includes(method) ? expected.exchange : expected.others;
            assert.deepEqual(factsOf(error), { ...facts, endpoint: method.endpoint, attempts, retryable });
            if (counts === 'connections') assert.equal(server.connections, attempts);
            if (counts === 'requests') assert.equal(server.requests.length, attempts);
          };
          it(`${failure}: an exchange is sent ${times(expected.exchange.attempts)}, the rest ${times(expected.others.attempts)}`, async () => {
            await Promise.all(methods.map(check));
          });
        }
      });

      describe('when the code turns out to have been used', () => {
        const lost = async (script: Script, http?: Omit<HttpOptions, 'baseUrl'>): Promise<void> => {
          for (const { call, endpoint } of exchanges) {
            const server = await startServer(script);
            const error = await failureOf(call(clientOf(server.url, { maxRetries, ...http })));
            assert.deepEqual(factsOf(error), {
              name: 'WeChatApiError',
              code: 'ERR_WECHAT_LOGIN_LOST',
              endpoint,
              attempts: server.requests.length,
              retryable: false,
              status: 503,
              statusCode: 503,
              errcode: 40163,
              errmsg: 'code been used',
            });
            assert.ok(error.attempts > 1);
          }
        };

        it('by the first attempt, it was used by someone else', async () => {
          for (const { call } of exchanges) {
            const server = await startServer([[used]]);
            const error = await failureOf(call(clientOf(server.url)));
            assert.equal(error.code, 'ERR_WECHAT_CODE_USED');
            assert.equal(error.status, 401);
            assert.equal(server.requests.length, 1);
          }
        });

        it('after attempts that never reached WeChat, it was used by someone else', async () => {
          const server = await startServer([[used]]);
          const error = await failureOf(clientOf([refusedUrl, refusedUrl, server.url]).exchangeCode(code));
          assert.equal(error.code, 'ERR_WECHAT_CODE_USED');
          assert.equal(error.attempts, 3);
        });

        it('after TLS handshakes that were cut, it was used by someone else', async () => {
          const server = await startServer([[used]], { ...secure, greet: (n) => (n < 3 ? [reset] : []) });
          const error = await failureOf(clientOf(server.url, transport.http(trusting)).exchangeCode(code));
          assert.equal(error.code, 'ERR_WECHAT_CODE_USED');
          assert.equal(error.attempts, 3);
        });

        it('after a lost connection, the login is lost', () => lost([[reset], [used]]));
        it('after an end of stream, the login is lost', () => lost([[end], [used]]));
        for (const status of [429, 502, 503, 504]) {
          it(`after status ${status}, the login is lost`, () => lost([[answer(status)], [used]]));
        }
        it('after errcode -1, the login is lost', () => lost([[busy], [used]]));
        it('after errcode -1 twice, the login is lost', () => lost([[busy], [busy], [used]]));

        it('after an ambiguous attempt and one that was never sent, the login is lost', async () => {
          const options = { ...secure, greet: (n: number) => (n === 2 ? [reset] : []) };
          const server = await startServer([[end], [used]], options);
          const client = clientOf(server.url, transport.http(trusting));
          const error = await failureOf(client.exchangeCode(code));
          assert.equal(error.code, 'ERR_WECHAT_LOGIN_LOST');
          assert.equal(error.attempts, 3);
        });

        it('the next call starts afresh', async () => {
          const server = await startServer([[reset], [used], [used]]);
          const client = clientOf(server.url);
          assert.equal((await failureOf(client.exchangeCode(code))).code, 'ERR_WECHAT_LOGIN_LOST');
          assert.equal((await failureOf(client.exchangeCode(code))).code, 'ERR_WECHAT_CODE_USED');
        });
      });

      describe('wait', () => {
        it('not at all when a connection that was used again is reset', async () => {
          for (const { call, good } of methods) {
            const server = await startServer([[json(good)], [reset], [json(good)]]);
            const client = clientOf(server.url, { retryDelay: 4_000, timeout: 3_000 });
            await call(client);
            await call(client);
            assert.deepEqual(
              server.requests.map(({ connection }) => connection),
              [1, 1, 2],
            );
          }
        });

        it('when a fresh connection is reset', async () => {
          const server = await startServer([[reset], [goodExchange]]);
          await clientOf(server.url, { retryDelay: 200 }).exchangeCode(code);
          const [pause = 0] = pauses(server.requests);
          assert.ok(pause >= 98, `the wait was ${pause} ms`);
        });
      });

      describe('and the deadline', () => {
        const inTime = async (call: Promise<unknown>, timeout: number): Promise<WeChatError> => {
          const start = performance.now();
          const error = await failureOf(call);
          const took = performance.now() - start;
          assert.ok(took < timeout + 1_000, `the call took ${took} ms of ${timeout}`);
          return error;
        };

        it('an exchange that hangs has all the time for its only attempt', async () => {
          const server = await startServer([[wait(500), goodExchange]]);
          await clientOf(server.url, { timeout: 900 }).exchangeCode(code);
          assert.equal(server.requests.length, 1);
        });

        it('an exchange that hangs is not sent again', async () => {
          for (const { call, good } of exchanges) {
            const server = await startServer([[hang], [json(good)]]);
            const error = await inTime(call(clientOf(server.url, { timeout: 250 })), 250);
            assert.equal(error.code, 'ERR_WECHAT_TIMEOUT');
            assert.equal(server.requests.length, 1);
          }
        });

        for (const { name, call, good } of others) {
          it(`${name} that hangs is sent once more while there is time`, async () => {
            const server = await startServer([[hang], [json(good)]]);
            await call(clientOf(server.url, { timeout: 600 }));
            assert.equal(server.requests.length, 2);
          });

          it(`${name} that always hangs ends in time`, async () => {
            const server = await startServer([[hang]]);
            const error = await inTime(call(clientOf(server.url, { timeout: 600 })), 600);
            assert.equal(error.code, 'ERR_WECHAT_TIMEOUT');
            assert.equal(server.requests.length, 2);
          });
        }

        it('includes the waits and the attempts of all retries', async () => {
          const attempt = async ({ call }: Method): Promise<void> => {
            const server = await startServer([[wait(90), busy]]);
            const client = clientOf(server.url, { timeout: 250, maxRetries: 1_000, retryDelay: 5 });
            const error = await inTime(call(client), 250);
            assert.ok(['ERR_WECHAT_BUSY', 'ERR_WECHAT_TIMEOUT'].includes(error.code));
          };
          await Promise.all(methods.map(attempt));
        });

        it('is what a thousand refused connections end with', async () => {
          const client = clientOf(refusedUrl, { timeout: 250, maxRetries: 1_000, retryDelay: 20 });
          const error = await inTime(client.exchangeCode(code), 250);
          assert.equal(factsOf(error)['sent'], 'no');
          assert.ok(error.attempts > 1);
        });

        it('is shorter than the time to connect where that is set longer', async () => {
          const server = await startServer([[]], tlsCut([hang]));
          const client = clientOf(server.url, { timeout: 200, connectTimeout: 60_000, retryDelay: 1_000 });
          const error = await inTime(client.exchangeCode(code), 200);
          assert.deepEqual(factsOf(error), {
            ...timeout('no'),
            endpoint: '/sns/oauth2/access_token',
            attempts: 1,
            retryable: true,
          });
        });

        it('leaves time for other hosts when the first cannot be connected to', async () => {
          const silent = await startServer([[]], tlsCut([hang]));
          const server = await startServer([[goodExchange]]);
          await clientOf([silent.url, server.url], { timeout: 2_000, connectTimeout: 50 }).exchangeCode(code);
          assert.equal(server.requests.length, 1);
        });

        it('holds while a name look-up hangs', async () => {
          const client = clientOf('http://localhost:1', {
            timeout: 200,
            connectTimeout: 50,
            ...transport.http({ lookup: () => {} }),
          });
          const error = await inTime(client.exchangeCode(code), 200);
          assert.deepEqual(factsOf(error)['sent'], 'no');
          assert.ok(error.attempts > 1);
        });

        it('does not count the connection: an answer may take longer than the time to connect', async () => {
          const server = await startServer([[wait(500), goodExchange]]);
          const client = clientOf(server.url, { connectTimeout: 250 });
          await client.exchangeCode(code);
          await client.exchangeCode(code);
          assert.equal(server.connections, 1);
        });
      });
    });
  }

  describe('in all', () => {
    it('are three unless otherwise chosen', async () => {
      for (const [chosen, attempts] of [
        [undefined, 4],
        [3, 4],
        [1, 2],
        [0, 1],
      ] as const) {
        const http = chosen === undefined ? {} : { maxRetries: chosen };
        for (const { call } of exchanges) {
          assert.equal((await failureOf(call(clientOf(refusedUrl, http)))).attempts, attempts);
        }
        const server = await startServer([[answer(503)]]);
        for (const { call } of others) {
          assert.equal((await failureOf(call(clientOf(server.url, http)))).attempts, attempts);
        }
      }
    });

    it('are at most maxRetries for any mixture of failures', async () => {
      for (const method of methods) {
        const server = await startServer([[busy], [reset], [busy], [answer(503)], [json(method.good)]]);
        const error = await failureOf(method.call(clientOf(server.url, { maxRetries: 3 })));
        assert.equal(error.attempts, 4);
        assert.equal(server.requests.length, 4);
      }
    });

    it('are none with maxRetries 0, whatever fails', async () => {
      for (const steps of [[busy], [reset], [answer(503)], [answer(200, 'garbage')], [hang]]) {
        const once = async ({ call }: Method): Promise<void> => {
          const server = await startServer([steps]);
          const error = await failureOf(call(clientOf(server.url, { maxRetries: 0, timeout: 400 })));
          assert.equal(error.attempts, 1);
          assert.equal(server.requests.length, 1);
        };
        await Promise.all(methods.map(once));
      }
      for (const { call } of methods) {
        assert.equal((await failureOf(call(clientOf(refusedUrl, { maxRetries: 0 })))).attempts, 1);
      }
    });

    it('of an exchange are counted for each kind of failure', async () => {
      const server = await startServer([[busy], [busy], [answer(502)], [busy], [goodExchange]]);
      const error = await failureOf(clientOf(server.url, { maxRetries: 9 }).exchangeCode(code));
      assert.equal(error.code, 'ERR_WECHAT_BUSY');
      assert.equal(error.attempts, 4);
    });

    it('of an exchange count a gateway and a lost connection as one kind', async () => {
      const server = await startServer([[reset], [answer(503)], [goodExchange]]);
      const error = await failureOf(clientOf(server.url, { maxRetries: 9 }).exchangeCode(code));
      assert.deepEqual(factsOf(error), {
        ...response(503),
        endpoint: '/sns/oauth2/access_token',
        attempts: 2,
        retryable: false,
      });
    });

    it('do not forget what an earlier attempt may have done', async () => {
      for (const [steps, sent] of [
        [[answer(503)], 'unknown'],
        [[reset], 'unknown'],
        [[busy], 'yes'],
      ] as const) {
        const server = await startServer([steps, [hang]]);
        const error = await failureOf(clientOf(server.url, { timeout: 400 }).exchangeCode(code));
        assert.deepEqual(factsOf(error), {
          ...timeout(sent),
          endpoint: '/sns/oauth2/access_token',
          attempts: 2,
          retryable: false,
        });
      }
    });

    it('rescue a call when the failure passes', async () => {
      const rescues: readonly (readonly [Method, readonly (readonly Step[])[]])[] = [
        ...exchanges.flatMap((method) =>
          [[[reset]], [[answer(504)]], [[busy], [busy]], [[busy], [reset], [busy]]].map(
            (failures) => [method, failures] as const,
          ),
        ),
        ...others.map((method) => [method, [[answer(200, 'garbage')], [answer(429)], [reset]]] as const),
      ];
      for (const [{ call, good }, failures] of rescues) {
        const server = await startServer([...failures, [json(good)]]);
        await call(clientOf(server.url));
        assert.equal(server.requests.length, failures.length + 1);
      }
    });

    it('send the same request each time', async () => {
      const server = await startServer([[busy], [reset], [goodExchange]]);
      await clientOf(server.url).exchangeCode(code);
      assert.equal(server.requests.length, 3);
      assert.equal(new Set(server.requests.map(({ target }) => target)).size, 1);
    });
  });

  describe('with several hosts', () => {
    /** Starts servers that do this, and gives a log of which of them had a connection, in order. */
    async function startAll(all: readonly (readonly Step[])[]): Promise<{ urls: string[]; log: number[] }> {
      const log: number[] = [];
      const urls: string[] = [];
      for (const [n, steps] of all.entries()) {
        const visited = (): void => {
          log.push(n);
        };
        const server = await startServer([[visited, ...steps]]);
        urls.push(server.url);
      }
      return { urls, log };
    }

    /** Starts servers which cut every TLS handshake. */
    async function startCutting(count: number): Promise<{ urls: string[]; log: number[] }> {
      const log: number[] = [];
      const urls: string[] = [];
      for (let n = 0; n < count; n += 1) {
        const visited = (): void => {
          log.push(n);
        };
        urls.push((await startServer([[]], tlsCut([visited, reset]))).url);
      }
      return { urls, log };
    }

    it('go round them in order while nothing was sent', async () => {
      for (const { call } of methods) {
        const { urls, log } = await startCutting(3);
        const error = await failureOf(call(clientOf(urls, { maxRetries })));
        assert.deepEqual(log, [0, 1, 2, 0, 1]);
        assert.equal(error.attempts, 5);
      }
    });

    it('move an exchange to the next host when the first was not reached', async () => {
      const server = await startServer([[goodExchange]]);
      const result = await clientOf([refusedUrl, server.url]).exchangeCode(code);
      assert.equal(result.openid, openid);
    });

    it('go to an untried host at once, and wait before the second round', async () => {
      const server = await startServer([[goodExchange]]);
      const client = clientOf([refusedUrl, refusedUrl, server.url], { retryDelay: 4_000, timeout: 3_000 });
      await client.exchangeCode(code);
      const error = await failureOf(
        clientOf([refusedUrl, refusedUrl], { retryDelay: 4_000, timeout: 1_000 }).exchangeCode(code),
      );
      assert.equal(error.attempts, 2);
    });

    for (const [failure, steps] of [
      ['a lost connection', [reset]],
      ['a gateway', [answer(503)]],
      ['errcode -1', [busy]],
    ] as const) {
      it(`keep an exchange on its host after ${failure}`, async () => {
        for (const { call, good } of exchanges) {
          const { urls, log } = await startAll([steps, [json(good)]]);
          await failureOf(call(clientOf(urls)));
          assert.deepEqual(new Set(log), new Set([0]));
          assert.ok(log.length > 1);
        }
      });

      for (const { name, call, good } of others) {
        it(`move ${name} to the next host after ${failure}`, async () => {
          const { urls, log } = await startAll([steps, [json(good)]]);
          await call(clientOf(urls));
          assert.deepEqual(log, [0, 1]);
        });
      }
    }

    it('move user info to the next host after half of the time was spent in vain', async () => {
      const { urls, log } = await startAll([[hang], [json(userInfo)]]);
      await clientOf(urls, { timeout: 600 }).getUserInfo(accessToken, openid);
      assert.deepEqual(log, [0, 1]);
    });

    it('begin each call with the first host', async () => {
      const { urls, log } = await startAll([[busy], [json(userInfo)]]);
      const client = clientOf(urls);
      await client.getUserInfo(accessToken, openid);
      await client.getUserInfo(accessToken, openid);
      assert.deepEqual(log, [0, 1, 0, 1]);
    });
  });

  describe('wait', () => {
    it('between a half and the whole of a delay that doubles', async () => {
      const server = await startServer([[busy]]);
      await failureOf(clientOf(server.url, { retryDelay: 60 }).getUserInfo(accessToken, openid));
      const waits = pauses(server.requests);
      assert.equal(waits.length, 3);
      for (const [n, pause] of waits.entries()) {
        const longest = 60 * 2 ** n;
        assert.ok(pause >= longest / 2 - 2, `wait ${n} was ${pause} ms`);
        assert.ok(pause <= longest + 500, `wait ${n} was ${pause} ms`);
      }
    });

    it('not all alike, so that many clients do not come back at once', async () => {
      const waits = await Promise.all(
        Array.from({ length: 30 }, async () => {
          const server = await startServer([[busy]]);
          await failureOf(clientOf(server.url, { retryDelay: 400, maxRetries: 1 }).exchangeCode(code));
          return pauses(server.requests)[0] ?? 0;
        }),
      );
      assert.ok(Math.min(...waits) >= 198, `the shortest was ${Math.min(...waits)} ms`);
      assert.ok(Math.min(...waits) < 340, `the shortest was ${Math.min(...waits)} ms`);
      assert.ok(Math.max(...waits) > 320, `the longest was ${Math.max(...waits)} ms`);
    });

    it('not beyond the deadline: what cannot be waited for ends the call at once', async () => {
      for (const { call } of methods) {
        const server = await startServer([[answer(503)]]);
        const start = performance.now();
        const error = await failureOf(call(clientOf(server.url, { retryDelay: 100_000, timeout: 5_000 })));
        assert.ok(performance.now() - start < 1_000);
        assert.equal(error.attempts, 1);
        assert.equal(factsOf(error)['httpStatus'], 503);
      }
    });
  });

  describe('obey Retry-After', () => {
    /** Lets an exchange fail with a gateway's answer that has this header, and then succeed. */
    async function rescue(retryAfter: () => string, http: Omit<HttpOptions, 'baseUrl'>): Promise<number> {
      const server = await startServer((request) => [
        request === server.requests[0] ? answer(503, '', { 'retry-after': retryAfter() }) : goodExchange,
      ]);
      await clientOf(server.url, http).exchangeCode(code);
      assert.equal(server.requests.length, 2);
      return pauses(server.requests)[0] ?? 0;
    }

    async function giveUp(client: WeChatClient): Promise<WeChatError> {
      const start = performance.now();
      const error = await failureOf(client.exchangeCode(code));
      assert.ok(performance.now() - start < 1_000, 'the call should have ended at once');
      return error;
    }

    it('in seconds', async () => {
      const pause = await rescue(() => '1', { timeout: 5_000 });
      assert.ok(pause >= 995, `the wait was ${pause} ms`);
      assert.ok(pause < 1_900, `the wait was ${pause} ms`);
    });

    it('as a date', async () => {
      let date = 0;
      await rescue(
        () => {
          date = Math.ceil((Date.now() + 200) / 1_000) * 1_000;
          return new Date(date).toUTCString();
        },
        { timeout: 5_000 },
      );
      assert.ok(Date.now() >= date - 5, `it came ${date - Date.now()} ms early`);
    });

    it('but wait no shorter than without it', async () => {
      const pause = await rescue(() => '0', { retryDelay: 200 });
      assert.ok(pause >= 98, `the wait was ${pause} ms`);
    });

    for (const value of ['-5', 'soon', '1.5', '', 'Thu, 01 Jan 1970 00:00:00 GMT', '0x10', '1e9']) {
      it(`unless it says nothing about the future: ${value}`, async () => {
        assert.ok((await rescue(() => value, {})) < 900);
      });
    }

    const late = ['4', '60', '86400', '99999999999', '9'.repeat(400), 'Fri, 01 Jan 2100 00:00:00 GMT'];
    for (const value of late) {
      for (const status of [429, 502, 503, 504]) {
        it(`and give up at once at status ${status} when it is past the deadline: ${value.slice(0, 40)}`, async () => {
          const server = await startServer([[answer(status, '', { 'retry-after': value })]]);
          const error = await giveUp(clientOf(server.url, { timeout: 3_000 }));
          assert.deepEqual(factsOf(error), {
            ...response(status),
            endpoint: '/sns/oauth2/access_token',
            attempts: 1,
            retryable: false,
          });
        });
      }
    }

    it('only of a gateway', async () => {
      const server = await startServer([[json({ errcode: -1, errmsg: '' }, { 'retry-after': '60' })], [goodExchange]]);
      await clientOf(server.url, { timeout: 3_000 }).exchangeCode(code);
    });
  });
});

function times(attempts: number): string {
  return ['never', 'once', 'twice'][attempts] ?? `${attempts} times`;
}
