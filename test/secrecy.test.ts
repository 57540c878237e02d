import assert from 'node:assert/strict';
import process from 'node:process';

// eslint-disable-next-line no-restricted-imports -- the control shows what got's own errors give away
import got from 'got';

import {
  AccessToken,
  AppSecret,
  AuthorizationCode,
  type CallOptions,
  type HttpOptions,
  RefreshToken,
  SessionKey,
  WeChatClient,
  WeChatError,
} from '../src/index.js';
import { appId, openid, tokens, userInfo } from './support/calls.js';
import { leaks } from './support/leaks.js';
import {
  answer,
  answerBytes,
  closeServers,
  drip,
  end,
  hang,
  json,
  raw,
  type ReceivedRequest,
  reset,
  type ScriptedServer,
  startServer,
  type Step,
} from './support/scripted-server.js';
import { transports } from './support/transports.js';

/** In the midst of every secret, so that it is found however the rest is encoded. */
const canary = 'CANARY';
const odd = (name: string): string => `${name}+/ &=%?#é微\u{1f600}${canary}%2B;:@$,"<>${name}`;
const appSecret = odd('secret');
const code = odd('code');
const accessToken = odd('access');
const refreshToken = odd('refresh');
const sessionKey = odd('session');
const secrets = [appSecret, code, accessToken, refreshToken];

const calls: Readonly<Record<string, (client: WeChatClient, options?: CallOptions) => Promise<unknown>>> = {
  exchangeCode: (client, options) => client.exchangeCode(code, options),
  codeToSession: (client, options) => client.codeToSession(code, options),
  getUserInfo: (client, options) => client.getUserInfo(accessToken, openid, options),
  refreshToken: (client, options) => client.refreshToken(refreshToken, options),
  validateToken: (client, options) => client.validateToken(accessToken, openid, options),
};

/** All that was sent, as the server has it and as it came over the wire. */
function echo({ target, query }: ReceivedRequest): string {
  return [target, ...[...query.values()], ...[...query.values()].map(encodeURIComponent)].join(' ');
}

const secretTokens = { ...tokens, access_token: accessToken, refresh_token: refreshToken, session_key: sessionKey };
const secretBody = answerBytes(200, JSON.stringify(secretTokens));

const failures: Readonly<Record<string, (request: ReceivedRequest) => readonly Step[]>> = {
  'an errcode with an echo': (request) => [json({ errcode: 40029, errmsg: `invalid ${echo(request)}` })],
  'an errcode with an echo at its end': (request) => [
    json({ errcode: 1, errmsg: `${'x'.repeat(180)}${echo(request)}` }),
  ],
  'an errcode with an echo in other fields': (request) => [
    json({ errcode: 40013, errmsg: 'no', rid: echo(request), echo: echo(request) }),
  ],
  'errcode -1 with an echo': (request) => [json({ errcode: -1, errmsg: echo(request) })],
  'an errcode that is an echo': (request) => [json({ errcode: echo(request) })],
  'a page with an echo': (request) => [answer(200, `<html>${echo(request)}`)],
  'JSON that is cut within the tokens': () => [answer(200, JSON.stringify(secretTokens).slice(0, 60))],
  'a text that is no JSON object': (request) => [answer(200, JSON.stringify(echo(request)))],
  'tokens without an openid': () => [json({ ...secretTokens, openid: code })],
  'tokens with a wrong expiry': () => [json({ ...secretTokens, expires_in: code, errcode: accessToken })],
  'tokens with a wrong scope': () => [json({ ...secretTokens, scope: odd('scope'), sex: 1, errcode: 1 })],
  "another user's tokens and user info": () => [
    json({ ...userInfo, ...secretTokens, openid: 'oBob', expires_in: -1, errcode: '' }),
  ],
  'a redirect with an echo': (request) => [
    answer(302, '', { location: encodeURI(`http://127.0.0.1:1${request.target}`) }),
  ],
  'status 500 with an echo': (request) => [answer(500, echo(request), { 'x-echo': encodeURIComponent(echo(request)) })],
  'status 503 with an echo': (request) => [answer(503, echo(request), { 'retry-after': request.target })],
  'a status line with an echo': ({ target }) => [raw(`HTTP/1.1 502 ${target}\r\ncontent-length: 0\r\n\r\n`)],
  'an upgrade with an echo': ({ target }) => [
    raw(`HTTP/1.1 101 ${target}\r\nconnection: upgrade\r\nupgrade: ${target}\r\n\r\n${target}`),
  ],
  'an echo that is no HTTP': ({ target }) => [raw(`${target}\r\n\r\n`)],
  'a header with an echo that is no header': ({ target }) => [raw(`HTTP/1.1 200 OK\r\n${target}\r\n\r\n`)],
  'broken gzip with an echo': (request) => [answer(200, echo(request), { 'content-encoding': 'gzip' })],
  'an echo that is too large': (request) => [answer(200, echo(request).repeat(1_000))],
  'tokens that are cut': () => [raw(secretBody.subarray(0, -5)), end],
  'tokens that a reset cuts': () => [raw(secretBody.subarray(0, -5)), reset],
  'a reset': () => [reset],
  'an end of stream': () => [end],
  'no answer': () => [hang],
  'tokens that drip': () => [raw(secretBody.subarray(0, -40)), drip(secretBody.subarray(-40), 100)],
};

