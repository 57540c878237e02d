import { setMaxListeners } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Answer, parseAnswer, readErrcode, readErrmsg, UnusableAnswer } from './answer.js';
import { type Endpoint, isExchange } from './errors.js';
import { badStatus, type Failure, noAnswer, refused, type Summary, unusable } from './failure.js';
import type { HttpSettings } from './http-options.js';
import { toSearch } from './query.js';
import { RetryPlan } from './retry.js';
import { isTraced, trace } from './tracing.js';
import type { Transport, TransportAnswer, TransportFailure } from './transport.js';

/** One call to WeChat. */
export interface Call<T> {
  endpoint: Endpoint;
  /** In WeChat's order. Values are sent exactly as they are. */
  query: Readonly<Record<string, string>>;
  /** Those of the values that no error may hold. */
  secrets: readonly string[];
  /** Makes the result of a successful answer. @throws UnusableAnswer when it is none. */
  read: (answer: Answer) => T;
  signal: AbortSignal | undefined;
}

const MAX_BYTES = 65_536;
/** The form of Node.js's codes: all of an error that is safe to keep. */
const CODE = /^[A-Z][A-Z0-9_]+$/;
/** How long a transport may take, in ms, to end an attempt that is given up. */
const GRACE = 100;
const TIME_IS_UP = Symbol('time is up');

/**
 * Makes a call: sends it, judges what comes back, tries again where that is safe, and ends in time whatever happens.
 *
 * @throws WeChatError
 */
export function callWeChat<T>(transport: Transport, settings: HttpSettings, call: Call<T>): Promise<T> {
  const { endpoint, secrets } = call;
  const { timeout, baseUrls } = settings;
  const [baseUrl = ''] = baseUrls;
  const summary: Summary = { endpoint, baseUrl, timeout, secrets, attempts: 0, sent: 'no', mayHaveSpentCode: false };
  if (!isTraced()) return makeAttempts(transport, settings, call, summary);
  return trace(summary, () => makeAttempts(transport, settings, call, summary));
}

async function makeAttempts<T>(
  transport: Transport,
  settings: HttpSettings,
  { endpoint, query, read, signal }: Call<T>,
  summary: Summary,
): Promise<T> {
  const { timeout, baseUrls } = settings;
  const plan = new RetryPlan({ ...settings, hosts: baseUrls.length }, isExchange(endpoint));
  const start = performance.now();
  const left = (): number => timeout - (performance.now() - start);
  const path = endpoint + toSearch(query);
  // A signal that serves many calls at once is no leak, so Node.js shall not warn of one.
  if (signal) setMaxListeners(0, signal);

  for (;;) {
    if (signal?.aborted === true) throw noAnswer({ sent: summary.sent, reason: 'ABORT_ERR' }).toError(summary);
    summary.attempts += 1;
    summary.baseUrl = baseUrls[plan.host] ?? summary.baseUrl;
    const patience = plan.patience(Math.max(left(), 1));
    const outcome = judge(await attempt(transport, settings, summary.baseUrl + path, patience, signal), read);
    if ('value' in outcome) return outcome.value;

    if (summary.sent !== 'yes' && outcome.sent !== 'no') summary.sent = outcome.sent;
    const wait = plan.next(outcome, left());
    if (wait === undefined) throw outcome.toError(summary);
    if (outcome.kind !== 'never-sent') summary.mayHaveSpentCode = true;
    // An abort ends the wait early, and then the call, at the top of the loop.
    await sleep(wait, undefined, signal && { signal }).catch(() => undefined);
  }
}

async function attempt(
  transport: Transport,
  { connectTimeout, userAgent }: HttpSettings,
  url: string,
  patience: number,
  signal: AbortSignal | undefined,
): Promise<TransportAnswer | TransportFailure> {
  // Wired by hand: what AbortSignal.any() makes of AbortSignal.timeout() is lost to the garbage collector on Node.js 20.
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(TIME_IS_UP);
  }, patience);
  const onAbort = (): void => {
    controller.abort();
  };
  signal?.addEventListener('abort', onAbort);
  // A transport says by itself, and at once, how far it got. One of the caller's that does not is waited for no longer.
  let grace: NodeJS.Timeout | undefined;
  const givenUp = new Promise<TransportFailure>((resolve) => {
    controller.signal.addEventListener('abort', () => {
      grace = setTimeout(resolve, GRACE, { sent: 'unknown', reason: 'ABORT_ERR' });
    });
  });
  try {
    const request = {
      url,
      headers: { 'user-agent': userAgent },
      signal: controller.signal,
      connectTimeout,
      maxBytes: MAX_BYTES,
    };
    const result = await Promise.race([transport(request), givenUp]);
    if (!('reason' in result)) return result;
    if (controller.signal.reason === TIME_IS_UP) return { ...result, reason: 'ETIMEDOUT' };
    return CODE.test(result.reason) ? result : { ...result, reason: 'UNKNOWN' };
  } catch {
    // Only a transport of the caller's can throw, as fetch does when it is given up. The error goes no further: it may hold the URL.
    const isOver = controller.signal.reason === TIME_IS_UP ? 'ETIMEDOUT' : 'ABORT_ERR';
    return { sent: 'unknown', reason: controller.signal.aborted ? isOver : 'UNKNOWN' };
  } finally {
    clearTimeout(timer);
    clearTimeout(grace);
    signal?.removeEventListener('abort', onAbort);
  }
}

function judge<T>(result: TransportAnswer | TransportFailure, read: (answer: Answer) => T): { value: T } | Failure {
  if ('reason' in result) return noAnswer(result);
  const { retryAfter, body } = result;
  const status: unknown = result.status;
  if (typeof status !== 'number') {
    throw new TypeError(
      'http.transport must give { status, body } or { sent, reason }: undiciTransport() does, with the parentheses',
    );
  }
  if (status !== 200) return badStatus(status, retryAfter);
  if (body === undefined || body.byteLength > MAX_BYTES)
    return unusable('its body is larger than 64 KiB or badly compressed');
  try {
    const answer = parseAnswer(body);
    const errcode = readErrcode(answer);
    return errcode === 0 ? { value: read(answer) } : refused(errcode, readErrmsg(answer));
  } catch (error) {
    if (!(error instanceof UnusableAnswer)) throw error;
    result.discard?.();
    return unusable(error.message);
  }
}
