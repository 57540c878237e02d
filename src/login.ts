import { Strategy } from 'passport-strategy';

import type { TokenResponse, WeChatSession } from './answer.js';
import { checkFlag, checkFunction, checkText } from './checks.js';
import { WeChatClient } from './client.js';
import { WeChatError } from './errors.js';
import type { HttpOptions } from './http-options.js';
import { type LoginRequest, readCode } from './login-request.js';
import type { AppId, AppSecret, PlainString } from './newtypes.js';
import type { WeChatProfile } from './profile.js';
import { runVerify, toError, type Verified } from './verify.js';

/** What can be set for every login, whether on the web or in a mini program. */
export interface CommonLoginOptions {
  /** The name for `passport.authenticate`. Default `'wechat-code'`, and `'wechat-miniprogram'` for mini programs. */
  name?: string | undefined;
  /** The field that holds the code, in `req.body` or `req.query`. Default `'code'`. */
  codeField?: string | undefined;
  /** Whether to let in only users who have a unionid. Default false. */
  requireUnionId?: boolean | undefined;
}

/** Options for one app: its id and secret. */
export interface AppOptions {
  /** The id of the app, such as `wx1234567890abcdef`. */
  appId: AppId | PlainString;
  /** The secret of the app. Read it from the environment or a vault, never from the source. */
  appSecret: AppSecret | string;
  /** How to talk to WeChat. */
  http?: HttpOptions | undefined;
  /** Not together with `appId`. */
  client?: undefined;
}

/** Options with a client of one's own, or one chosen for each request: for many apps behind one route. */
export interface ClientOptions<Req extends LoginRequest = LoginRequest, Client = LoginClient> {
  /** The client, or a function that gives the one for a request. What it throws or rejects with is an error of the login. */
  client: Client | ((req: Req) => Client | Promise<Client>);
  /** The client has it already. */
  appId?: undefined;
  /** The client has it already. */
  appSecret?: undefined;
  /** The client has it already. */
  http?: undefined;
}

/** As much of a {@link WeChatClient} as a login on the web needs. */
export type LoginClient = Pick<WeChatClient, 'appId' | 'exchangeCode' | 'getUserInfo'>;

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

/** Who a code belongs to: what `verify` gets. */
export interface Identity {
  credentials: TokenResponse | WeChatSession;
  profile: WeChatProfile;
}

/** What one kind of login does that the others do not. Each of its steps can end the login with the code of a failure. */
export interface LoginKind {
  /** What the strategy is called unless told otherwise. */
  name: string;
  /** The methods of a client that it calls. */
  methods: readonly (keyof WeChatClient)[];
  /** Looks at the request, before WeChat hears of it. */
  admit?: (req: LoginRequest, code: string) => Promise<LoginFailureCode | undefined>;
  /** Asks WeChat whose the code is. */
  identify: (client: WeChatClient, code: string) => Promise<LoginFailureCode | Identity>;
}

interface Settings {
  kind: LoginKind;
  client: WeChatClient | ((req: LoginRequest) => WeChatClient | Promise<WeChatClient>);
  codeField: string;
  requireUnionId: boolean;
  passReqToCallback: boolean;
  verify: (...parameters: unknown[]) => unknown;
}

interface Failed {
  failure: LoginFailure;
  status: number;
}

/** No name that a subclass may have a use for: NestJS injects its services into such names. */
const SETTINGS = Symbol('settings');

type Outcome = { verified: Verified } | Failed | { error: Error };

/** What the strategies share: from the request to exactly one outcome. */
export abstract class LoginStrategy extends Strategy {
  /** The name for `passport.authenticate`. */
  readonly name: string;
  // No #private field: Passport runs a named strategy as Object.create(strategy), which has none.
  private readonly [SETTINGS]: Settings;

  protected constructor(
    kind: LoginKind,
    options: CommonLoginOptions & { passReqToCallback?: boolean | undefined } & (
        AppOptions | ClientOptions<never, object>
      ),
    verify: (...parameters: never[]) => unknown,
  ) {
    super();
    checkFunction('verify', verify);
    const { name = kind.name, codeField = 'code' } = options;
    this.name = checkText('name', name);
    this[SETTINGS] = {
      kind,
      client: toClient(options, kind) as Settings['client'],
      codeField: checkText('codeField', codeField),
      requireUnionId: checkFlag('requireUnionId', options.requireUnionId),
      passReqToCallback: checkFlag('passReqToCallback', options.passReqToCallback),
      verify: verify as Settings['verify'],
    };
  }

  /** Called by Passport. Ends in exactly one of success, fail and error. */
  override authenticate(req: LoginRequest): void {
    // At once, because an instance that is passed to passport.authenticate serves overlapping requests.
    const [success, fail, error] = [this.success.bind(this), this.fail.bind(this), this.error.bind(this)];
    void logIn(this[SETTINGS], req).then((outcome) => {
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
    if (typeof identity === 'string') return fail(identity);
    const { verify, passReqToCallback } = settings;
    const { credentials, profile } = identity;
    const verified = await runVerify(verify, [...(passReqToCallback ? [req] : []), credentials, profile]);
    return verified.user ? { verified } : fail('ERR_WECHAT_NO_USER', verified.info);
  } catch (error) {
    return { error: toError(error) };
  }
}

async function identify(settings: Settings, req: LoginRequest): Promise<LoginFailureCode | Identity> {
  const { kind, codeField, requireUnionId } = settings;
  const code = readCode(req, codeField);
  if (code === 'absent') return 'ERR_WECHAT_CODE_MISSING';
  if (code === 'unusable') return 'ERR_WECHAT_CODE_MALFORMED';
  const refused = await kind.admit?.(req, code.text);
  if (refused !== undefined) return refused;

  const client = typeof settings.client === 'function' ? await settings.client(req) : settings.client;
  checkClient(client, kind);
  try {
    const identity = await kind.identify(client, code.text);
    if (typeof identity === 'string') return identity;
    return requireUnionId && identity.profile.unionid === undefined ? 'ERR_WECHAT_NO_UNIONID' : identity;
  } catch (error) {
    if (error instanceof WeChatError && Object.hasOwn(failures, error.code)) return error.code as LoginFailureCode;
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

function toClient(options: AppOptions | ClientOptions<never, object>, kind: LoginKind): unknown {
  if (options.client === undefined) return new WeChatClient(options);
  const { appId, appSecret, http }: { appId?: unknown; appSecret?: unknown; http?: unknown } = options;
  if ((appId ?? appSecret ?? http) !== undefined) {
    throw new TypeError('Pass either client, or appId, appSecret and http: the client has them already');
  }
  if (typeof options.client !== 'function') checkClient(options.client, kind);
  return options.client;
}

function checkClient(client: unknown, { methods }: LoginKind): void {
  const given = client as Partial<WeChatClient> | null | undefined;
  if (methods.some((method) => typeof given?.[method] !== 'function')) {
    throw new TypeError('client must be a WeChatClient, or a function that gives one for the request');
  }
}