function clientOf(url: string, http: HttpOptions = {}): WeChatClient {
  return new WeChatClient({
    appId,
    appSecret,
    http: { baseUrl: url, retryDelay: 1, timeout: 600, maxRetries: 1, ...http },
  });
}

async function errorOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => assert.fail('the call should have failed'),
    (error: unknown) => error,
  );
}

function assertSilent(value: unknown): void {
  assert.deepEqual(leaks(value, canary), []);
}

describe('no secret is shown', () => {
  afterEach(closeServers);

  for (const transport of transports) {
    for (const [failure, script] of Object.entries(failures)) {
      it(`after ${failure}, on ${transport.name}`, async () => {
        const server = await startServer(script);
        await Promise.all(
          Object.values(calls).map(async (call) => {
            const client = clientOf(server.url, transport.http());
            const error = await errorOf(call(client));
            assert.ok(error instanceof WeChatError);
            assertSilent(error);
            assertSilent(client);
            assert.equal(Object.hasOwn(error, 'cause'), false);
          }),
        );
        assertSent(server);
      });
    }

    for (const [name, call] of Object.entries(calls)) {
      it(`by ${name} when nothing listens, on ${transport.name}`, async () => {
        const error = await errorOf(call(clientOf('http://127.0.0.1:1', transport.http())));
        assert.ok(error instanceof WeChatError);
        assertSilent(error);
      });

      it(`by ${name} when it is aborted for a reason that holds one, on ${transport.name}`, async () => {
        const server = await startServer([[hang]]);
        const controller = new AbortController();
        const failure = errorOf(
          call(clientOf(server.url, { timeout: 5_000, ...transport.http() }), { signal: controller.signal }),
        );
        await server.received(1);
        controller.abort(new Error(code));
        assertSilent(await failure);
        const before = await errorOf(call(clientOf(server.url, transport.http()), { signal: controller.signal }));
        assert.ok(before instanceof WeChatError);
        assertSilent(before);
      });
    }
  }

  it('by the TypeErrors about them', async () => {
    const client = clientOf('http://127.0.0.1:1');
    for (const wrong of [`${canary}\n`, `${canary}\ud800`, canary.repeat(1_000)]) {
      for (const call of [
        client.exchangeCode(wrong),
        client.codeToSession(wrong),
        client.refreshToken(wrong),
        client.getUserInfo(wrong, openid),
        client.validateToken(wrong, openid),
        client.getUserInfo(accessToken, wrong),
      ]) {
        const error = await errorOf(call);
        assert.ok(error instanceof TypeError);
        assertSilent(error);
      }
      for (const Kind of [AppSecret, AuthorizationCode, AccessToken, RefreshToken, SessionKey]) {
        assert.throws(
          () => new Kind(wrong),
          (error) => {
            assertSilent(error);
            return error instanceof TypeError;
          },
        );
      }
    }
    assert.throws(
      () => new WeChatClient({ appId, appSecret, http: { baseUrl: `http://user:${canary}@127.0.0.1` } }),
      (error) => {
        assertSilent(error);
        return error instanceof TypeError;
      },
    );
  });

  it('by a client, while it calls and afterwards', async () => {
    const server = await startServer([[json(secretTokens)], [hang]]);
    const client = clientOf(server.url);
    assertSilent(client);
    await client.exchangeCode(code);
    assertSilent(client);
    const failure = errorOf(client.exchangeCode(code));
    await server.received(2);
    assertSilent(client);
    await failure;
    assertSilent(client);
  });

  it('by tokens', async () => {
    const server = await startServer([[json(secretTokens)]]);
    const result = await clientOf(server.url).exchangeCode(code);
    assert.equal(result.accessToken.exposeSecret(), accessToken);
    assertSilent(result);
  });

  it('by a session', async () => {
    const server = await startServer([[json(secretTokens)]]);
    const result = await clientOf(server.url).codeToSession(code);
    assert.equal(result.sessionKey.exposeSecret(), sessionKey);
    assertSilent(result);
  });

  it('by an errmsg that echoes a secret with an apostrophe as it was sent', () => assertEchoSilent(`it's ${canary}`));
  it('by an errmsg that echoes a secret with an invisible character', () =>
    assertEchoSilent(`a\u200b${canary}\u200db`));
  it('by an errmsg that echoes a secret with a line break in place of a space', () =>
    assertEchoSilent(`a ${canary}`, (request) => echo(request).replaceAll(' ', '\n')));
});

