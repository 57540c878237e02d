import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type WeChatCall, wechatCallChannel } from 'passport-wechat-code';

/** Makes a span of every call to WeChat from now on. Call it once, when the service starts; what it gives ends it. */
export function traceWeChat(): () => boolean {
  const spans = new WeakMap<object, Span>();
  const onStart = (message: unknown): void => {
    const { endpoint } = message as WeChatCall;
    const tracer = trace.getTracer('passport-wechat-code');
    spans.set(message as WeChatCall, tracer.startSpan(`WeChat ${endpoint}`, { kind: SpanKind.CLIENT }));
  };
  const onEnd = (message: unknown): void => {
    const { host, attempts, outcome, errcode, rid } = message as WeChatCall;
    const span = spans.get(message as WeChatCall);
    span?.setAttributes({ 'server.address': host, 'wechat.attempts': attempts });
    if (errcode !== undefined) span?.setAttribute('wechat.errcode', errcode);
    if (rid !== undefined) span?.setAttribute('wechat.rid', rid);
    if (outcome !== 'ok') span?.setAttribute('error.type', outcome).setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
  };
  subscribe(`tracing:${wechatCallChannel}:start`, onStart);
  subscribe(`tracing:${wechatCallChannel}:asyncEnd`, onEnd);
  return () =>
    unsubscribe(`tracing:${wechatCallChannel}:start`, onStart) &&
    unsubscribe(`tracing:${wechatCallChannel}:asyncEnd`, onEnd);
}
