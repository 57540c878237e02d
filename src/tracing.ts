import { tracingChannel } from 'node:diagnostics_channel';
import { performance } from 'node:perf_hooks';

import { type Endpoint, WeChatApiError, WeChatError, type WeChatErrorCode } from './errors.js';
import type { Summary } from './failure.js';

/**
 * The name of the tracing channel on which every call to WeChat is published, each with a {@link WeChatCall}. Nothing is
 * published, nor even made ready, for a call that begins while nobody listens.
 *
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 *
 * subscribe(`tracing:${wechatCallChannel}:asyncEnd`, (message) => {
 *   const { endpoint, outcome, attempts, duration } = message as WeChatCall;
 * });
 * ```
 *
 * @see https://nodejs.org/api/diagnostics_channel.html#tracingchannel-channels
 */
export const wechatCallChannel = 'passport-wechat-code:call';

/**
 * What is published about one call to WeChat, retries included: one object from its `start` to its `asyncEnd`. It holds
 * no secret, no URL and nothing that WeChat answered about a user.
 */
export interface WeChatCall {
  /** The path that is called, such as `/sns/oauth2/access_token`. */
  endpoint: Endpoint;
  /** The name of the host that the latest attempt went to, such as `api.weixin.qq.com`. */
  host: string;
  /** How many requests were made. 0 until the call is over. */
  attempts: number;
  /** How long the call took, in ms, retries and waits included. 0 until the call is over. */
  duration: number;
  /** `'ok'`, or the `code` of the error that the call ended with. `'pending'` until the call is over. */
  outcome: 'pending' | 'ok' | WeChatErrorCode;
  /** WeChat's error code, such as 40029, if it gave one. */
  errcode?: number;
  /** WeChat's id of the request, which its support asks for, if it gave one. */
  rid?: string;
  /** The error that the call ended with, if it failed. */
  error?: WeChatError;
}

const channel = tracingChannel<unknown, WeChatCall>(wechatCallChannel);

/** Whether anybody listens. */
export function isTraced(): boolean {
  return channel.hasSubscribers;
}

/** Makes a call, which keeps its summary up to date, and publishes what happens. */
export async function trace<T>(summary: Summary, makeCall: () => Promise<T>): Promise<T> {
  const { endpoint } = summary;
  const call: WeChatCall = { endpoint, host: hostOf(summary), attempts: 0, duration: 0, outcome: 'pending' };
  // Past the channel, which would publish it: it holds tokens.
  let result: T | undefined;
  await channel.tracePromise(async () => {
    const start = performance.now();
    try {
      result = await makeCall();
      call.outcome = 'ok';
    } catch (error) {
      if (error instanceof WeChatError) call.outcome = error.code;
      if (error instanceof WeChatApiError) {
        call.errcode = error.errcode;
        if (error.rid !== undefined) call.rid = error.rid;
      }
      throw error;
    } finally {
      call.host = hostOf(summary);
      call.attempts = summary.attempts;
      call.duration = performance.now() - start;
    }
  }, call);
  return result as T;
}

function hostOf({ baseUrl }: Summary): string {
  return new URL(baseUrl).hostname;
}
