import { Strategy } from 'passport-strategy';

import type { TokenResponse, UserInfo } from './answer.js';
import { checkChoice, checkFlag, checkFunction, checkObject, checkText } from './checks.js';
import { checkLang, type Lang, WeChatClient } from './client.js';
import { WeChatApiError, WeChatError } from './errors.js';
import type { HttpOptions } from './http-options.js';
import { type LoginRequest, readCode, readField } from './login-request.js';
import type { AppId, AppSecret, PlainString } from './newtypes.js';
import { toProfile, type WeChatProfile } from './profile.js';
import { type Done, runVerify, toError, type Verified } from './verify.js';

/** Decides who the user is and what is stored. Calls `done`, or returns a promise of the user, whichever you like. */
export type Verify = (tokens: TokenResponse, profile: WeChatProfile, done: Done) => void | PromiseLike<unknown>;

/** A {@link Verify} that gets the request first: for `passReqToCallback: true`. */
export type VerifyWithRequest<Req extends LoginRequest = LoginRequest> = (
  req: Req,
  tokens: TokenResponse,
  profile: WeChatProfile,
  done: Done,
) => void | PromiseLike<unknown>;

/** What can be set for a login, whichever app it belongs to. */
export interface LoginOptions<Req extends LoginRequest = LoginRequest> {
  /** The name for `passport.authenticate`. Default `'wechat-code'`. */
  name?: string;
  /** The field that holds the code, in `req.body` or `req.query`. Default `'code'`. */
  codeField?: string;
  /**
   * Whether to fetch name and avatar. `'auto'`: when the user granted it (`snsapi_userinfo` or `snsapi_login`).
   * `'always'`: and fail the login when there is none. `'never'`: openid and unionid are enough. Default `'auto'`.
   */
  userInfo?: 'auto' | 'always' | 'never';
  /** The language of the user info. Default `'zh_CN'`. */
  lang?: Lang;
  /** Whether to let in virtual users of snapshot pages (快照页), whose ids are not real. Default false: 403. */
  allowSnapshotUser?: boolean;
  /** Whether to let in only users who have a unionid. Default false. */
  requireUnionId?: boolean;
  /**
   * Whether `state` is the one that this browser was given: a login in a browser needs it, or a stranger's code can be
   * slipped in. Gets the empty string when the request has none. Anything but true fails the login with 403.
   */
  verifyState?: (req: Req, state: string) => boolean | Promise<boolean>;
}

/** Options for one app: its id and secret. */
export interface AppOptions {
  /** The id of the app, such as `wx1234567890abcdef`. */
  appId: AppId | PlainString;
  /** The secret of the app. Read it from the environment or a vault, never from the source. */
  appSecret: AppSecret | string;
  /** How to talk to WeChat. */
  http?: HttpOptions;
  /** Not together with `appId`. */
  client?: never;
}

/** Options with a client of one's own, or one chosen for each request: for many apps behind one route. */
export interface ClientOptions<Req extends LoginRequest = LoginRequest> {
  /** The client, or a function that gives the one for a request. What it throws or rejects with is an error of the login. */
  client: LoginClient | ((req: Req) => LoginClient | Promise<LoginClient>);
  /** The client has it already. */
  appId?: never;
  /** The client has it already. */
  appSecret?: never;
  /** The client has it already. */
  http?: never;
}

/** As much of a {@link WeChatClient} as a login needs. */
export type LoginClient = Pick<WeChatClient, 'appId' | 'exchangeCode' | 'getUserInfo'>;

/** The options of a {@link WeChatCodeStrategy}. */
export type WeChatCodeStrategyOptions<Req extends LoginRequest = LoginRequest> = LoginOptions<Req> &
  (AppOptions | ClientOptions<Req>);

/** What the `info` of a failed login has as its `code`. */
export type LoginFailureCode =
  | 'ERR_WECHAT_CODE_MISSING'
  | 'ERR_WECHAT_CODE_MALFORMED'
  | 'ERR_WECHAT_LOGIN_REFUSED'
  | 'ERR_WECHAT_INVALID_CODE'
  | 'ERR_WECHAT_CODE_USED'
  | 'ERR_WECHAT_NO_USER'
  | 'ERR_WECHAT_WRONG_STATE'
  | 'ERR_WECHAT_SNAPSHOT_USER'
  | 'ERR_WECHAT_NO_UNIONID'
  | 'ERR_WECHAT_USER_BLOCKED';

