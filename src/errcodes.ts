import { type Endpoint, isExchange, WeChatApiError, type WeChatApiErrorCode } from './errors.js';

/** An answer with an errcode, and what is needed to judge it. */
export interface Refusal {
  endpoint: Endpoint;
  errcode: number;
  errmsg: string;
  /** How many requests were made. */
  attempts: number;
  /** Whether an earlier request of this call may have used the code up. */
  mayHaveSpentCode: boolean;
  /** Texts that must not stand in `errmsg`, even if the server echoes them. */
  secrets: readonly string[];
}

/** What to do when nobody knows whether an exchange used its code up. */
export const CODE_MAY_BE_SPENT = 'The code may be used up: start the login again for a new one.';

/** Turns an errcode into the error that its receiver can act on. */
export function toApiError(refusal: Refusal): WeChatApiError {
  const { endpoint, errcode, attempts } = refusal;
  const code = toCode(refusal);
  const { status, retryable, advice } = reactions[code];
  const lost = code === 'ERR_WECHAT_RATE_LIMITED' && isExchange(endpoint) && refusal.mayHaveSpentCode;
  const next = lost ? ` ${CODE_MAY_BE_SPENT}` : '';
  const leaks = (text: string): boolean => holdsSecret(text, refusal.secrets);
  const original = refusal.errmsg.slice(0, LONGEST_ERRMSG);
  const errmsg = original.replace(UNPRINTABLE, ' ');
  const rid = /\brid: ([\da-f]{8}-[\da-f]{8}-[\da-f]{8})\b/.exec(errmsg)?.[1];
  return new WeChatApiError({
    message: `WeChat answered ${endpoint} with errcode ${String(errcode)}. ${particulars.get(errcode) ?? advice}${next}`,
    code,
    endpoint,
    attempts,
    retryable: retryable && !lost,
    status,
    errcode,
    errmsg: leaks(original) || leaks(errmsg) ? '[REDACTED]' : errmsg.slice(0, 200).toWellFormed(),
    rid: rid === undefined || leaks(rid) ? undefined : rid,
  });
}

function toCode({ endpoint, errcode, mayHaveSpentCode }: Refusal): WeChatApiErrorCode {
  switch (errcode) {
    case 40029:
    case 41008:
    case 42003:
      return 'ERR_WECHAT_INVALID_CODE';
    case 40163:
      return mayHaveSpentCode ? 'ERR_WECHAT_LOGIN_LOST' : 'ERR_WECHAT_CODE_USED';
    case 40001:
      // An exchange sends no access token: there it is the app secret that WeChat complains about.
      return isExchange(endpoint) ? 'ERR_WECHAT_CONFIG' : 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED';
    case 40014:
    case 41001:
    case 42001:
    case 48012:
      return 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED';
    case 40030:
    case 41003:
    case 42002:
    case 42007:
      return 'ERR_WECHAT_REFRESH_TOKEN_EXPIRED';
    case 40003:
    case 41009:
    case 49003:
      return 'ERR_WECHAT_INVALID_OPENID';
    case 40226:
      return 'ERR_WECHAT_USER_BLOCKED';
    case 43004:
    case 43104:
    case 48001:
    case 48002:
    case 48003:
    case 48004:
    case 50001:
    case 50003:
    case 50004:
    case 50005:
      return 'ERR_WECHAT_PERMISSION_DENIED';
    case 40013:
    case 40090:
    case 40125:
    case 40164:
    case 40243:
    case 41002:
    case 41004:
    case 45035:
    case 50002:
    case 61004:
    case 89503:
    case 89506:
    case 89507:
      return 'ERR_WECHAT_CONFIG';
    case 45009:
    case 45011:
      return 'ERR_WECHAT_RATE_LIMITED';
    case -1:
      return 'ERR_WECHAT_BUSY';
    default:
      return 'ERR_WECHAT_API';
  }
}

