import type { TokenResponse, UserInfo } from './answer.js';
import { checkChoice, checkFlag, checkFunction, checkObject } from './checks.js';
import { checkLang, type Lang } from './client.js';
import { WeChatApiError } from './errors.js';
import {
  type AppOptions,
  type ClientOptions,
  type CommonLoginOptions,
  type LoginClient,
  type LoginKind,
  LoginStrategy,
} from './login.js';
import { type LoginRequest, readField } from './login-request.js';
import { toProfile, type WeChatProfile } from './profile.js';
import type { Done } from './verify.js';

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
export interface LoginOptions<Req extends LoginRequest = LoginRequest> extends CommonLoginOptions {
  /**
   * Whether to fetch name and avatar. `'auto'`: when the user granted it (`snsapi_userinfo` or `snsapi_login`).
   * `'always'`: and fail the login when there is none. `'never'`: openid and unionid are enough. Default `'auto'`.
   */
  userInfo?: 'auto' | 'always' | 'never' | undefined;
  /** The language of the user info. Default `'zh_CN'`. */
  lang?: Lang | undefined;
  /** Whether to let in virtual users of snapshot pages (快照页), whose ids are not real. Default false: 403. */
  allowSnapshotUser?: boolean | undefined;
  /**
   * Whether `state` is the one that this browser was given: a login in a browser needs it, or a stranger's code can be
   * slipped in. Gets the empty string when the request has none. Anything but true fails the login with 403.
   */
  verifyState?: ((req: Req, state: string) => boolean | Promise<boolean>) | undefined;
}

/** The options of a {@link WeChatCodeStrategy}. */
export type WeChatCodeStrategyOptions<Req extends LoginRequest = LoginRequest> = LoginOptions<Req> &
  (AppOptions | ClientOptions<Req>);

/**
 * Logs in whoever brings the code of an official account, a website or a mobile app, in `req.body` or `req.query`.
 *
 * ```ts
 * passport.use(new WeChatCodeStrategy({ appId, appSecret }, async (tokens, profile) => users.upsert(profile)));
 * app.post('/auth/wechat', passport.authenticate('wechat-code', { session: false }), issueJwt);
 * ```
 *
 * A login that the visitor got wrong fails with 400, 401 or 403 and a {@link LoginFailure}. Whatever is the operator's,
 * WeChat's or the network's fault is an error with a `status` of 500, 502, 503 or 504.
 */
export class WeChatCodeStrategy<Req extends LoginRequest = LoginRequest> extends LoginStrategy {
  /**
   * @param options - With `passReqToCallback: true`, `verify` gets the request first. Default false.
   * @param verify - Says who the user is.
   * @throws TypeError when an option is missing or wrong.
   */
  constructor(options: WeChatCodeStrategyOptions<Req> & { passReqToCallback?: false | undefined }, verify: Verify);
  constructor(options: WeChatCodeStrategyOptions<Req> & { passReqToCallback: true }, verify: VerifyWithRequest<Req>);
  constructor(
    options: WeChatCodeStrategyOptions<Req> & { passReqToCallback?: boolean | undefined },
    verify: Verify | VerifyWithRequest<Req>,
  ) {
    super(webLogin(options), options, verify);
  }
}

interface Settings {
  userInfo: 'auto' | 'always' | 'never';
  lang: Lang;
  allowSnapshotUser: boolean;
  verifyState: ((req: LoginRequest, state: string) => unknown) | undefined;
}

function webLogin<Req extends LoginRequest>(options: LoginOptions<Req>): LoginKind {
  checkObject('options', options);
  const { userInfo = 'auto', verifyState } = options;
  if (verifyState !== undefined) checkFunction('verifyState', verifyState);
  const settings: Settings = {
    userInfo: checkChoice('userInfo', userInfo, ['auto', 'always', 'never']),
    lang: checkLang(options.lang),
    allowSnapshotUser: checkFlag('allowSnapshotUser', options.allowSnapshotUser),
    verifyState: verifyState as Settings['verifyState'],
  };
  return {
    name: 'wechat-code',
    methods: ['exchangeCode', 'getUserInfo'],
    async admit(req, code) {
      if (!(await isStateRight(settings, req))) return 'ERR_WECHAT_WRONG_STATE';
      // What WeChat sends in place of a code when the user says no.
      return code === 'authdeny' ? 'ERR_WECHAT_LOGIN_REFUSED' : undefined;
    },
    async identify(client, code) {
      const tokens = await client.exchangeCode(code);
      if (tokens.isSnapshotUser && !settings.allowSnapshotUser) return 'ERR_WECHAT_SNAPSHOT_USER';
      const userInfo = await fetchUserInfo(settings, client, tokens);
      return { credentials: tokens, profile: toProfile(client.appId, tokens, userInfo) };
    },
  };
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