/** An errmsg may say that something was there, but not what. */
async function assertEchoSilent(secret: string, how = echo): Promise<void> {
  const server = await startServer((request) => [json({ errcode: 40029, errmsg: how(request) })]);
  const client = new WeChatClient({ appId, appSecret: secret, http: { baseUrl: server.url } });
  assertSilent(await errorOf(client.exchangeCode(secret)));
  assertSilent(await errorOf(client.codeToSession(secret)));
  assertSilent(await errorOf(client.refreshToken(secret)));
}

/** Without this the canaries might be missing for the reason that they never flew. */
function assertSent({ requests }: ScriptedServer): void {
  const values = new Set(requests.flatMap(({ query }) => [...query.values()]));
  assert.deepEqual(
    secrets.filter((secret) => !values.has(secret)),
    [],
  );
}

describe('the search for secrets', () => {
  afterEach(closeServers);

  it("finds them in got's errors, where nearly every rendering shows them", async () => {
    const server = await startServer([[answer(500, 'x')]]);
    const url = `${server.url}/sns/oauth2/access_token?secret=${encodeURIComponent(appSecret)}`;
    for (const address of [url, url.replace(server.url, 'http://127.0.0.1:1')]) {
      const error = await errorOf(got(address, { retry: { limit: 0 } }));
      // All that got hangs on its errors is looked at, old getters of Node.js included.
      process.noDeprecation = true;
      const found = leaks(error, canary);
      process.noDeprecation = false;
      for (const rendering of ['inspect', 'json', 'properties']) assert.ok(found.includes(rendering), rendering);
    }
  });

  it('finds them in the errors of JSON.parse, which quote what they could not parse', () => {
    try {
      JSON.parse(`{"a":${canary}}`);
      assert.fail();
    } catch (error) {
      assert.ok(leaks(error, canary).includes('message'));
    }
  });

  const hidden: Readonly<Record<string, () => unknown>> = {
    message: () => new Error(canary),
    stack: () => Object.assign(new Error('x'), { stack: canary }),
    cause: () => new Error('x', { cause: { deep: [{ deeper: canary }] } }),
    json: () => ({ toJSON: () => canary }),
    clone: () => new Error(canary),
    string: () => ({ toString: () => canary }),
    inspect: () => Object.defineProperty({}, 'hidden', { value: canary, enumerable: false }),
    format: () => ({ [Symbol(canary)]: 1 }),
    properties: () => Object.create(Object.create({ inherited: { [Symbol('x')]: canary } }) as object) as unknown,
  };
  for (const [rendering, value] of Object.entries(hidden)) {
    it(`looks at ${rendering}`, () => {
      assert.ok(leaks(value(), canary).includes(rendering));
    });
  }
});
