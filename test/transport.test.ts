import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { type HttpOptions, type WeChatClient, WeChatNetworkError, WeChatResponseError } from '../src/index.js';
import { wasClosedWhileIdle } from '../src/transport.js';
import { clientsOn, code, factsOf, failureOf, methods, openid, tokens } from './support/calls.js';
import { type ClientProcess, killClients, startClient } from './support/client-process.js';
import {
  answer,
  answerBytes,
  certificate,
  closeServers,
  drip,
  end,
  flood,
  forEver,
  hang,
  json,
  raw,
  reset,
  type Script,
  type ScriptedServer,
  type ServerOptions,
  startServer,
  type Step,
  wait,
} from './support/scripted-server.js';
import { got, transports, undici } from './support/transports.js';

const good = json(tokens);
const zipped = gzipSync(JSON.stringify(tokens));
const gzip = { 'content-encoding': 'gzip' };
const secure: ServerOptions = { tls: certificate('localhost') };
/** Makes a process trust the certificate of the fixtures. */
const trust = {
  NODE_EXTRA_CA_CERTS: fileURLToPath(new URL('fixtures/tls/localhost.cert.pem', import.meta.url)),
};

/** Answers every exchange with tokens of the user whom the code names. */
const eachTheirOwn: Script = ({ query }) => [json(tokensOf(query.get('code')))];
const tokensOf = (user: string | null): Record<string, unknown> => ({ ...tokens, openid: `o${user}` });

/** Waits for the end of a connection, and fails when it is only ended for having been idle long enough. */
async function endedAtOnce(server: ScriptedServer, connection: number): Promise<void> {
  const start = performance.now();
  await server.closed(connection);
  const took = performance.now() - start;
  assert.ok(took < 2_000, `it was ended after ${took} ms`);
}

