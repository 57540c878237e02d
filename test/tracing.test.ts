import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';

import { type Transport, type WeChatCall, wechatCallChannel, WeChatClient } from '../src/index.js';
import { accessToken, appId, clientOf, code, failureOf, methods, openid, session, tokens } from './support/calls.js';
import { leaks } from './support/leaks.js';
import { answer, closeServers, hang, json, reset, type Script, startServer } from './support/scripted-server.js';

const steps = ['start', 'end', 'error', 'asyncStart', 'asyncEnd'] as const;
const rid = '65c17d8c-5cf05990-781aabe9';
/** Nothing listens there. */
const refusedUrl = 'http://127.0.0.1:1';

interface Published {
  step: (typeof steps)[number];
  /** What was published, and what it was at that moment. */
  call: WeChatCall;
  then: WeChatCall;
}

/** All that is published while something is done. */
async function publishedBy(action: () => Promise<unknown>): Promise<Published[]> {
  const published: Published[] = [];
  const listeners = steps.map((step) => {
    const name = `tracing:${wechatCallChannel}:${step}`;
    const listener = (message: unknown): void => {
      const call = message as WeChatCall;
      published.push({ step, call, then: { ...call } });
    };
    subscribe(name, listener);
    return () => unsubscribe(name, listener);
  });
  try {
    await action();
  } finally {
    for (const stop of listeners) assert.ok(stop());
  }
  return published;
}

/** What the calls came to that are made while something is done. */
async function callsOf(action: () => Promise<unknown>): Promise<WeChatCall[]> {
  return (await publishedBy(action)).filter(({ step }) => step === 'asyncEnd').map(({ then }) => then);
}

/** All of a call but how long it took and its error. */
function factsOf({ duration, error, ...facts }: WeChatCall): Omit<WeChatCall, 'duration' | 'error'> {
  assert.ok(duration >= 0);
  assert.equal(error?.code, facts.outcome === 'ok' ? undefined : facts.outcome);
  return facts;
}

