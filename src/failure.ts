import { CODE_MAY_BE_SPENT, toApiError } from './errcodes.js';
import {
  type Endpoint,
  isExchange,
  type Sent,
  type WeChatError,
  WeChatNetworkError,
  WeChatResponseError,
} from './errors.js';
import type { TransportFailure } from './transport.js';

/** What a failed attempt proves, and so what may be tried again: the rows of the table in `retry.ts`. */
export type FailureKind =
  /** The request certainly never reached WeChat. */
  | 'never-sent'
  /** WeChat says that it is busy. */
  | 'busy'
  /** A gateway answered, or the connection was lost after the request: nobody knows whether WeChat acted on it. */
  | 'ambiguous'
  /** No answer in time. */
  | 'timeout'
  /** WeChat acted on the request, but its answer is of no use. */
  | 'unusable'
  /** The same request will never succeed. */
  | 'final';

/** One failed attempt. */
export interface Failure {
  kind: FailureKind;
  sent: Sent;
  /** The server's `Retry-After`, in ms. */
  retryAfter?: number | undefined;
  /** Whether there is no reason to wait: an idle connection was closed just as it was used. */
  atOnce?: boolean;
  /** The error to throw if it is not tried again. */
  toError: (summary: Summary) => WeChatError;
}

/** The call that the last attempt belongs to. */
export interface Summary {
  endpoint: Endpoint;
  /** Where the last attempt went. */
  baseUrl: string;
  /** The time limit of the call, in ms. */
  timeout: number;
  /** How many requests were made. */
  attempts: number;
  /** Whether any of them reached WeChat. */
  sent: Sent;
  /** Whether one before the last may have used the code up. */
  mayHaveSpentCode: boolean;
  /** Texts that no error may hold. */
  secrets: readonly string[];
}

/** The failure that an errcode is. */
export function refused(errcode: number, errmsg: string): Failure {
  return {
    kind: errcode === -1 ? 'busy' : 'final',
    sent: 'yes',
    toError: (summary) => toApiError({ ...summary, errcode, errmsg }),
  };
}

/** The failure that an answer with another HTTP status than 200 is. */
export function badStatus(httpStatus: number, retryAfter: string | undefined): Failure {
  const gateway = [429, 502, 503, 504].includes(httpStatus);
  const redirect = httpStatus >= 300 && httpStatus < 400;
  return {
    kind: gateway ? 'ambiguous' : 'final',
    sent: gateway ? 'unknown' : 'yes',
    retryAfter: toMilliseconds(retryAfter),
    toError: (summary) =>
      responseError(summary, {
        httpStatus,
        problem: `its HTTP status is ${String(httpStatus)}, and WeChat only answers with 200`,
        advice: redirect
          ? 'Redirects are never followed, because the URL holds secrets: check baseUrl and the proxies on the way.'
          : 'Something between this server and WeChat answered: check baseUrl and the proxies on the way.',
        transient: gateway,
      }),
  };
}

/** The failure that a complete answer is which does not say what WeChat says. */
export function unusable(problem: string): Failure {
  return {
    kind: 'unusable',
    sent: 'yes',
    toError: (summary) =>
      responseError(summary, {
        httpStatus: 200,
        problem,
        advice: 'If it happens again, check baseUrl and the proxies on the way.',
        transient: false,
      }),
  };
}

/** The failure that no answer, or not all of one, is. */
export function noAnswer({ sent, reason, reusedSocket }: TransportFailure): Failure {
  const kind = kindOfSilence(sent, reason);
  return {
    kind,
    sent,
    ...(kind === 'ambiguous' && reusedSocket === true && { atOnce: true }),
    toError: (summary) => networkError(summary, reason),
  };
}

function kindOfSilence(sent: Sent, reason: string): FailureKind {
  if (isCertificateRefused(reason) || reason === 'ABORT_ERR') return 'final';
  if (sent === 'no') return 'never-sent';
  if (reason === 'ETIMEDOUT') return 'timeout';
  return sent === 'yes' ? 'unusable' : 'ambiguous';
}

/**
 * https://nodejs.org/api/tls.html#x509-certificate-error-codes, and Node.js's own check of the host name. What it has no
 * name for, such as too weak a key, is `UNSPECIFIED`.
 */
function isCertificateRefused(reason: string): boolean {
  return /CERT|^(?:CRL_|UNABLE_TO_|(?:INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH|UNSPECIFIED)$)/.test(
    reason,
  );
}

function networkError(summary: Summary, reason: string): WeChatNetworkError {
  const { endpoint, attempts, sent } = summary;
  const certificate = isCertificateRefused(reason);
  const details = { endpoint, attempts, sent, reason, retryable: !certificate && isRepeatable(summary), status: 502 };
  const next = certificate
    ? 'Check the clock and the CA certificates of this machine, and whether a proxy intercepts HTTPS (NODE_EXTRA_CA_CERTS adds its CA).'
    : whatNext(summary);
  if (reason === 'ABORT_ERR') {
    return new WeChatNetworkError({
      ...details,
      code: 'ERR_WECHAT_ABORTED',
      message: `The call to ${endpoint} was aborted by its signal. ${next}`,
    });
  }
  if (reason === 'ETIMEDOUT') {
    return new WeChatNetworkError({
      ...details,
      code: 'ERR_WECHAT_TIMEOUT',
      status: 504,
      message: `WeChat did not answer ${endpoint} in time: the call may take ${String(summary.timeout)} ms. ${next}`,
    });
  }
  return new WeChatNetworkError({
    ...details,
    code: 'ERR_WECHAT_NETWORK',
    message: `The connection to WeChat failed at ${endpoint} (${reason}). ${next}`,
  });
}

function responseError(
  summary: Summary,
  details: { httpStatus: number; problem: string; advice: string; transient: boolean },
): WeChatResponseError {
  const { endpoint, attempts } = summary;
  const { httpStatus, problem, advice, transient } = details;
  return new WeChatResponseError({
    message: `The answer to ${endpoint} is not usable: ${problem}. ${advice} ${whatNext(summary)}`,
    code: 'ERR_WECHAT_RESPONSE',
    endpoint,
    attempts,
    retryable: transient && isRepeatable(summary),
    status: 502,
    httpStatus,
  });
}

/** Whether the whole call may be made again: an exchange whose code may be used up may not. */
function isRepeatable({ endpoint, sent }: Summary): boolean {
  return !isExchange(endpoint) || sent === 'no';
}

function whatNext(summary: Summary): string {
  if (!isRepeatable(summary)) return CODE_MAY_BE_SPENT;
  if (summary.sent === 'no') return 'No request reached WeChat: check network, DNS and firewall, then try again.';
  return 'Try again later.';
}

/** `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3). */
function toMilliseconds(retryAfter: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  const milliseconds = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}
