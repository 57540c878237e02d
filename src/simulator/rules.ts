import { createHash, randomBytes, randomInt } from 'node:crypto';
import { errmsgOf } from './errmsg.js';
import { ExpiringMap } from './expiring-map.js';
import type { Scope, SimulatedApp, SimulatedUser } from './options.js';

/** The calls of WeChat's login. */
export const endpoints: readonly Endpoint[] = ['access_token', 'refresh_token', 'userinfo', 'auth', 'jscode2session'];

/**
 * The calls of WeChat's login: `/sns/oauth2/access_token`, `/sns/oauth2/refresh_token`, `/sns/userinfo`, `/sns/auth`, and
 * for mini programs `/sns/jscode2session`.
 */
export type Endpoint = 'access_token' | 'refresh_token' | 'userinfo' | 'auth' | 'jscode2session';

/** What WeChat decided, before it becomes HTTP. `appId` and `openid` are there as far as WeChat recognised them. */
export interface Answer {
  readonly errcode: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly appId?: string;
  readonly openid?: string;
}

/** What a code stands for. */
interface Permission {
  readonly app: SimulatedApp;
  readonly user: SimulatedUser;
  /** None in a mini program. */
  readonly scope: Scope | undefined;
}

interface Code extends Permission {
  readonly expiresAt: number;
  used: boolean;
}

/** A code as the start page shows it. */
export interface IssuedCode extends Permission {
  readonly code: string;
  readonly state: 'fresh' | 'used' | 'expired';
}

interface Grant extends Permission {
  readonly openid: string;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: number;
  accessToken: string;
  accessTokenExpiresAt: number;
}

type Who = Pick<Answer, 'appId' | 'openid'>;

const minute = 60_000;
const day = 24 * 60 * minute;
const codeLifetime = 5 * minute;
/** How long a code is shown after it was made. */
const codeRemembered = 60 * minute;
const expiresIn = 7200;
const refreshTokenLifetime = 30 * day;
const codeCharacters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The rules and the memory of WeChat's login, without HTTP. Everything is decided synchronously, so a code is spent once. */
export class WeChatRules {
  readonly #apps: ReadonlyMap<string, SimulatedApp>;
  readonly #users: readonly SimulatedUser[];
  readonly #now: () => number;
  readonly #codes = new ExpiringMap<Code>();
  readonly #accessTokens = new ExpiringMap<Grant>();
  readonly #refreshTokens = new ExpiringMap<Grant>();

  constructor(apps: readonly SimulatedApp[], users: readonly SimulatedUser[], now: () => number) {
    this.#apps = new Map(apps.map((app) => [app.appId, app]));
    this.#users = users;
    this.#now = now;
  }

  /** A code as the authorize page or `wx.login` hands out: 32 letters and digits, five minutes, once, for this app only. */
  createCode(app: SimulatedApp, user: SimulatedUser, scope: Scope | undefined): string {
    const code = Array.from({ length: 32 }, () => codeCharacters[randomInt(codeCharacters.length)]).join('');
    const now = this.#now();
    this.#codes.set(code, { app, user, scope, used: false, expiresAt: now + codeLifetime }, now + codeRemembered, now);
    return code;
  }

