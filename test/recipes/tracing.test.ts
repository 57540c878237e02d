import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';

import { type Context, context, type ContextManager, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Registry } from 'prom-client';

import { measureWeChat } from '../../docs/recipes/metrics.js';
import { traceWeChat } from '../../docs/recipes/spans.js';
import { WeChatCodeStrategy } from '../../src/index.js';
import { startWeChatSimulator, type WeChatSimulator } from '../../src/simulator/index.js';
import { closeServers as closeApps, send, startLoginApp } from '../support/app.js';

describe('the tracing recipe for', () => {
  let wechat: WeChatSimulator;
  let app: Awaited<ReturnType<typeof startLoginApp>>;

  beforeEach(async () => {
    wechat = await startWeChatSimulator();
    const [{ appId, appSecret }] = wechat.apps;
    const strategy = new WeChatCodeStrategy(
      { appId, appSecret, http: { baseUrl: wechat.url, retryDelay: 1 } },
      (_tokens, { displayName }) => Promise.resolve({ displayName }),
    );
    app = await startLoginApp(strategy, { before: (_req, _res, next) => inSpan(next) });
  });
  afterEach(async () => {
    await Promise.all([closeApps(), wechat.close()]);
  });

  /** Three logins: one that works at the second attempt, one whose code is used, one that nobody answers. */
  async function logIn(): Promise<void> {
    const json = { code: wechat.createCode({ user: 'alice' }) };
    wechat.misbehave('access_token', { status: 503 });
    assert.equal((await send(app, '/login', { json })).status, 200);
    assert.equal((await send(app, '/login', { json })).status, 401);
    wechat.misbehave('access_token', { connection: 'reset' }, { times: 9 });
    assert.equal((await send(app, '/login', { json: { code: wechat.createCode() } })).status, 502);
  }

  /** What the instrumentation of a framework does: a span for each request. */
  function inSpan(next: () => void): void {
    const span = trace.getTracer('test').startSpan('request');
    context.with(trace.setSpan(context.active(), span), next);
    span.end();
  }

  it('metrics counts the attempts and measures the calls by their outcome', async () => {
    const registry = new Registry();
    const stop = measureWeChat(registry);
    try {
      await logIn();
    } finally {
      assert.ok(stop());
    }
    const metrics = await registry.metrics();
    for (const [endpoint, outcome] of [
      ['/sns/oauth2/access_token', 'ok'],
      ['/sns/userinfo', 'ok'],
      ['/sns/oauth2/access_token', 'ERR_WECHAT_CODE_USED'],
      ['/sns/oauth2/access_token', 'ERR_WECHAT_NETWORK'],
    ] as const) {
      const labels = `endpoint="${endpoint}",outcome="${outcome}"`;
      assert.match(metrics, new RegExp(`^wechat_call_duration_seconds_count{${labels}} 1$`, 'm'));
      const [, sum] = new RegExp(`^wechat_call_duration_seconds_sum{${labels}} (\\S+)$`, 'm').exec(metrics) ?? [];
      // In seconds: in milliseconds it would be above 20 even on a fast machine with all retries.
      assert.ok(Number(sum) > 0 && Number(sum) < 20, String(sum));
    }
    const attempts = [...metrics.matchAll(/^wechat_call_attempts_total\{(.*)\} (\d+)$/gm)].map(([, ...found]) => found);
    assert.deepEqual(attempts.sort(), [
      ['endpoint="/sns/oauth2/access_token",host="127.0.0.1"', '5'],
      ['endpoint="/sns/userinfo",host="127.0.0.1"', '1'],
    ]);
  });

  it('spans makes a span of each call, below the span of the request that it belongs to', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    trace.setGlobalTracerProvider(provider);
    context.setGlobalContextManager(asyncContext());
    const stop = traceWeChat();
    try {
      await logIn();
    } finally {
      assert.ok(stop());
      trace.disable();
      context.disable();
    }
    const spans = exporter.getFinishedSpans();
    const requests = spans.filter(({ name }) => name === 'request').map((span) => span.spanContext().spanId);
    const calls = spans.filter(({ name }) => name !== 'request');
    assert.equal(requests.length, 3);
    assert.deepEqual(
      calls.map(({ name, kind, attributes, status, parentSpanContext }) => ({
        name,
        kind,
        attributes,
        status: status.code,
        request: requests.indexOf(parentSpanContext?.spanId ?? ''),
      })),
      [
        { name: 'WeChat /sns/oauth2/access_token', attempts: 2, request: 0 },
        { name: 'WeChat /sns/userinfo', attempts: 1, request: 0 },
        {
          name: 'WeChat /sns/oauth2/access_token',
          attempts: 1,
          request: 1,
          type: 'ERR_WECHAT_CODE_USED',
          errcode: 40163,
        },
        { name: 'WeChat /sns/oauth2/access_token', attempts: 2, request: 2, type: 'ERR_WECHAT_NETWORK' },
      ].map(({ name, attempts, request, type, errcode }, index) => ({
        name,
        kind: 2,
        attributes: {
          'server.address': '127.0.0.1',
          'wechat.attempts': attempts,
          ...(type !== undefined && { 'error.type': type }),
          ...(errcode !== undefined && {
            'wechat.errcode': errcode,
            'wechat.rid': String(calls[index]?.attributes['wechat.rid']),
          }),
        },
        status: type === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR,
        request,
      })),
    );
    assert.match(String(calls[2]?.attributes['wechat.rid']), /^[\da-f]{8}-[\da-f]{8}-[\da-f]{8}$/);
  });
});

/** What the SDK for Node.js brings: the active context follows asynchronous calls. */
function asyncContext(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  return {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, thisArg, ...args) => storage.run(active, () => fn.apply(thisArg, args)),
    bind: (_active, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  };
}