for (const transport of transports) {
  describe(`on ${transport.name}`, () => {
    const clientOf = clientsOn(transport);
    /** The connections that requests came on, when this is done for the first and the second gets a good answer. */
    const connectionsAfter = async (
      steps: readonly Step[],
      http: Omit<HttpOptions, 'baseUrl'> = {},
    ): Promise<number[]> => {
      const server = await startServer([steps, [good]]);
      const client = clientOf(server.url, { maxRetries: 0, ...http });
      await client.exchangeCode(code).catch((error: unknown) => {
        assert.ok(error instanceof WeChatNetworkError || error instanceof WeChatResponseError);
      });
      await client.exchangeCode(code);
      return server.requests.map(({ connection }) => connection);
    };

    describe('connections', () => {
      afterEach(async () => {
        killClients();
        await closeServers();
      });

      describe('are kept alive', () => {
        it('so that the calls of a login share one', async () => {
          const server = await startServer(({ path }) => [
            json({ ...methods.find(({ endpoint }) => endpoint === path)?.good }),
          ]);
          const client = clientOf(server.url);
          for (const { call } of methods) await call(client);
          assert.equal(server.requests.length, 5);
          assert.equal(server.connections, 1);
        });

        it('after an errcode, which is an answer like any other', async () => {
          assert.deepEqual(await connectionsAfter([good]), [1, 1]);
          const server = await startServer([[json({ errcode: 40029, errmsg: 'invalid code' })], [good]]);
          const client = clientOf(server.url);
          await failureOf(client.exchangeCode(code));
          await client.exchangeCode(code);
          assert.equal(server.connections, 1);
        });

        it('but each client has its own', async () => {
          const server = await startServer([[good]]);
          await clientOf(server.url).exchangeCode(code);
          await clientOf(server.url).exchangeCode(code);
          assert.equal(server.connections, 2);
        });

        it('but do not keep the process alive', async () => {
          const server = await startServer([[good]]);
          const client = startClient();
          const http = { timeout: 60_000, connectTimeout: 60_000, maxRetries: 0 };
          assert.equal(
            (await client.exchange({ transport: transport.name, http: { ...http, baseUrl: server.url }, code })).openid,
            openid,
          );
          const { error } = await client.exchange({
            transport: transport.name,
            http: { ...http, baseUrl: 'http://127.0.0.1:1' },
            code,
          });
          assert.equal(error?.['reason'], 'ECONNREFUSED');
          const start = performance.now();
          await client.end();
          assert.ok(performance.now() - start < 2_000);
        });

        it('for four seconds, less than servers keep them, while an answer may take longer', async () => {
          const idle = await startServer([[good]]);
          const slow = await startServer([[wait(4_400), good]]);
          const slowCall = clientOf(slow.url, { timeout: 8_000 }).exchangeCode(code);
          await clientOf(idle.url).exchangeCode(code);
          const start = performance.now();
          await idle.closed(1);
          const kept = performance.now() - start;
          assert.ok(kept > 3_500 && kept < 4_900, `it was kept for ${kept} ms`);
          assert.equal((await slowCall).openid, openid);
        });

        it('no longer than the server says that it keeps them', async () => {
          const server = await startServer([[json(tokens, { 'keep-alive': 'timeout=2' })]]);
          await clientOf(server.url).exchangeCode(code);
          const start = performance.now();
          await server.closed(1);
          const kept = performance.now() - start;
          assert.ok(kept < 2_500, `it was kept for ${kept} ms`);
        });

        it('no longer when the server ends them', async () => {
          for (const close of [end, reset]) {
            const server = await startServer([[good]]);
            const client = clientOf(server.url);
            await client.exchangeCode(code);
            await server.interfere(1, [close]);
            await server.closed(1);
            await client.exchangeCode(code);
            assert.equal(server.connections, 2);
          }
        });

        it('no longer when the server says so', async () => {
          assert.deepEqual(await connectionsAfter([json(tokens, { connection: 'close' }), end]), [1, 2]);
        });
      });

      describe('never give one visitor the answer of another', () => {
        for (const [stray, bytes] of [
          ['a second answer', answerBytes(200, JSON.stringify(tokensOf('Alice')))],
          ['half an answer', answerBytes(200, JSON.stringify(tokensOf('Alice'))).subarray(0, 90)],
          ['one byte', Buffer.from('\n')],
          ['a timeout of the server', answerBytes(408)],
        ] as const) {
          it(`when ${stray} comes on an idle connection: that ends it`, async () => {
            const server = await startServer(eachTheirOwn);
            const client = clientOf(server.url, { maxRetries: 0 });
            assert.equal((await client.exchangeCode('Alice')).openid, 'oAlice');
            await server.interfere(1, [raw(bytes)]);
            await endedAtOnce(server, 1);
            assert.equal((await client.exchangeCode('Bob')).openid, 'oBob');
            assert.equal(server.connections, 2);
          });
        }

        it('when a connection is used many times before a second answer comes', async () => {
          const server = await startServer(eachTheirOwn);
          const client = clientOf(server.url, { maxRetries: 0 });
          for (let n = 0; n < 20; n += 1) await client.exchangeCode('Alice');
          assert.equal(server.connections, 1);
          await server.interfere(1, [raw(answerBytes(200, JSON.stringify(tokensOf('Alice'))))]);
          await endedAtOnce(server, 1);
          assert.equal((await client.exchangeCode('Bob')).openid, 'oBob');
        });

        for (const [moment, arrive] of [
          ['a timer', (done: () => void) => setTimeout(done, 5)],
          ['input', (done: () => void) => readFile(new URL(import.meta.url), done)],
        ] as const) {
          it(`when a second answer is there but not read yet as ${moment} makes the next call`, async () => {
            const server = await startServer(eachTheirOwn);
            const client = clientOf(server.url);
            assert.equal((await client.exchangeCode('Alice')).openid, 'oAlice');
            await new Promise<void>((resolve) => {
              arrive(resolve);
            });
            const stray = server.interfere(1, [raw(answerBytes(200, JSON.stringify(tokensOf('Alice'))))]);
            assert.equal((await client.exchangeCode('Bob')).openid, 'oBob');
            await stray;
          });
        }

        it('when a second answer is there but not read yet as a call that waited gets the connection', async () => {
          const server = await startServer(({ query }) =>
            query.get('code') === 'hang' ? [hang] : [wait(30), json(tokensOf(query.get('code')))],
          );
          const client = clientOf(server.url, { maxRetries: 0 });
          const controller = new AbortController();
          const { signal } = controller;
          const hanging = Array.from({ length: 127 }, () => failureOf(client.exchangeCode('hang', { signal })));
          const alice = client.exchangeCode('Alice').then(async ({ openid }) => {
            const [request] = server.requests.filter(({ query }) => query.get('code') === 'Alice');
            await server.interfere(request?.connection ?? 0, [
              raw(answerBytes(200, JSON.stringify(tokensOf('Alice')))),
            ]);
            return openid;
          });
          const bob = client.exchangeCode('Bob');
          assert.deepEqual([await alice, (await bob).openid], ['oAlice', 'oBob']);
          controller.abort();
          await Promise.all(hanging);
        });

        it('when a second answer comes together with the first', async () => {
          const alice = answerBytes(200, JSON.stringify(tokensOf('Alice')));
          const server = await startServer(({ query }) =>
            query.get('code') === 'Alice' ? [raw(Buffer.concat([alice, alice]))] : [json(tokensOf('Bob'))],
          );
          const client = clientOf(server.url);
          for (let n = 0; n < 20; n += 1) {
            const [first] = await Promise.allSettled([client.exchangeCode('Alice')]);
            if (first.status === 'fulfilled') assert.equal(first.value.openid, 'oAlice');
            assert.equal((await client.exchangeCode('Bob')).openid, 'oBob');
          }
        });

        it('when an answer comes after its call was aborted', async () => {
          const server = await startServer(({ query }) => [
            ...(query.get('code') === 'Alice' ? [wait(60)] : []),
            json(tokensOf(query.get('code'))),
          ]);
          const client = clientOf(server.url);
          const controller = new AbortController();
          const alice = failureOf(client.exchangeCode('Alice', { signal: controller.signal }));
          await server.received(1);
          controller.abort();
          await alice;
          assert.equal((await client.exchangeCode('Bob')).openid, 'oBob');
          assert.equal(server.connections, 2);
        });

        it('when an answer comes after its call has timed out', async () => {
          const server = await startServer(({ query }) => [
            ...(query.get('code') === 'Alice' ? [wait(400)] : []),
            json(tokensOf(query.get('code'))),
          ]);
          const client = clientOf(server.url, { timeout: 300 });
          await failureOf(client.exchangeCode('Alice'));
          assert.equal((await client.exchangeCode('Bob')).openid, 'oBob');
          assert.equal(server.connections, 2);
        });

        it('when many log in at once and stray answers have come on all of the connections', async () => {
          const server = await startServer(eachTheirOwn);
          const client = clientOf(server.url);
          const users = Array.from({ length: 100 }, (_, n) => `user${n}`);
          for (let round = 0; round < 3; round += 1) {
            const results = await Promise.all(users.map((user) => client.exchangeCode(user)));
            const swapped = results.filter((result, n) => result.openid !== `o${users[n]}`);
            assert.equal(swapped.length, 0);
            for (const connection of server.open) {
              await server.interfere(connection, [raw(answerBytes(200, JSON.stringify(tokensOf('Mallory'))))]);
            }
          }
        });
      });

      describe('are not used again', () => {
        it('after a call that timed out', async () => {
          assert.deepEqual(await connectionsAfter([hang], { timeout: 400 }), [1, 2]);
        });

        it('after a call that was aborted', async () => {
          const server = await startServer([[hang], [good]]);
          const client = clientOf(server.url);
          const controller = new AbortController();
          const failure = failureOf(client.exchangeCode(code, { signal: controller.signal }));
          await server.received(1);
          controller.abort();
          await failure;
          await server.closed(1);
          await client.exchangeCode(code);
          assert.equal(server.connections, 2);
        });

        for (const status of [101, 201, 204, 206, 301, 302, 304, 400, 404, 429, 500, 503]) {
          it(`after status ${status}`, async () => {
            const switching = raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n');
            const steps = status === 101 ? [switching] : [answer(status)];
            assert.deepEqual(await connectionsAfter(steps), [1, 2]);
          });
        }

        for (const [what, step] of [
          ['a page of HTML', answer(200, '<html>')],
          ['an empty body', answer(200)],
          ['an array', answer(200, '[]')],
          ['tokens without an openid', json({ ...tokens, openid: undefined })],
          ['an errcode that is no number', json({ errcode: 'many' })],
          ['a body that is too large', answer(200, ' '.repeat(100_000))],
          ['broken gzip', answer(200, 'broken', gzip)],
          ['gzip that is cut', answer(200, zipped.subarray(0, -10), gzip)],
        ] as const) {
          it(`after ${what}`, async () => {
            assert.deepEqual(await connectionsAfter([step]), [1, 2]);
          });
        }

        it("after another user's user info", async () => {
          const server = await startServer([[json({ openid: 'oBob' })], [json({ openid })]]);
          const client = clientOf(server.url, { maxRetries: 0 });
          await failureOf(client.getUserInfo('token', openid));
          await client.getUserInfo('token', openid);
          assert.equal(server.connections, 2);
        });

        it('after an odd answer, not even by calls that wait for a connection', async () => {
          const server = await startServer(({ query }) =>
            query.get('code') === 'odd' ? [wait(30), answer(200, '<html>')] : [json(tokensOf(query.get('code')))],
          );
          const client = clientOf(server.url, { maxRetries: 0 });
          const odd = Promise.all(Array.from({ length: 128 }, () => failureOf(client.exchangeCode('odd'))));
          const users = Array.from({ length: 128 }, (_, n) => String(n));
          const results = await Promise.all(users.map((user) => client.exchangeCode(user)));
          assert.deepEqual(
            results.map((result) => result.openid),
            users.map((user) => `o${user}`),
          );
          await odd;
          const used = server.requests.filter(({ query }) => query.get('code') !== 'odd');
          assert.ok(used.every(({ connection }) => connection > 128));
        });
      });

      describe('that end', () => {
        /** Makes so many calls at once, and gives how many connections there have been. */
        async function callAtOnce(server: ScriptedServer, client: WeChatClient, calls: number): Promise<number> {
          const users = Array.from({ length: calls }, (_, n) => `user${n}`);
          const results = await Promise.all(users.map((user) => client.exchangeCode(user)));
          assert.deepEqual(
            results.map((result) => result.openid),
            users.map((user) => `o${user}`),
          );
          return server.connections;
        }

        it('with an answer that is of no use do not end the call of another visitor', async () => {
          const server = await startServer(({ query }) => {
            const user = query.get('code');
            return [user === 'bad' ? answer(200, '<html>') : json(tokensOf(user))];
          });
          const client = clientOf(server.url, { maxRetries: 0 });
          const visit = async (visitor: number): Promise<void> => {
            for (let n = 0; n < 20; n += 1) {
              if ((visitor + n) % 3 === 0) {
                assert.equal((await failureOf(client.exchangeCode('bad'))).code, 'ERR_WECHAT_RESPONSE');
              } else {
                assert.equal((await client.exchangeCode(`${visitor}`)).openid, `o${visitor}`);
              }
            }
          };
          await Promise.all(Array.from({ length: 16 }, (_, visitor) => visit(visitor)));
        });

        for (const [how, step] of [
          ['ended', end],
          ['reset', reset],
          ['written to', raw('x')],
        ] as const) {
          it(`while they are idle are not given to anybody: ${how} by the server`, async () => {
            const server = await startServer(eachTheirOwn);
            const client = clientOf(server.url, { maxRetries: 0 });
            assert.equal(await callAtOnce(server, client, 16), 16);
            const ends = server.open.slice(1).map((connection) => server.interfere(connection, [step]));
            assert.equal(await callAtOnce(server, client, 16), 16 + 15);
            await Promise.all(ends);
          });
        }
      });

      it('are not made for a call that is aborted before its turn', async () => {
        const server = await startServer([[good]]);
        const controller = new AbortController();
        const failure = failureOf(clientOf(server.url).exchangeCode(code, { signal: controller.signal }));
        controller.abort();
        const { code: errorCode, sent } = factsOf(await failure);
        assert.deepEqual([errorCode, sent, server.connections], ['ERR_WECHAT_ABORTED', 'no', 0]);
      });

      it('carry requests that ask for no compression', async () => {
        const server = await startServer([[good]]);
        await clientOf(server.url, { userAgent: 'mine' }).exchangeCode(code);
        const { 'accept-encoding': encoding, 'user-agent': userAgent } = server.requests[0]?.headers ?? {};
        assert.deepEqual([encoding, userAgent], ['identity', 'mine']);
      });

      it('stay when another is given up', async () => {
        const server = await startServer(({ query }) => [query.get('code') === 'given up' ? hang : good]);
        const client = clientOf(server.url);
        await Promise.all(Array.from({ length: 4 }, () => client.exchangeCode(code)));
        const controller = new AbortController();
        const failure = failureOf(client.exchangeCode('given up', { signal: controller.signal }));
        await server.received(5);
        controller.abort();
        await failure;
        await Promise.all(Array.from({ length: 3 }, () => client.exchangeCode(code)));
        assert.equal(server.connections, 4);
      });

      it('stay when a fresh one is reset', async () => {
        const server = await startServer(({ query, connection }) => [
          query.get('code') === 'reset' && connection === 3 ? reset : good,
        ]);
        const client = clientOf(server.url, { maxRetries: 0 });
        await Promise.all([1, 2].map(() => client.exchangeCode(code)));
        await Promise.allSettled([1, 2, 3].map(() => client.exchangeCode('reset')));
        assert.equal(server.connections, 3);
        await Promise.all([1, 2].map(() => client.exchangeCode(code)));
        assert.equal(server.connections, 3);
      });

      it('are fresh for the second attempt when a server has closed one while it was idle', async () => {
        const server = await startServer(({ connection, query, path }) => {
          const stale = connection <= 8 && query.get('code') !== 'first';
          return [stale ? reset : json({ ...methods.find(({ endpoint }) => endpoint === path)?.good })];
        });
        for (const { call } of methods) {
          const client = clientOf(server.url, { maxRetries: 1 });
          server.connections = 0;
          await Promise.all(Array.from({ length: 8 }, () => client.exchangeCode('first')));
          await call(client);
          assert.equal(server.connections, 9);
        }
      });

      describe('are at most 128', () => {
        it('however many calls hang, and the rest is never sent when they give up', async () => {
          const server = await startServer(({ query }) => [query.get('code') === 'last' ? good : hang]);
          const client = clientOf(server.url, { timeout: 20_000 });
          const controller = new AbortController();
          const { signal } = controller;
          const failures = Promise.all(
            Array.from({ length: 300 }, () => failureOf(client.exchangeCode(code, { signal }))),
          );
          await server.received(128);
          // Time enough for a connection that must not come.
          await new Promise((resolve) => setTimeout(resolve, 200));
          controller.abort();
          const sent = (await failures).map((error) => factsOf(error)['sent']);
          assert.equal(server.peak, 128);
          assert.equal(server.requests.length, 128);
          assert.equal(sent.filter((each) => each === 'no').length, 300 - 128);
          assert.equal((await client.exchangeCode('last')).openid, openid);
        });

        it('and the calls beyond fail as soon as the server is gone', async () => {
          const server = http.createServer();
          let requests = 0;
          server.on('request', () => {
            requests += 1;
            if (requests < 128) return;
            server.close();
            server.closeAllConnections();
          });
          await once(server.listen(0, '127.0.0.1'), 'listening');
          const { port } = server.address() as AddressInfo;
          const client = clientOf(`http://127.0.0.1:${String(port)}`, { maxRetries: 0, timeout: 3_000 });
          const failures = Array.from({ length: 400 }, () => failureOf(client.exchangeCode(code)));
          const reasons = (await Promise.all(failures)).map((error) => String(factsOf(error)['reason']));
          assert.deepEqual([...new Set(reasons)].sort(), ['ECONNREFUSED', 'ECONNRESET']);
        });

        it('and the calls beyond wait for their turn', async () => {
          const server = await startServer(({ query }) => [wait(30), json(tokensOf(query.get('code')))]);
          const client = clientOf(server.url);
          const users = Array.from({ length: 300 }, (_, n) => String(n));
          const results = await Promise.all(users.map((user) => client.exchangeCode(user)));
          assert.deepEqual(
            results.map((result) => result.openid),
            users.map((user) => `o${user}`),
          );
          assert.equal(server.peak, 128);
          assert.equal(server.connections, 128);
        });
      });
    });

    describe('an answer', () => {
      afterEach(closeServers);

      const padded = (bytes: number): string => JSON.stringify(tokens).padEnd(bytes);
      const refuses = async (step: Step): Promise<void> => {
        const server = await startServer([[step]]);
        const error = await failureOf(clientOf(server.url).exchangeCode(code));
        assert.deepEqual(factsOf(error), {
          name: 'WeChatResponseError',
          code: 'ERR_WECHAT_RESPONSE',
          endpoint: '/sns/oauth2/access_token',
          attempts: 1,
          retryable: false,
          status: 502,
          statusCode: 502,
          httpStatus: 200,
        });
      };
      const accepts = async (...steps: Step[]): Promise<void> => {
        const server = await startServer([steps]);
        assert.equal((await clientOf(server.url).exchangeCode(code)).openid, openid);
      };

      for (const [encoding, compress] of [
        ['gzip', gzipSync],
        ['deflate', deflateSync],
        ['br', brotliCompressSync],
      ] as const) {
        it(`is read when it was compressed by ${encoding} although that was not asked for`, () =>
          accepts(answer(200, compress(JSON.stringify(tokens)), { 'content-encoding': encoding })));
        it(`is refused when it was compressed by ${encoding} and is more than 64 KiB`, () =>
          refuses(answer(200, compress(padded(65_537)), { 'content-encoding': encoding })));
      }

      it('is read when it is 64 KiB', () => accepts(answer(200, padded(65_536))));
      it('is read in any pieces', () => accepts(drip(answerBytes(200, JSON.stringify(tokens)), 0)));
      // undici takes a 100 that nobody asked for as the end of the connection.
      const provisional = transport === undici ? [102, 103] : [100, 102, 103];
      it(`is read after the statuses ${provisional.join(', ')}`, () =>
        accepts(...provisional.map((status) => raw(`HTTP/1.1 ${status} Wait\r\n\r\n`)), good));

      for (const headers of [
        { 'content-length': String(30 * 2 ** 20) },
        { 'content-length': undefined, connection: 'close' },
      ]) {
        it(`without an end is not read to the end (content-length ${headers['content-length'] ?? 'unknown'})`, async () => {
          let written = 0;
          const count = (bytes: number): void => {
            written += bytes;
          };
          const server = await startServer([[answer(200, '', headers), flood(Buffer.alloc(65_536, ' '), 480, count)]]);
          await failureOf(clientOf(server.url).exchangeCode(code));
          await server.closed(1);
          assert.ok(written < 15 * 2 ** 20, `the server could send ${written} bytes`);
        });
      }

      it('that is a compression bomb does not fill the memory', async () => {
        // 300 KiB that are 300 MiB.
        const bomb = Buffer.concat(Array.from({ length: 300 }, () => gzipSync(Buffer.alloc(2 ** 20, ' '))));
        const server = await startServer([[answer(200, bomb, gzip)]]);
        const client = clientOf(server.url);
        const before = process.memoryUsage().arrayBuffers;
        let most = 0;
        const watch = setInterval(() => {
          most = Math.max(most, process.memoryUsage().arrayBuffers);
        }, 1);
        await failureOf(client.exchangeCode(code));
        most = Math.max(most, process.memoryUsage().arrayBuffers);
        clearInterval(watch);
        assert.ok(most - before < 20 * 2 ** 20, `${most - before} bytes more were in use`);
      });

      it('that is a redirect is not followed to another server', async () => {
        const elsewhere = await startServer([[good]]);
        for (const status of [300, 301, 302, 303, 304, 305, 306, 307, 308]) {
          const server = await startServer([[answer(status, '', { location: `${elsewhere.url}/sns/auth?secret=x` })]]);
          for (const { call } of methods) await failureOf(call(clientOf(server.url)));
        }
        assert.equal(elsewhere.connections, 0);
      });

      it('that is odd never ends the process, not even later', async () => {
        const oddities: readonly (readonly Step[])[] = [
          [hang],
          [wait(250), reset],
          [wait(250), raw('garbage')],
          [reset],
          [end],
          [raw('garbage')],
          [answer(200, 'garbage'), reset],
          [good, reset],
          [good, raw('garbage'), reset],
          [good, good, good],
          [raw(answerBytes(200, ' '.repeat(100_000))), reset],
          [raw(answerBytes(200, JSON.stringify(tokens)).subarray(0, -5)), wait(250), reset],
          [raw('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\ngarbage'), reset],
          [answer(200, zipped.subarray(0, 30), gzip), reset],
          [answer(200, 'no gzip', gzip), raw('garbage'), reset],
          [raw('HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n'), reset],
          [answer(503, 'x'.repeat(100_000)), reset],
          [answer(302, '', { location: 'http://[' }), reset],
          [answer(200, '', { 'content-length': '-1' })],
          [answer(200, '', { 'transfer-encoding': 'chunked' })],
          [forEver(raw('HTTP/1.1 100 Continue\r\n\r\n'), 0)],
        ];
        const server = await startServer(({ query }) => oddities[Number(query.get('code'))] ?? [good]);
        const http = { baseUrl: server.url, timeout: 200 };
        const client = startClient();
        for (const n of oddities.keys()) {
          await client.exchange({ transport: transport.name, http, code: String(n) });
          await client.exchange({ transport: transport.name, http, code: String(n), abortAfter: 5 });
        }
        const last = await client.exchange({
          transport: transport.name,
          http: { ...http, timeout: 5_000 },
          code: 'last',
        });
        assert.equal(last.openid, openid);
        await client.end();
      });
    });

    describe('TLS', () => {
      /** Would talk TLS 1.0 with anyone, if it were asked to by the command line alone. */
      const lax = ['--tls-min-v1.0', '--tls-cipher-list=DEFAULT@SECLEVEL=0'];
      let client: ClientProcess;

      before(() => {
        client = startClient(trust, lax);
      });
      afterEach(closeServers);
      after(killClients);

      it('connections are kept alive', async () => {
        const server = await startServer([[good]], secure);
        const http = { baseUrl: server.url };
        for (let n = 0; n < 3; n += 1)
          assert.equal((await client.exchange({ transport: transport.name, http, code })).openid, openid);
        assert.equal(server.connections, 1);
      });

      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        it(`connections after the first one take up its session, for a short handshake: ${version}`, async () => {
          const resumed: boolean[] = [];
          const note: Step = ({ stream }) => {
            resumed.push(stream instanceof tls.TLSSocket && stream.isSessionReused());
          };
          const server = await startServer([[note, json(tokens, { connection: 'close' }), end]], {
            tls: { ...certificate('localhost'), minVersion: version, maxVersion: version },
          });
          const http = { baseUrl: server.url };
          for (let n = 0; n < 3; n += 1) await client.exchange({ transport: transport.name, http, code });
          assert.deepEqual(resumed, [false, true, true]);
        });
      }

      it('connections end when something comes while they are idle', async () => {
        const server = await startServer(eachTheirOwn, secure);
        const http = { baseUrl: server.url, maxRetries: 0 };
        assert.equal((await client.exchange({ transport: transport.name, http, code: 'Alice' })).openid, 'oAlice');
        await server.interfere(1, [raw(answerBytes(200, JSON.stringify(tokensOf('Alice'))))]);
        await endedAtOnce(server, 1);
        assert.equal((await client.exchange({ transport: transport.name, http, code: 'Bob' })).openid, 'oBob');
        assert.equal(server.connections, 2);
      });

      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        it(`may be ${version}`, async () => {
          const options = { tls: { ...certificate('localhost'), minVersion: version, maxVersion: version } };
          const server = await startServer([[good]], options);
          assert.equal(
            (await client.exchange({ transport: transport.name, http: { baseUrl: server.url }, code })).openid,
            openid,
          );
        });
      }

      for (const version of ['TLSv1', 'TLSv1.1'] as const) {
        it(`may not be ${version}`, async () => {
          const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' } as const;
          const server = await startServer([[good]], { tls: { ...certificate('localhost'), ...old } });
          await new Promise<void>((resolve, reject) => {
            const options = { ...old, port: server.port, ca: certificate('localhost').cert };
            const socket = tls.connect(options, () => {
              assert.equal(socket.getProtocol(), version);
              socket.destroy();
              resolve();
            });
            socket.once('error', reject);
          });
          const { error } = await client.exchange({
            transport: transport.name,
            http: { baseUrl: server.url, maxRetries: 2 },
            code,
          });
          assert.equal(error?.['code'], 'ERR_WECHAT_NETWORK');
          assert.equal(error['sent'], 'no');
          assert.equal(error['attempts'], 3);
          assert.equal(server.requests.length, 0);
        });
      }

      it('with a certificate that nobody vouches for says what to check', async () => {
        const server = await startServer([[good]], secure);
        const error = await failureOf(clientOf(server.url).exchangeCode(code));
        assert.match(error.message, /certificate/i);
      });
    });

    describe('the environment', () => {
      afterEach(async () => {
        killClients();
        await closeServers();
      });

      it('cannot turn the check of certificates off, nor put a proxy in between', async () => {
        const proxy = await startServer([[answer(200, 'proxy')]]);
        const server = await startServer([[good]]);
        const impostor = await startServer([[good]], secure);
        const names = ['http_proxy', 'https_proxy', 'all_proxy', 'global_agent_http_proxy'];
        const client = startClient({
          NODE_TLS_REJECT_UNAUTHORIZED: '0',
          NODE_USE_ENV_PROXY: '1',
          NODE_NO_WARNINGS: '1',
          no_proxy: '',
          NO_PROXY: '',
          ...Object.fromEntries(names.flatMap((name) => [name, name.toUpperCase()]).map((name) => [name, proxy.url])),
        });
        assert.equal(
          (await client.exchange({ transport: transport.name, http: { baseUrl: server.url }, code })).openid,
          openid,
        );
        const { error } = await client.exchange({ transport: transport.name, http: { baseUrl: impostor.url }, code });
        assert.equal(error?.['reason'], 'DEPTH_ZERO_SELF_SIGNED_CERT');
        assert.equal(error['sent'], 'no');
        assert.equal(impostor.requests.length, 0);
        assert.equal(proxy.connections, 0);
        await client.end();
      });
    });
  });
}