  /** The codes of the last hour, newest first. */
  listCodes(): readonly IssuedCode[] {
    const now = this.#now();
    return this.#codes.list(now).map(([code, { app, user, scope, used, expiresAt }]) => {
      const state = used ? 'used' : expiresAt > now ? 'fresh' : 'expired';
      return { code, app, user, scope, state };
    });
  }

  /** The person with this openid at this app, if both are known. */
  findUser({ appId, openid }: { readonly [Key in keyof Who]-?: Who[Key] | undefined }): SimulatedUser | undefined {
    return appId === undefined ? undefined : this.#users.find((user) => openidOf(appId, user.id) === openid);
  }

  /** What WeChat answers, and whatever comes with it: a code spent, a token issued. */
  answer(endpoint: Endpoint, method: string, query: URLSearchParams): Answer {
    // Parameters in a body do not count: such a POST lacks its first parameter, and that is what WeChat complains of.
    const first = endpoint === 'userinfo' || endpoint === 'auth' ? 'access_token' : 'appid';
    if (method !== 'GET' && query.get(first)) {
      return this.answerErrcode(43001);
    }
    switch (endpoint) {
      case 'access_token':
        return this.#spendCode(query, 'code', (permission) => this.#grant(permission));
      case 'jscode2session':
        return this.#spendCode(query, 'js_code', (permission) => startSession(permission));
      case 'refresh_token':
        return this.#refresh(query);
      case 'userinfo':
        return this.#withGrant(query, (grant) => this.#userInfo(grant));
      case 'auth':
        return this.#withGrant(query, (grant) => this.answerErrcode(0, whoIs(grant)));
    }
  }

  /** An answer that is nothing but an errcode and its text; 0 is "ok". */
  answerErrcode(errcode: number, who: Who = {}): Answer {
    return { errcode, fields: { errcode, errmsg: errmsgOf(errcode, this.#now()) }, ...who };
  }

  /** The openid of somebody else at the same app. */
  anotherOpenid({ appId = '', openid }: Answer): string {
    const openids = this.#users.map((user) => openidOf(appId, user.id));
    return openids.find((other) => other !== openid) ?? openidOf(appId, 'somebody else');
  }

  #spendCode(query: URLSearchParams, name: 'code' | 'js_code', answer: (permission: Permission) => Answer): Answer {
    const appId = query.get('appid');
    if (!appId) return this.answerErrcode(41002);
    const app = this.#apps.get(appId);
    if (!app) return this.answerErrcode(40013);
    const secret = query.get('secret');
    if (!secret) return this.answerErrcode(41004, { appId });
    if (secret !== app.appSecret) return this.answerErrcode(40125, { appId });
    if (query.get('grant_type') !== 'authorization_code') return this.answerErrcode(40002, { appId });
    const code = query.get(name);
    if (!code) return this.answerErrcode(41008, { appId });
    // Each endpoint knows the codes of its own kind of app only.
    if ((name === 'js_code') !== (app.kind === 'mini-program')) return this.answerErrcode(40029, { appId });
    // An expired code is 40029 like one that never was: that is what WeChat is seen to answer; 42003 only its documents have.
    const now = this.#now();
    const permission = this.#codes.get(code, now);
    if (permission?.app !== app || permission.expiresAt <= now) return this.answerErrcode(40029, { appId });
    if (permission.used) return this.answerErrcode(40163, { appId });
    if (permission.user.blocked) return this.answerErrcode(40226, { appId });
    permission.used = true;
    return answer(permission);
  }

  #grant({ app, user, scope }: Permission): Answer {
    const now = this.#now();
    const grant: Grant = {
      app,
      user,
      scope,
      openid: openidOf(app.appId, user.id),
      accessToken: createToken(),
      accessTokenExpiresAt: now + expiresIn * 1000,
      refreshToken: createToken(),
      refreshTokenExpiresAt: now + refreshTokenLifetime,
    };
    this.#accessTokens.set(grant.accessToken, grant, now + refreshTokenLifetime, now);
    // Remembered for longer than it works, to tell an expired refresh token (42002) from one that never was (40030).
    this.#refreshTokens.set(grant.refreshToken, grant, now + 2 * refreshTokenLifetime, now);
    const fields = {
      access_token: grant.accessToken,
      expires_in: expiresIn,
      refresh_token: grant.refreshToken,
      openid: grant.openid,
      scope,
      ...(user.snapshot && { is_snapshotuser: 1 }),
      ...unionidOf(grant),
    };
    return { errcode: 0, fields, ...whoIs(grant) };
  }

  #refresh(query: URLSearchParams): Answer {
    const appId = query.get('appid');
    if (!appId) return this.answerErrcode(41002);
    const app = this.#apps.get(appId);
    if (!app) return this.answerErrcode(40013);
    if (query.get('grant_type') !== 'refresh_token') return this.answerErrcode(40002, { appId });
    const refreshToken = query.get('refresh_token');
    if (!refreshToken) return this.answerErrcode(41003, { appId });
    const now = this.#now();
    const grant = this.#refreshTokens.get(refreshToken, now);
    if (grant?.app !== app) return this.answerErrcode(40030, { appId });
    if (grant.refreshTokenExpiresAt <= now) return this.answerErrcode(42002, whoIs(grant));
    // An access token that still works is renewed, an expired one is replaced; the refresh token stays and is never renewed.
    if (grant.accessTokenExpiresAt <= now) grant.accessToken = createToken();
    grant.accessTokenExpiresAt = now + expiresIn * 1000;
    this.#accessTokens.set(grant.accessToken, grant, now + refreshTokenLifetime, now);
    const withBase = app.kind === 'official-account' && grant.scope === 'snsapi_userinfo';
    const fields = {
      openid: grant.openid,
      access_token: grant.accessToken,
      expires_in: expiresIn,
      refresh_token: grant.refreshToken,
      scope: `${withBase ? 'snsapi_base,' : ''}${grant.scope},`,
    };
    return { errcode: 0, fields, ...whoIs(grant) };
  }

  #withGrant(query: URLSearchParams, answer: (grant: Grant) => Answer): Answer {
    const accessToken = query.get('access_token');
    if (!accessToken) return this.answerErrcode(41001);
    const openid = query.get('openid');
    if (!openid) return this.answerErrcode(41009);
    const grant = this.#accessTokens.get(accessToken, this.#now());
    if (!grant) return this.answerErrcode(40001);
    const replaced = grant.accessToken !== accessToken;
    if (replaced || grant.accessTokenExpiresAt <= this.#now()) return this.answerErrcode(42001, whoIs(grant));
    if (openid !== grant.openid) return this.answerErrcode(40003, whoIs(grant));
    return answer(grant);
  }

  #userInfo(grant: Grant): Answer {
    if (grant.scope === 'snsapi_base') return this.answerErrcode(48001, whoIs(grant));
    const { user, openid } = grant;
    // Nothing about a snapshot user is real.
    const profile: SimulatedUser = user.snapshot ? { id: user.id, nickname: '微信用户' } : user;
    const fields = {
      openid,
      nickname: profile.nickname ?? profile.id,
      sex: profile.sex ?? 0,
      language: profile.language ?? '',
      city: profile.city ?? '',
      province: profile.province ?? '',
      country: profile.country ?? '',
      headimgurl: profile.headimgurl ?? '',
      privilege: profile.privilege ?? [],
      ...unionidOf(grant),
    };
    return { errcode: 0, fields, ...whoIs(grant) };
  }
}

/** WeChat leaves `errcode` out when it succeeds, whatever its documents show. */
function startSession(permission: Permission): Answer {
  const { app, user } = permission;
  const openid = openidOf(app.appId, user.id);
  const fields = { session_key: randomBytes(16).toString('base64'), openid, ...unionidOf(permission) };
  return { errcode: 0, fields, appId: app.appId, openid };
}

function whoIs({ app, openid }: Grant): Who {
  return { appId: app.appId, openid };
}

function openidOf(appId: string, userId: string): string {
  return identifier('openid', appId, userId);
}

function unionidOf({ app, user, scope }: Permission): { unionid?: string } {
  if (app.openPlatform === undefined || scope === 'snsapi_base') return {};
  return { unionid: identifier('unionid', app.openPlatform, user.id) };
}

/** 28 characters of [A-Za-z0-9_-] that begin with an o, as WeChat's do; the same parts always give the same ones. */
function identifier(...parts: readonly string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
  return `o${digest.slice(0, 27)}`;
}

function createToken(): string {
  return `55_${randomBytes(60).toString('base64url')}`;
}
