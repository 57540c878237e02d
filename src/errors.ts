/** The five calls to WeChat, by path. */
export type Endpoint =
  '/sns/oauth2/access_token' | '/sns/oauth2/refresh_token' | '/sns/userinfo' | '/sns/auth' | '/sns/jscode2session';

/** Whether a call spends a code, which is good once: it sends no access token, and cannot simply be made again. */
export function isExchange(endpoint: Endpoint): boolean {
  return endpoint === '/sns/oauth2/access_token' || endpoint === '/sns/jscode2session';
}

/** What a {@link WeChatApiError} can be, by what its receiver can do about it. */
export type WeChatApiErrorCode =
  | 'ERR_WECHAT_INVALID_CODE'
  | 'ERR_WECHAT_CODE_USED'
  | 'ERR_WECHAT_LOGIN_LOST'
  | 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED'
  | 'ERR_WECHAT_REFRESH_TOKEN_EXPIRED'
  | 'ERR_WECHAT_INVALID_OPENID'
  | 'ERR_WECHAT_USER_BLOCKED'
  | 'ERR_WECHAT_PERMISSION_DENIED'
  | 'ERR_WECHAT_CONFIG'
  | 'ERR_WECHAT_RATE_LIMITED'
  | 'ERR_WECHAT_BUSY'
  | 'ERR_WECHAT_API';

/** What a {@link WeChatNetworkError} can be. */
export type WeChatNetworkErrorCode = 'ERR_WECHAT_TIMEOUT' | 'ERR_WECHAT_NETWORK' | 'ERR_WECHAT_ABORTED';

/** Every `code` of a {@link WeChatError}. */
export type WeChatErrorCode = WeChatApiErrorCode | WeChatNetworkErrorCode | 'ERR_WECHAT_RESPONSE';

/** Whether a request reached WeChat: certainly not, nobody can know, or certainly. */
export type Sent = 'no' | 'unknown' | 'yes';

interface WeChatErrorDetails<Code extends WeChatErrorCode = WeChatErrorCode> {
  message: string;
  code: Code;
  endpoint: Endpoint;
  attempts: number;
  retryable: boolean;
  status: number;
}

/**
 * What every failed call to WeChat throws. No error of this package ever holds an app secret, a code, a token or a URL
 * with one of them, and none has a `cause`: what lies beneath would show them.
 */
export abstract class WeChatError extends Error {
  static {
    Object.assign(this.prototype, { expose: false }); // no property of each error, so that logs do not repeat it
  }
  /** What happened, to switch on. */
  readonly code: WeChatErrorCode;
  /** The path that was called, such as `/sns/oauth2/access_token`. */
  readonly endpoint: Endpoint;
  /**
   * Whether the same call may succeed later. False whenever a login must start again or may have to; but when an
   * exchange ended in `ERR_WECHAT_BUSY`, nobody knows whether its code is still good.
   */
  readonly retryable: boolean;
  /** How many requests this call made before it gave up. */
  readonly attempts: number;
  /** The HTTP status that fits when this error ends a request: 401, 403, 500, 502, 503 or 504. */
  readonly status: number;
  /** The same as {@link status}; some frameworks read the one, some the other. */
  readonly statusCode: number;
  /** Always false: the message is for the operator. Whatever follows `http-errors`, such as NestJS, shows it to no visitor. */
  declare readonly expose: false;

  /** @internal */
  protected constructor(details: WeChatErrorDetails) {
    super(details.message);
    this.code = details.code;
    this.endpoint = details.endpoint;
    this.retryable = details.retryable;
    this.attempts = details.attempts;
    this.status = details.status;
    this.statusCode = details.status;
  }
}

/**
 * WeChat answered with an `errcode`.
 *
 * @see https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html
 */
export class WeChatApiError extends WeChatError {
  static {
    this.prototype.name = 'WeChatApiError';
  }
  declare readonly code: WeChatApiErrorCode;
  /** WeChat's error code, such as 40029. */
  readonly errcode: number;
  /** WeChat's text, for logs: at most 200 characters, without secrets. It can hold your server's address: do not show it to visitors. */
  readonly errmsg: string;
  /** WeChat's id of the request, which its support asks for. */
  declare readonly rid?: string;

  /** @internal */
  constructor(
    details: WeChatErrorDetails<WeChatApiErrorCode> & { errcode: number; errmsg: string; rid: string | undefined },
  ) {
    super(details);
    this.errcode = details.errcode;
    this.errmsg = details.errmsg;
    if (details.rid !== undefined) this.rid = details.rid;
  }
}

/** No answer came: the network failed, the time was up, or the caller's signal aborted the call. */
export class WeChatNetworkError extends WeChatError {
  static {
    this.prototype.name = 'WeChatNetworkError';
  }
  declare readonly code: WeChatNetworkErrorCode;
  /** Node.js's code of the last failure, such as `ECONNRESET`. */
  readonly reason: string;
  /** Whether any request of this call reached WeChat. At `'no'` a code is still good. */
  readonly sent: Sent;

  /** @internal */
  constructor(details: WeChatErrorDetails<WeChatNetworkErrorCode> & { reason: string; sent: Sent }) {
    super(details);
    this.reason = details.reason;
    this.sent = details.sent;
  }
}

/** An answer came that WeChat never documented: a wrong HTTP status, no JSON, missing fields, another user's openid. */
export class WeChatResponseError extends WeChatError {
  static {
    this.prototype.name = 'WeChatResponseError';
  }
  declare readonly code: 'ERR_WECHAT_RESPONSE';
  /** The HTTP status of the answer. */
  readonly httpStatus: number;

  /** @internal */
  constructor(details: WeChatErrorDetails<'ERR_WECHAT_RESPONSE'> & { httpStatus: number }) {
    super(details);
    this.httpStatus = details.httpStatus;
  }
}