/** The logins that fail: the visitor's doing, not the service's. The texts are constant, so that they may be shown. */
const failures: Readonly<Record<LoginFailureCode, { status: number; message: string }>> = {
  ERR_WECHAT_CODE_MISSING: { status: 400, message: 'The request has no code: send the one that WeChat gave' },
  ERR_WECHAT_CODE_MALFORMED: { status: 400, message: 'The code of the request is not one that WeChat gives' },
  ERR_WECHAT_LOGIN_REFUSED: { status: 401, message: 'The user refused the login' },
  ERR_WECHAT_INVALID_CODE: { status: 401, message: 'The code is invalid or expired: start the login again' },
  ERR_WECHAT_CODE_USED: { status: 401, message: 'The code has been used: start the login again' },
  ERR_WECHAT_NO_USER: { status: 401, message: 'The login was not accepted' },
  ERR_WECHAT_WRONG_STATE: { status: 403, message: 'The login was not started in this browser: start it again' },
  ERR_WECHAT_SNAPSHOT_USER: { status: 403, message: 'This is a snapshot page: open the full page to log in' },
  ERR_WECHAT_NO_UNIONID: { status: 403, message: 'WeChat gave no unionid for this user' },
  ERR_WECHAT_USER_BLOCKED: { status: 403, message: 'WeChat blocks the login of this user' },
};

/** The `info` of a failed login. What `verify` gave as info stands in it too. */
export interface LoginFailure {
  /** What happened, to be shown or logged. Constant text, unless `verify` gave another. */
  message: string;
  /** What happened, to switch on. */
  code: LoginFailureCode;
}

interface Failed {
  failure: LoginFailure;
  status: number;
}

type Outcome = { verified: Verified } | Failed | { error: Error };

interface Settings {
  client: LoginClient | ((req: LoginRequest) => LoginClient | Promise<LoginClient>);
  codeField: string;
  userInfo: 'auto' | 'always' | 'never';
  lang: Lang;
  allowSnapshotUser: boolean;
  requireUnionId: boolean;
  verifyState: ((req: LoginRequest, state: string) => unknown) | undefined;
  passReqToCallback: boolean;
  verify: (...parameters: unknown[]) => unknown;
}

/**
 * Logs in whoever brings a WeChat code, in `req.body` or `req.query`.
 *
 * ```ts
 * passport.use(new WeChatCodeStrategy({ appId, appSecret }, async (tokens, profile) => users.upsert(profile)));
 * app.post('/auth/wechat', passport.authenticate('wechat-code', { session: false }), issueJwt);
 * ```
 *
 * A login that the visitor got wrong fails with 400, 401 or 403 and a {@link LoginFailure}. Whatever is the operator's,
 * WeChat's or the network's fault is an error with a `status` of 500, 502, 503 or 504.
 */
export class WeChatCodeStrategy<Req extends LoginRequest = LoginRequest> extends Strategy {
  /** The name for `passport.authenticate`. */
  readonly name: string;
  // No #private field: Passport runs a named strategy as Object.create(strategy), which has none.
  private readonly settings: Settings;

  /** @throws TypeError when an option is missing or wrong. */
  constructor(options: WeChatCodeStrategyOptions<Req> & { passReqToCallback?: false }, verify: Verify);
  constructor(options: WeChatCodeStrategyOptions<Req> & { passReqToCallback: true }, verify: VerifyWithRequest<Req>);
  constructor(
    options: WeChatCodeStrategyOptions<Req> & { passReqToCallback?: boolean },
    verify: Verify | VerifyWithRequest<Req>,
  ) {
    super();
    checkObject('options', options);
    checkFunction('verify', verify);
    if (options.verifyState !== undefined) checkFunction('verifyState', options.verifyState);
    this.name = checkText('name', options.name ?? 'wechat-code');
    this.settings = {
      client: toClient(options) as Settings['client'],
      codeField: checkText('codeField', options.codeField ?? 'code'),
      userInfo: checkChoice('userInfo', options.userInfo ?? 'auto', ['auto', 'always', 'never']),
      lang: checkLang(options.lang),
      allowSnapshotUser: checkFlag('allowSnapshotUser', options.allowSnapshotUser),
      requireUnionId: checkFlag('requireUnionId', options.requireUnionId),
      verifyState: options.verifyState as Settings['verifyState'],
      passReqToCallback: checkFlag('passReqToCallback', options.passReqToCallback),
      verify: verify as Settings['verify'],
    };
  }

  /** Called by Passport. Ends in exactly one of success, fail and error. */
  override authenticate(req: LoginRequest): void {
    // At once, because an instance that is passed to passport.authenticate serves overlapping requests.
    const [success, fail, error] = [this.success.bind(this), this.fail.bind(this), this.error.bind(this)];
    void logIn(this.settings, req).then((outcome) => {
      // In a turn of its own, so that what the application throws here is not lost in a promise.
      process.nextTick(() => {
        if ('verified' in outcome) success(outcome.verified.user, outcome.verified.info);
        else if ('failure' in outcome) fail(outcome.failure, outcome.status);
        else error(outcome.error);
      });
    });
  }
}

