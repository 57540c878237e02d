import {
  type Answer,
  readSession,
  readTokens,
  readUserInfo,
  readValidity,
  type TokenResponse,
  type UserInfo,
  type WeChatSession,
} from './answer.js';
import { callWeChat } from './call.js';
import { checkChoice, checkObject, checkSignal } from './checks.js';
import { type Endpoint, WeChatApiError } from './errors.js';
import { gotTransport } from './got.js';
import { checkHttpOptions, type HttpOptions, type HttpSettings } from './http-options.js';
import {
  AccessToken,
  AppId,
  AppSecret,
  AuthorizationCode,
  OpenId,
  type PlainString,
  RefreshToken,
  reveal,
  UnionId,
} from './newtypes.js';
import type { Transport } from './transport.js';

/** What a {@link WeChatClient} is made from. */
export interface WeChatClientOptions {
  /** The id of the app, such as `wx1234567890abcdef`. */
  appId: AppId | PlainString;
  /** The secret of the app. Read it from the environment or a vault, never from the source. */
  appSecret: AppSecret | string;
  /** How to talk to WeChat. */
  http?: HttpOptions | undefined;
}

/** What every call takes. */
export interface CallOptions {
  /** Aborts the call: it rejects with `ERR_WECHAT_ABORTED`. */
  signal?: AbortSignal | undefined;
}

/** What {@link WeChatClient.getUserInfo} takes. */
export interface UserInfoOptions extends CallOptions {
  /** The language of province, city and country. Default `'zh_CN'`. */
  lang?: Lang | undefined;
  /** The unionid that came with the token: an answer with another one is refused. */
  unionid?: UnionId | PlainString | undefined;
}

/** The languages that WeChat knows. */
export type Lang = 'zh_CN' | 'zh_TW' | 'en';

/** @throws TypeError when WeChat does not know the language. */
export function checkLang(lang: Lang = 'zh_CN'): Lang {
  return checkChoice('lang', lang, ['zh_CN', 'zh_TW', 'en']);
}

/**
 * WeChat's login API, for the back end of an official account, an Open Platform website, a mobile app, a mini program or
 * a mini game.
 *
 * It is stateless: nothing outlives a call but the pool of connections, so one client serves a whole process. Every
 * method rejects with a {@link WeChatError} when WeChat refuses or cannot be reached, and with a `TypeError` when an
 * argument cannot be right.
 */
export class WeChatClient {
  /** The id of the app. */
  readonly appId: AppId;
  readonly #appSecret: AppSecret;
  readonly #settings: HttpSettings;
  readonly #transport: Transport;

  /** @throws TypeError when an option is missing or wrong. */
  constructor(options: WeChatClientOptions) {
    checkObject('options', options);
    const { appId, appSecret, http } = options;
    this.appId = AppId(appId);
    this.#appSecret = new AppSecret(reveal(AppSecret, appSecret));
    this.#settings = checkHttpOptions(http);
    this.#transport = this.#settings.transport ?? gotTransport(this.#settings.agents);
  }

  /**
   * Exchanges the code that an official account, a website or a mobile app received for tokens. A code works once and lives for minutes, so a failed
   * exchange is sent again only where that can rescue the login.
   *
   * @see https://developers.weixin.qq.com/doc/service/api/webdev/access/api_snsaccesstoken
   */
  async exchangeCode(code: AuthorizationCode | string, options?: CallOptions): Promise<TokenResponse> {
    const secret = this.#appSecret.exposeSecret();
    const exposed = reveal(AuthorizationCode, code);
    return this.#call('/sns/oauth2/access_token', options, {
      query: { appid: this.appId, secret, code: exposed, grant_type: 'authorization_code' },
      secrets: [secret, exposed],
      read: readTokens,
    });
  }

  /**
   * Exchanges the code that a mini program or a mini game got from `wx.login` for the user's ids and the session key.
   * The code works once, like that of {@link exchangeCode}, and is sent again only where that can rescue the login.
   *
   * @see https://developers.weixin.qq.com/miniprogram/dev/server/API/user-login/api_code2session
   */
  async codeToSession(jsCode: AuthorizationCode | string, options?: CallOptions): Promise<WeChatSession> {
    const secret = this.#appSecret.exposeSecret();
    const exposed = reveal(AuthorizationCode, jsCode);
    return this.#call('/sns/jscode2session', options, {
      query: { appid: this.appId, secret, js_code: exposed, grant_type: 'authorization_code' },
      secrets: [secret, exposed],
      read: readSession,
    });
  }

  /**
   * Fetches a user's name and avatar. Needs the scope `snsapi_userinfo` or `snsapi_login`.
   *
   * @see https://developers.weixin.qq.com/doc/service/api/webdev/access/api_snsuserinfo
   */
  async getUserInfo(
    accessToken: AccessToken | string,
    openid: OpenId | PlainString,
    options?: UserInfoOptions,
  ): Promise<UserInfo> {
    const exposed = reveal(AccessToken, accessToken);
    const unionid = options?.unionid === undefined ? undefined : UnionId(options.unionid);
    return this.#call('/sns/userinfo', options, {
      query: { access_token: exposed, openid: OpenId(openid), lang: checkLang(options?.lang) },
      secrets: [exposed],
      read: (answer) => readUserInfo(answer, openid, unionid),
    });
  }

  /**
   * Gets a new access token. Store the refresh token that comes back too: it may be another one. There is no unionid in
   * the answer.
   *
   * @see https://developers.weixin.qq.com/doc/service/api/webdev/access/api_snsrefreshtoken
   */
  async refreshToken(refreshToken: RefreshToken | string, options?: CallOptions): Promise<TokenResponse> {
    const exposed = reveal(RefreshToken, refreshToken);
    return this.#call('/sns/oauth2/refresh_token', options, {
      query: { appid: this.appId, grant_type: 'refresh_token', refresh_token: exposed },
      secrets: [exposed],
      read: readTokens,
    });
  }

  /**
   * Asks whether an access token still works for an openid. False means that WeChat says it does not; when WeChat gives
   * no clear answer, this rejects.
   *
   * Do not log anybody in with it: it says nothing about which app the token was made for.
   *
   * @see https://developers.weixin.qq.com/doc/service/api/webdev/access/api_snsauth
   */
  async validateToken(
    accessToken: AccessToken | string,
    openid: OpenId | PlainString,
    options?: CallOptions,
  ): Promise<boolean> {
    const exposed = reveal(AccessToken, accessToken);
    try {
      return await this.#call('/sns/auth', options, {
        query: { access_token: exposed, openid: OpenId(openid) },
        secrets: [exposed],
        read: readValidity,
      });
    } catch (error) {
      if (error instanceof WeChatApiError && INVALID.has(error.errcode)) return false;
      throw error;
    }
  }

  #call<T>(
    endpoint: Endpoint,
    options: CallOptions | undefined,
    call: { query: Record<string, string>; secrets: string[]; read: (answer: Answer) => T },
  ): Promise<T> {
    const signal = checkSignal(options?.signal);
    return callWeChat(this.#transport, this.#settings, { endpoint, signal, ...call });
  }
}

/** The errcodes by which WeChat says that a token or an openid is invalid. Any other leaves that open. */
const INVALID: ReadonlySet<number> = new Set([40001, 40003, 40014, 42001, 42007, 48012, 49003]);
