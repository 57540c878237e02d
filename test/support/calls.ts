import assert from 'node:assert/strict';

import {
  type AccessToken,
  type CallOptions,
  type Endpoint,
  type HttpOptions,
  WeChatClient,
  WeChatError,
  type WeChatErrorCode,
} from '../../src/index.js';
import type { NamedTransport } from './transports.js';

export const appId = 'wx0123456789abcdef';
export const appSecret = 'app-secret-0123456789';
export const code = 'code-0123456789';
export const accessToken = 'access-token-0123456789';
export const refreshToken = 'refresh-token-0123456789';
export const sessionKey = 'c2Vzc2lvbi1rZXktMDEyMw==';
export const openid = 'oAlice-0123456789';
export const unionid = 'uAlice-0123456789';

/** What WeChat answers to an exchange and a refresh. */
export const tokens = {
  access_token: accessToken,
  expires_in: 7200,
  refresh_token: refreshToken,
  openid,
  scope: 'snsapi_userinfo',
};

/** What WeChat answers to the code of a mini program. */
export const session = { session_key: sessionKey, openid };

export const userInfo = {
  openid,
  nickname: 'Alice',
  sex: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  headimgurl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/abc/132',
  privilege: [],
};

/** One of the client's methods, with arguments that are right and an answer that suits them. */
export interface Method {
  name: 'exchangeCode' | 'codeToSession' | 'getUserInfo' | 'refreshToken' | 'validateToken';
  endpoint: Endpoint;
  call: (client: WeChatClient, options?: CallOptions) => Promise<unknown>;
  good: Readonly<Record<string, unknown>>;
}

/** The methods that spend a code. */
export const exchanges: readonly Method[] = [
  {
    name: 'exchangeCode',
    endpoint: '/sns/oauth2/access_token',
    call: (client, options) => client.exchangeCode(code, options),
    good: tokens,
  },
  {
    name: 'codeToSession',
    endpoint: '/sns/jscode2session',
    call: (client, options) => client.codeToSession(code, options),
    good: session,
  },
];

/** The three methods that change nothing at WeChat. */
export const others: readonly Method[] = [
  {
    name: 'getUserInfo',
    endpoint: '/sns/userinfo',
    call: (client, options) => client.getUserInfo(accessToken, openid, options),
    good: userInfo,
  },
  {
    name: 'refreshToken',
    endpoint: '/sns/oauth2/refresh_token',
    call: (client, options) => client.refreshToken(refreshToken, options),
    good: tokens,
  },
  {
    name: 'validateToken',
    endpoint: '/sns/auth',
    call: (client, options) => client.validateToken(accessToken, openid, options),
    good: { errcode: 0, errmsg: 'ok' },
  },
];

export const methods: readonly Method[] = [...exchanges, ...others];

/** A client with short waits. */
export function clientOf(baseUrl: string | readonly string[], http: Omit<HttpOptions, 'baseUrl'> = {}): WeChatClient {
  return new WeChatClient({ appId, appSecret, http: { baseUrl, timeout: 5_000, retryDelay: 1, ...http } });
}

/** Makes `clientOf` for clients on a transport. */
export function clientsOn(transport: NamedTransport): typeof clientOf {
  return (baseUrl, http) => clientOf(baseUrl, { ...transport.http(), ...http });
}

/** The error that a call ends with. */
export async function failureOf(call: Promise<unknown>): Promise<WeChatError> {
  const outcome = await call.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  );
  assert.ok('error' in outcome, 'the call should have failed');
  if (outcome.error instanceof WeChatError) return outcome.error;
  throw outcome.error;
}

/** All that an error says besides its text. */
export function factsOf(error: WeChatError): { code: WeChatErrorCode } & Record<string, unknown> {
  return { ...Object.fromEntries(Object.entries(error)), name: error.name, code: error.code };
}

/** What a call gave, with its secrets in the open, so that all of it can be compared. */
export function exposed(result: unknown): unknown {
  if (typeof result !== 'object' || result === null) return result;
  return Object.fromEntries(
    Object.entries(result).map(([name, value]: [string, unknown]) => [
      name,
      isSecret(value) ? value.exposeSecret() : value,
    ]),
  );
}

function isSecret(value: unknown): value is Pick<AccessToken, 'exposeSecret'> {
  return typeof value === 'object' && value !== null && 'exposeSecret' in value;
}

/** Does the work for every item, for so many at a time. */
export async function inTurns<T>(
  items: readonly T[],
  crowd: number,
  work: (item: T, n: number) => Promise<unknown>,
): Promise<void> {
  const waiting = items.entries();
  const worker = async (): Promise<void> => {
    for (const [n, item] of waiting) await work(item, n);
  };
  await Promise.all(Array.from({ length: crowd }, worker));
}
