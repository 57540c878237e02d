import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';

import type { HttpOptions, WeChatError } from '../src/index.js';
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
  certificate,
  closeServers,
  hang,
  json,
  raw,
  reset,
  type ServerOptions,
  startServer,
  type Step,
  wait,
} from './support/scripted-server.js';
import { transports } from './support/transports.js';

/** Nothing listens there. */
const refusedUrl = 'http://127.0.0.1:1';
const maxRetries = 4;
const busy = json({ errcode: -1, errmsg: 'system error' });
const used = json({ errcode: 40163, errmsg: 'code been used' });
const goodExchange = json(tokens);

const tlsCut = (steps: readonly Step[]): ServerOptions => ({ tls: certificate('localhost'), greet: () => steps });

/** The times between the requests of a server, in ms. */
function pauses(requests: readonly { at: number }[]): number[] {
  return requests.slice(1).map(({ at }, n) => at - (requests[n]?.at ?? 0));
}

/** Makes a call while the dice give what leads to the longest waits. */
async function withLongestWaits(call: () => Promise<unknown>): Promise<void> {
  const { random } = Math;
  Math.random = () => 0.999;
  try {
    await call();
  } finally {
    Math.random = random;
  }
}

describe('retries', () => {
  afterEach(closeServers);

  for (const transport of transports) {
    describe(`on ${transport.name}`, () => {
      const clientOf = clientsOn(transport);

      describe('of a login that is lost', () => {
        it('do not touch the next call, which starts afresh', async () => {
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

        it('another call that hangs is tried again at once, halfway', async () => {
          const attempt = async ({ call }: Method): Promise<void> => {
            const server = await startServer([[hang]]);
            const start = performance.now();
            const error = await inTime(call(clientOf(server.url, { timeout: 160, retryDelay: 60_000 })), 160);
            assert.ok(performance.now() - start >= 155, 'it should have waited to the end');
            assert.equal(error.code, 'ERR_WECHAT_TIMEOUT');
            assert.equal(server.requests.length, 2);
          };
          await Promise.all(others.map(attempt));
        });

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
            name: 'WeChatNetworkError',
            code: 'ERR_WECHAT_TIMEOUT',
            status: 504,
            statusCode: 504,
            reason: 'ETIMEDOUT',
            sent: 'no',
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

    it('go to an untried host at once, and wait before the second round', async () => {
      const server = await startServer([[goodExchange]]);
      const client = clientOf([refusedUrl, refusedUrl, server.url], { retryDelay: 4_000, timeout: 3_000 });
      await client.exchangeCode(code);
      const error = await failureOf(
        clientOf([refusedUrl, refusedUrl], { retryDelay: 4_000, timeout: 1_000 }).exchangeCode(code),
      );
      assert.equal(error.attempts, 2);
    });

    it('stay with the host that has closed an idle connection', async () => {
      for (const { call, good } of others) {
        const first = await startServer([[json(good)], [reset], [json(good)]]);
        const second = await startServer([[json(good)]]);
        const client = clientOf([first.url, second.url]);
        await call(client);
        await call(client);
        assert.deepEqual([first.requests.length, second.requests.length], [3, 0]);
      }
    });

    it('go to another one when the first does not answer on a connection that it has kept', async () => {
      for (const silence of [[hang], [raw('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{'), reset]]) {
        for (const { call, good } of others) {
          const first = await startServer([[json(good)], silence]);
          const second = await startServer([[json(good)]]);
          const client = clientOf([first.url, second.url], { timeout: 600 });
          await call(client);
          await call(client);
          assert.deepEqual([first.requests.length, first.connections, second.requests.length], [2, 1, 1]);
        }
      }
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

    it('no longer than that delay, whatever the dice say', async () => {
      const server = await startServer([[busy], [goodExchange]]);
      // Twice the delay would be past the deadline, and not be waited for.
      const client = clientOf(server.url, { retryDelay: 700, timeout: 1_300 });
      await withLongestWaits(() => client.exchangeCode(code));
    });

    it('no longer after a retry that did not wait', async () => {
      const server = await startServer([[json(userInfo)], [reset], [busy], [json(userInfo)]]);
      const client = clientOf(server.url, { retryDelay: 1_000, timeout: 1_900 });
      await client.getUserInfo(accessToken, openid);
      await withLongestWaits(() => client.getUserInfo(accessToken, openid));
      assert.equal(server.requests.length, 4);
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

    it('and give up at once when it is past the deadline', async () => {
      const server = await startServer([[answer(503, '', { 'retry-after': '4' })]]);
      const start = performance.now();
      const error = await failureOf(clientOf(server.url, { timeout: 3_000 }).exchangeCode(code));
      assert.ok(performance.now() - start < 1_000, 'the call should have ended at once');
      assert.equal(error.attempts, 1);
    });

    it('only of a gateway', async () => {
      const server = await startServer([[json({ errcode: -1, errmsg: '' }, { 'retry-after': '60' })], [goodExchange]]);
      await clientOf(server.url, { timeout: 3_000 }).exchangeCode(code);
    });
  });
});
