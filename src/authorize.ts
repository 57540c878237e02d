import { randomBytes } from 'node:crypto';

import { checkAbsent, checkBaseUrl, checkChoice, checkFlag, checkObject } from './checks.js';
import { AppId, type PlainString, textProblem } from './newtypes.js';
import { toSearch } from './query.js';

const WECHAT = 'https://open.weixin.qq.com';

interface CommonOptions {
  /** The id of the app, such as `wx1234567890abcdef`. */
  appId: AppId | PlainString;
  /**
   * Where WeChat sends the browser back to, with `code` and `state` in its query: an absolute http or https address, on the
   * domain that is registered for the app.
   */
  redirectUri: string;
  /** Where WeChat's pages are: `https:`, or `http:` on loopback for a simulator. Default `https://open.weixin.qq.com`. */
  baseUrl?: string | undefined;
}

/**
 * What {@link createAuthorizeUrl} takes for an official account: for pages that are opened inside WeChat.
 *
 * @see https://developers.weixin.qq.com/doc/service/guide/h5/auth.html
 */
export interface OfficialAccountAuthorizeOptions extends CommonOptions {
  /** A verified service account (服务号), whose page works inside WeChat only. */
  kind: 'official-account';
  /** What to ask for: `snsapi_base` gives the openid without a question, `snsapi_userinfo` name and avatar too. */
  scope: 'snsapi_base' | 'snsapi_userinfo';
  /** Binds the login to this browser, see {@link createState}. 1 to 128 letters and digits: WeChat takes nothing else. */
  state: string;
  /** Whether to ask even a user who has agreed before. WeChat's default is false. */
  forcePopup?: boolean | undefined;
  /** Whether to open the page as a snapshot (快照页), to try that out. WeChat's default is false. */
  forceSnapShot?: boolean | undefined;
}

/**
 * What {@link createAuthorizeUrl} takes for a website of the Open Platform: its page shows a QR code to scan.
 *
 * @see https://developers.weixin.qq.com/doc/oplatform/Website_App/WeChat_Login/Wechat_Login.html
 */
export interface WebsiteAuthorizeOptions extends CommonOptions {
  /** A website of the Open Platform (网站应用). */
  kind: 'website';
  /** What to ask for: there is only the one, which gives name and avatar. Default `snsapi_login`. */
  scope?: 'snsapi_login' | undefined;
  /** Binds the login to this browser, see {@link createState}. At most 1024 characters, no control characters among them. */
  state: string;
  /** The language of WeChat's page. WeChat's default is `cn`. */
  lang?: 'cn' | 'en' | undefined;
}

/** What {@link createAuthorizeUrl} takes: it depends on the `kind` of the app. */
export type AuthorizeUrlOptions = OfficialAccountAuthorizeOptions | WebsiteAuthorizeOptions;

/**
 * Makes the address to send a browser to for a login. WeChat sends it back to `redirectUri` with the code.
 *
 * ```ts
 * const state = createState(); // remember it for this browser, and compare it in verifyState
 * response.redirect(createAuthorizeUrl({ kind: 'website', appId, redirectUri, state }));
 * ```
 *
 * Mobile apps and mini programs have no such address: WeChat's SDK and `wx.login` give them their codes.
 *
 * @throws TypeError that names the option which WeChat would refuse.
 */
export function createAuthorizeUrl(options: AuthorizeUrlOptions): string {
  checkObject('options', options);
  checkChoice('kind', options.kind, ['official-account', 'website']);
  const { path, scope, state, ...extras } = options.kind === 'website' ? qrPage(options) : accountPage(options);
  // WeChat matches the address against a pattern, so the order and the fragment count.
  const search = toSearch({
    appid: AppId(options.appId),
    redirect_uri: checkRedirectUri(options.redirectUri),
    response_type: 'code',
    scope,
    state,
    ...extras,
  });
  return `${checkBaseUrl('baseUrl', options.baseUrl ?? WECHAT, WECHAT)}${path}${search}#wechat_redirect`;
}

/**
 * Makes a `state` that nobody can guess and that WeChat accepts of every app: 32 characters of 128 random bits. Keep it
 * where only this browser can bring it back, in its session or in a cookie that is `HttpOnly`, and let `verifyState`
 * compare the two: without that, a stranger's code can be slipped into a login (RFC 9700, section 4.7).
 */
export function createState(): string {
  return randomBytes(16).toString('hex');
}

/** A page of WeChat, and the parameters of it that depend on the kind of the app. */
type Page = { path: string; scope: string; state: string } & Readonly<Record<string, string>>;

function accountPage(options: OfficialAccountAuthorizeOptions): Page {
  checkAbsent(options, ['lang'], 'an app of the kind official-account');
  const { state, forcePopup, forceSnapShot } = options;
  if (typeof state !== 'string' || !/^[a-zA-Z0-9]{1,128}$/.test(state)) {
    throw new TypeError('state must be 1 to 128 letters and digits for an official account: createState() gives one');
  }
  return {
    path: '/connect/oauth2/authorize',
    scope: checkChoice('scope', options.scope, ['snsapi_base', 'snsapi_userinfo']),
    state,
    ...(forcePopup !== undefined && { forcePopup: String(checkFlag('forcePopup', forcePopup)) }),
    ...(forceSnapShot !== undefined && { forceSnapShot: String(checkFlag('forceSnapShot', forceSnapShot)) }),
  };
}

function qrPage(options: WebsiteAuthorizeOptions): Page {
  checkAbsent(options, ['forcePopup', 'forceSnapShot'], 'an app of the kind website');
  const { state, lang } = options;
  const problem = textProblem(state, 1024);
  if (problem !== undefined) throw new TypeError(`state ${problem}: createState() gives one that is right`);
  return {
    path: '/connect/qrconnect',
    scope: checkChoice('scope', options.scope ?? 'snsapi_login', ['snsapi_login']),
    state,
    ...(lang !== undefined && { lang: checkChoice('lang', lang, ['cn', 'en']) }),
  };
}

function checkRedirectUri(redirectUri: unknown): string {
  const absolute = typeof redirectUri === 'string' && /^https?:\/\/[^\s\p{Cc}]+$/iu.test(redirectUri);
  if (!absolute || !redirectUri.isWellFormed() || !URL.canParse(redirectUri)) {
    throw new TypeError('redirectUri must be an absolute address such as https://app.example/callback');
  }
  return redirectUri;
}