const reactions: Readonly<Record<WeChatApiErrorCode, { status: number; retryable: boolean; advice: string }>> = {
  ERR_WECHAT_INVALID_CODE: {
    status: 401,
    retryable: false,
    advice:
      'The code is wrong, expired or of another app. Start the login again for a new code, and check that the front end uses the same app id.',
  },
  ERR_WECHAT_CODE_USED: {
    status: 401,
    retryable: false,
    advice: 'The code has been used, and it works once. Start the login again for a new code, and send each code once.',
  },
  ERR_WECHAT_LOGIN_LOST: {
    status: 503,
    retryable: false,
    advice:
      'An earlier request of this call may have used the code, and its answer was lost on the way. Start the login again for a new code.',
  },
  ERR_WECHAT_ACCESS_TOKEN_EXPIRED: {
    status: 502,
    retryable: false,
    advice: 'The access token is expired or invalid. Get a new one with refreshToken(), or let the user log in again.',
  },
  ERR_WECHAT_REFRESH_TOKEN_EXPIRED: {
    status: 502,
    retryable: false,
    advice: 'The refresh token is expired or invalid, or the user has changed the password. Let the user log in again.',
  },
  ERR_WECHAT_INVALID_OPENID: {
    status: 502,
    retryable: false,
    advice: 'The openid does not belong to this access token. Pass the openid that came with the token.',
  },
  ERR_WECHAT_USER_BLOCKED: {
    status: 403,
    retryable: false,
    advice: 'WeChat blocks the login of this user as a risk. Offer another way to log in.',
  },
  ERR_WECHAT_PERMISSION_DENIED: {
    status: 500,
    retryable: false,
    advice:
      'The app or the granted scope does not permit this call. User info needs snsapi_userinfo or snsapi_login; for the rest look at the permissions of the app on the WeChat platform.',
  },
  ERR_WECHAT_CONFIG: {
    status: 500,
    retryable: false,
    advice:
      'The app is not set up right. Check app id, app secret and IP whitelist against its page on the WeChat platform.',
  },
  ERR_WECHAT_RATE_LIMITED: {
    status: 503,
    retryable: true,
    advice: 'The quota of calls is used up. Try again in a minute; with 45009 it is the quota of the day.',
  },
  ERR_WECHAT_BUSY: {
    status: 503,
    retryable: true,
    advice: 'WeChat is busy. Try again in a moment.',
  },
  ERR_WECHAT_API: {
    status: 502,
    retryable: false,
    advice: 'Look the errcode up among the return codes on developers.weixin.qq.com.',
  },
};

/** What an operator does about one errcode, where the advice of its kind is too general. */
const particulars: ReadonlyMap<number, string> = new Map([
  [40013, 'WeChat does not know the app id. Check appId for a typing error.'],
  [40125, 'The app secret is wrong or was reset. Copy the current one from the WeChat platform into appSecret.'],
  [
    40164,
    'The IP whitelist of the app lacks the address of this server. Add it on the WeChat platform; errmsg names it.',
  ],
  [40243, 'The app secret is frozen. Unfreeze it on the WeChat platform; that takes about ten minutes to work.'],
  [50002, 'The account of the app is frozen, migrated or deregistered. Look at its page on the WeChat platform.'],
]);

/** What could forge a line of a log: control, line-separator and direction characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** So much of an `errmsg` is looked at. WeChat's have 100 characters or so. */
const LONGEST_ERRMSG = 1_000;
/** So many characters of a secret in a row are too many. */
const PIECE = 8;
/** A secret with fewer characters cannot be told from words such as "code". */
const SHORTEST = 5;

/** Whether a secret, or a piece of one, can be read in a text, also by whoever undoes the encodings of URLs, forms and JSON. */
function holdsSecret(text: string, secrets: readonly string[]): boolean {
  const decode = (encoded: string): string =>
    encoded.replace(/(?:%[\da-f]{2})+/gi, (bytes) => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString());
  const readings = [text, decode(text), decode(text.replaceAll('+', ' ')), text.replace(/\\(.)/g, '$1')];
  const pieces = new Set(secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]).flatMap(piecesOf));
  // What is shorter than a piece counts where it is a word of its own. WeChat's secrets are longer.
  const words = secrets.filter(({ length }) => length < PIECE && length >= SHORTEST);
  return readings.some(
    (reading) => piecesOf(reading).some((piece) => pieces.has(piece)) || words.some((word) => hasWord(reading, word)),
  );
}

function hasWord(text: string, word: string): boolean {
  const rest = text.split(word);
  return rest.some((after, n) => n > 0 && !/^\w/.test(after) && !/\w$/.test(rest[n - 1] ?? ''));
}

function piecesOf(text: string): string[] {
  const count = Math.max(text.length - PIECE + 1, 1);
  return Array.from({ length: count }, (_, from) => text.slice(from, from + PIECE));
}
