import type { WeChatSession } from './answer.js';
import { checkAbsent, checkObject } from './checks.js';
import type { WeChatClient } from './client.js';
import {
  type AppOptions,
  type ClientOptions,
  type CommonLoginOptions,
  type LoginKind,
  LoginStrategy,
} from './login.js';
import type { LoginRequest } from './login-request.js';
import { toProfile, type WeChatProfile } from './profile.js';
import type { Done } from './verify.js';

/**
 * Decides who the user is and what is stored. Calls `done`, or returns a promise of the user, whichever you like. The
 * session key is for your server alone: never answer with it.
 */
export type VerifySession = (session: WeChatSession, profile: WeChatProfile, done: Done) => void | PromiseLike<unknown>;

/** A {@link VerifySession} that gets the request first: for `passReqToCallback: true`. */
export type VerifySessionWithRequest<Req extends LoginRequest = LoginRequest> = (
  req: Req,
  session: WeChatSession,
  profile: WeChatProfile,
  done: Done,
) => void | PromiseLike<unknown>;

/** As much of a {@link WeChatClient} as a login in a mini program needs. */
export type SessionClient = Pick<WeChatClient, 'appId' | 'codeToSession'>;

/** The options of a {@link WeChatMiniProgramStrategy}. */
export type WeChatMiniProgramStrategyOptions<Req extends LoginRequest = LoginRequest> = CommonLoginOptions &
  (AppOptions | ClientOptions<Req, SessionClient>);

const miniProgramLogin: LoginKind = {
  name: 'wechat-miniprogram',
  methods: ['codeToSession'],
  async identify(client, code) {
    const session = await client.codeToSession(code);
    return { credentials: session, profile: toProfile(client.appId, session) };
  },
};

/**
 * Logs in whoever brings the code that a mini program or a mini game got from `wx.login`, in `req.body` or `req.query`.
 *
 * ```ts
 * passport.use(new WeChatMiniProgramStrategy({ appId, appSecret }, async (session, profile) => users.upsert(profile)));
 * app.post('/auth/miniprogram', passport.authenticate('wechat-miniprogram', { session: false }), issueJwt);
 * ```
 *
 * The profile has ids only: name and avatar are what the user types into the mini program. Logins fail and end in errors
 * as those of a {@link WeChatCodeStrategy} do.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/login.html
 */
export class WeChatMiniProgramStrategy<Req extends LoginRequest = LoginRequest> extends LoginStrategy {
  /**
   * @param options - With `passReqToCallback: true`, `verify` gets the request first. Default false.
   * @param verify - Says who the user is.
   * @throws TypeError when an option is missing or wrong.
   */
  constructor(
    options: WeChatMiniProgramStrategyOptions<Req> & { passReqToCallback?: false | undefined },
    verify: VerifySession,
  );
  constructor(
    options: WeChatMiniProgramStrategyOptions<Req> & { passReqToCallback: true },
    verify: VerifySessionWithRequest<Req>,
  );
  constructor(
    options: WeChatMiniProgramStrategyOptions<Req> & { passReqToCallback?: boolean | undefined },
    verify: VerifySession | VerifySessionWithRequest<Req>,
  ) {
    checkObject('options', options);
    checkAbsent(options, ['verifyState', 'userInfo', 'lang', 'allowSnapshotUser'], 'mini programs');
    super(miniProgramLogin, options, verify);
  }
}
