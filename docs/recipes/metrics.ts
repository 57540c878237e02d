import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { type WeChatCall, wechatCallChannel } from 'passport-wechat-code';
import { Counter, Histogram, type Registry } from 'prom-client';

/** Measures every call to WeChat from now on. Call it once, when the service starts; what it gives ends it. */
export function measureWeChat(registry: Registry): () => boolean {
  const duration = new Histogram({
    name: 'wechat_call_duration_seconds',
    help: 'How long calls to WeChat take, retries and waits included',
    labelNames: ['endpoint', 'outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const attempts = new Counter({
    name: 'wechat_call_attempts_total',
    help: 'How many requests were sent to WeChat: more than there are calls when some had to be sent again',
    labelNames: ['endpoint', 'host'],
    registers: [registry],
  });
  const onEnd = (message: unknown): void => {
    const call = message as WeChatCall;
    duration.observe({ endpoint: call.endpoint, outcome: call.outcome }, call.duration / 1000);
    attempts.inc({ endpoint: call.endpoint, host: call.host }, call.attempts);
  };
  subscribe(`tracing:${wechatCallChannel}:asyncEnd`, onEnd);
  return () => unsubscribe(`tracing:${wechatCallChannel}:asyncEnd`, onEnd);
}