describe('agents of the caller', () => {
  const clientOf = clientsOn(got);
  afterEach(closeServers);

  it('are theirs, for http', async () => {
    const server = await startServer([[good]]);
    const agent = new http.Agent({ keepAlive: true });
    await clientOf(server.url, { agent: { http: agent } }).exchangeCode(code);
    assert.equal(Object.values(agent.freeSockets).flat().length, 1);
    agent.destroy();
  });

  it('are theirs, for https, with the CA that they trust', async () => {
    const server = await startServer([[good]], secure);
    const agent = new https.Agent({ keepAlive: true, ca: certificate('localhost').cert });
    await clientOf(server.url, { agent: { https: agent } }).exchangeCode(code);
    assert.equal(Object.values(agent.freeSockets).flat().length, 1);
    agent.destroy();
  });

  it('may be closed for a single call', async () => {
    const server = await startServer(() => [good, end]);
    const client = clientOf(server.url, { agent: { http: new http.Agent({ keepAlive: false }) } });
    await client.exchangeCode(code);
    await client.exchangeCode(code);
    assert.equal(server.connections, 2);
  });
});

describe('a connection', () => {
  it('was closed while it was idle when it had served before and nothing came back', () => {
    const failure = { sent: 'unknown', reason: 'ECONNRESET', reusedSocket: true } as const;
    assert.equal(wasClosedWhileIdle(failure), true);
    assert.equal(wasClosedWhileIdle({ ...failure, reusedSocket: false }), false);
    assert.equal(wasClosedWhileIdle({ ...failure, sent: 'yes' }), false);
    assert.equal(wasClosedWhileIdle({ ...failure, sent: 'no' }), false);
    assert.equal(wasClosedWhileIdle({ ...failure, reason: 'ABORT_ERR' }), false);
  });
});