async function logIn(settings: Settings, req: LoginRequest): Promise<Outcome> {
  try {
    const identity = await identify(settings, req);
    if ('failure' in identity) return identity;
    const { verify, passReqToCallback } = settings;
    const { tokens, profile } = identity;
    const verified = await runVerify(verify, passReqToCallback ? [req, tokens, profile] : [tokens, profile]);
    return verified.user ? { verified } : fail('ERR_WECHAT_NO_USER', verified.info);
  } catch (error) {
    return { error: toError(error) };
  }
}

async function identify(
  settings: Settings,
  req: LoginRequest,
): Promise<Failed | { tokens: TokenResponse; profile: WeChatProfile }> {
  const code = readCode(req, settings.codeField);
  if (code === 'absent') return fail('ERR_WECHAT_CODE_MISSING');
  if (code === 'unusable') return fail('ERR_WECHAT_CODE_MALFORMED');
  if (!(await isStateRight(settings, req))) return fail('ERR_WECHAT_WRONG_STATE');
  // What WeChat sends in place of a code when the user says no.
  if (code.text === 'authdeny') return fail('ERR_WECHAT_LOGIN_REFUSED');

  const client = typeof settings.client === 'function' ? await settings.client(req) : settings.client;
  checkClient(client);
  let tokens: TokenResponse;
  let userInfo: UserInfo | undefined;
  try {
    tokens = await client.exchangeCode(code.text);
    if (tokens.isSnapshotUser && !settings.allowSnapshotUser) return fail('ERR_WECHAT_SNAPSHOT_USER');
    userInfo = await fetchUserInfo(settings, client, tokens);
  } catch (error) {
    if (error instanceof WeChatError && error.code in failures) return fail(error.code as LoginFailureCode);
    throw error;
  }
  const profile = toProfile(client.appId, tokens, userInfo);
  if (settings.requireUnionId && profile.unionid === undefined) return fail('ERR_WECHAT_NO_UNIONID');
  return { tokens, profile };
}

async function isStateRight({ verifyState }: Settings, req: LoginRequest): Promise<boolean> {
  if (verifyState === undefined) return true;
  const state = readField(req, 'state');
  if (state === 'unusable') return false;
  return (await verifyState(req, state === 'absent' ? '' : state.text)) === true;
}

async function fetchUserInfo(
  settings: Settings,
  client: LoginClient,
  { accessToken, openid, unionid, scope }: TokenResponse,
): Promise<UserInfo | undefined> {
  const granted = scope.includes('snsapi_userinfo') || scope.includes('snsapi_login');
  const wanted = settings.userInfo === 'always' || (settings.userInfo === 'auto' && (granted || scope.length === 0));
  if (!wanted) return undefined;
  try {
    return await client.getUserInfo(accessToken, openid, { lang: settings.lang, ...(unionid && { unionid }) });
  } catch (error) {
    // WeChat did not say what was granted, so this was how to find out.
    const notGranted = error instanceof WeChatApiError && error.errcode === 48001;
    if (notGranted && settings.userInfo === 'auto' && !granted) return undefined;
    throw error;
  }
}

function fail(code: LoginFailureCode, info?: unknown): Failed {
  const { status, message } = failures[code];
  const text = info instanceof Error ? info.message : info;
  const given = typeof text === 'string' ? { message: text } : info;
  // Copied, so that only what the info itself has can take the place of the text and the code.
  const copy: { message?: string; code?: LoginFailureCode } = { message, code, ...(given as object | undefined) };
  return { failure: { ...copy, message: copy.message ?? message, code: copy.code ?? code }, status };
}

function toClient<Req extends LoginRequest>(options: WeChatCodeStrategyOptions<Req>): ClientOptions<Req>['client'] {
  if (options.client === undefined) return new WeChatClient(options);
  const { appId, appSecret, http }: { appId?: unknown; appSecret?: unknown; http?: unknown } = options;
  if ((appId ?? appSecret ?? http) !== undefined) {
    throw new TypeError('Pass either client, or appId, appSecret and http: the client has them already');
  }
  if (typeof options.client !== 'function') checkClient(options.client);
  return options.client;
}

function checkClient(client: LoginClient): void {
  const given = client as Partial<LoginClient> | undefined;
  if (typeof given?.exchangeCode !== 'function' || typeof given.getUserInfo !== 'function') {
    throw new TypeError('client must be a WeChatClient, or a function that gives one for the request');
  }
}