describe('the tracing channel', () => {
  afterEach(async () => {
    await closeServers();
    assert.equal(tracingChannel(wechatCallChannel).hasSubscribers, false, 'a listener was left');
  });

  const ended = { host: '127.0.0.1', attempts: 1, outcome: 'ok', result: undefined };

  it('has the name that is documented', () => {
    assert.equal(wechatCallChannel, 'passport-wechat-code:call');
  });

  for (const { name, endpoint, call, good } of methods) {
    it(`tells of a call of ${name} from its start to its end, in one object`, async () => {
      const server = await startServer([[json(good)]]);
      const started = performance.now();
      const published = await publishedBy(() => call(clientOf(server.url)));
      const took = performance.now() - started;
      assert.deepEqual(
        published.map(({ step }) => step),
        ['start', 'end', 'asyncStart', 'asyncEnd'],
      );
      assert.equal(new Set(published.map((each) => each.call)).size, 1);
      const [first, , third, last] = published.map(({ then }) => then);
      assert.deepEqual(first, { endpoint, host: '127.0.0.1', attempts: 0, duration: 0, outcome: 'pending' });
      assert.ok(third && third.duration > 0 && third.duration <= took);
      assert.deepEqual(third, { endpoint, ...ended, duration: third.duration });
      assert.deepEqual(last, third);
    });
  }

  it('tells of an errcode, its rid and the error that the caller gets', async () => {
    const server = await startServer([[json({ errcode: 40029, errmsg: `invalid code, rid: ${rid}` })]]);
    const errors: unknown[] = [];
    const published = await publishedBy(async () => {
      errors.push(await failureOf(clientOf(server.url).exchangeCode(code)));
    });
    assert.deepEqual(
      published.map(({ step }) => step),
      ['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
    );
    for (const { then } of published.slice(2)) {
      assert.deepEqual(factsOf(then), {
        endpoint: '/sns/oauth2/access_token',
        host: '127.0.0.1',
        attempts: 1,
        outcome: 'ERR_WECHAT_INVALID_CODE',
        errcode: 40029,
        rid,
      });
      assert.equal(then.error, errors[0]);
    }
  });

  const failures: [what: string, script: Script, facts: Partial<WeChatCall>][] = [
    [
      'an errcode without a rid',
      [[json({ errcode: 40163, errmsg: 'used' })]],
      { outcome: 'ERR_WECHAT_CODE_USED', errcode: 40163 },
    ],
    [
      'a lost login',
      [[reset], [json({ errcode: 40163 })]],
      { attempts: 2, outcome: 'ERR_WECHAT_LOGIN_LOST', errcode: 40163 },
    ],
    ['a lost connection', [[reset]], { attempts: 2, outcome: 'ERR_WECHAT_NETWORK' }],
    ['silence', [[hang]], { outcome: 'ERR_WECHAT_TIMEOUT' }],
    ['a gateway', [[answer(503)]], { attempts: 2, outcome: 'ERR_WECHAT_RESPONSE' }],
    ['a page of HTML', [[answer(200, '<html>')]], { outcome: 'ERR_WECHAT_RESPONSE' }],
  ];
  for (const [what, script, facts] of failures) {
    it(`tells of ${what}`, async () => {
      const server = await startServer(script);
      const client = clientOf(server.url, { timeout: 300 });
      const [call, ...others] = await callsOf(() => failureOf(client.exchangeCode(code)));
      assert.ok(call && others.length === 0);
      assert.deepEqual(factsOf(call), {
        endpoint: '/sns/oauth2/access_token',
        host: '127.0.0.1',
        attempts: 1,
        ...facts,
      });
    });
  }

  it('tells of a call that is aborted before anything is sent', async () => {
    const [call] = await callsOf(() =>
      failureOf(clientOf(refusedUrl).exchangeCode(code, { signal: AbortSignal.abort() })),
    );
    assert.deepEqual([call?.attempts, call?.outcome], [0, 'ERR_WECHAT_ABORTED']);
  });

  it('tells once of a call that is made again, with the host that answered', async () => {
    const server = await startServer([[json({ errcode: -1 })], [json(session)]]);
    const client = clientOf([refusedUrl.replace('127.0.0.1', '127.0.0.2'), server.url]);
    const published = await publishedBy(() => client.codeToSession(code));
    assert.equal(published.length, 4);
    assert.equal(published[0]?.then.host, '127.0.0.2');
    assert.deepEqual([published[3]?.then.host, published[3]?.then.attempts], ['127.0.0.1', 3]);
  });

  it('tells of the errcode by which a token is invalid, though validateToken is then false', async () => {
    const server = await startServer([[json({ errcode: 40001, errmsg: 'invalid credential' })]]);
    const [call] = await callsOf(async () => {
      assert.equal(await clientOf(server.url).validateToken(accessToken, openid), false);
    });
    assert.deepEqual([call?.outcome, call?.errcode], ['ERR_WECHAT_ACCESS_TOKEN_EXPIRED', 40001]);
  });

  it('says nothing of wrong arguments, for which no call is made', async () => {
    const published = await publishedBy(() => assert.rejects(clientOf(refusedUrl).exchangeCode(''), TypeError));
    assert.deepEqual(published, []);
  });

  it('computes nothing for a call while nobody listens', async () => {
    const body = new TextEncoder().encode(JSON.stringify(tokens));
    const transport: Transport = () => Promise.resolve({ status: 200, body });
    const client = clientOf(refusedUrl, { transport });
    const { URL } = globalThis;
    const computed: string[] = [];
    globalThis.URL = new Proxy(URL, {
      construct(target, parameters: ConstructorParameters<typeof URL>) {
        computed.push(String(parameters[0]));
        return new target(...parameters);
      },
    });
    try {
      await client.exchangeCode(code);
      assert.deepEqual(computed, []);
      await publishedBy(() => client.exchangeCode(code));
      assert.notDeepEqual(computed, [], 'the host is no longer computed from a URL: find another witness');
    } finally {
      globalThis.URL = URL;
    }
  });

  it('says nothing of a call that began before anybody listened', async () => {
    const server = await startServer([[hang], [json(tokens)]]);
    const client = clientOf(server.url);
    const controller = new AbortController();
    const early = failureOf(client.exchangeCode(code, { signal: controller.signal }));
    const calls = await callsOf(async () => {
      await server.received(1);
      controller.abort();
      assert.equal((await early).code, 'ERR_WECHAT_ABORTED');
      await client.exchangeCode(code);
    });
    assert.deepEqual(
      calls.map(({ outcome }) => outcome),
      ['ok'],
    );
  });

  it('holds no secret, whatever becomes of the call', async () => {
    const canary = 'CANARY';
    const secret = (name: string): string => `${name}+/ ${canary}é%2B;${name}`;
    const good = {
      ...tokens,
      access_token: secret('access'),
      refresh_token: secret('refresh'),
      session_key: secret('session'),
      nickname: canary,
    };
    const path = 'TEST_PATH';
    const scripts: Script[] = [
      [[json(good)]],
      (request) => [json({ errcode: 40029, errmsg: [...request.query.values()].join(' '), rid: request.target })],
      (request) => [answer(500, request.target)],
      [[reset]],
    ];
    for (const script of scripts) {
      const server = await startServer(script);
      const client = new WeChatClient({
        appId,
        appSecret: secret('secret'),
        http: { baseUrl: `${server.url}/${path}`, retryDelay: 1, maxRetries: 1 },
      });
      const published = await publishedBy(() =>
        Promise.allSettled([
          client.exchangeCode(secret('code')),
          client.codeToSession(secret('code')),
          client.getUserInfo(secret('access'), openid),
          client.refreshToken(secret('refresh')),
          client.validateToken(secret('access'), openid),
        ]),
      );
      assert.ok(published.length >= 20);
      for (const { call } of published) {
        assert.deepEqual([leaks(call, canary), leaks(call, path)], [[], []]);
      }
      assert.ok(server.requests.every(({ target }) => target.includes(canary) && target.includes(path)));
    }
  });

  it('carries a store into the requests of the call, and not out of it', async () => {
    const server = await startServer([[json({ errcode: -1 })], [json(tokens)]]);
    const storage = new AsyncLocalStorage<unknown>();
    const seen: unknown[] = [];
    const onRequest = (): void => {
      seen.push(storage.getStore());
    };
    const { start } = tracingChannel<unknown, WeChatCall>(wechatCallChannel);
    start.bindStore(storage, ({ endpoint }) => `inside ${endpoint}`);
    subscribe('http.client.request.start', onRequest);
    try {
      await storage.run('outside', async () => {
        await clientOf(server.url).exchangeCode(code);
        seen.push(storage.getStore());
      });
    } finally {
      unsubscribe('http.client.request.start', onRequest);
      start.unbindStore(storage);
    }
    const inside = 'inside /sns/oauth2/access_token';
    assert.deepEqual(seen, [inside, inside, 'outside']);
  });
});
