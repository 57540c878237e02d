import assert from 'node:assert/strict';
import { startWeChatSimulator } from '../../src/simulator/index.js';
import type { SimulatedApp, SimulatorOptions, WeChatSimulator } from '../../src/simulator/index.js';

export const website: SimulatedApp = {
  appId: 'wx00000000website',
  appSecret: 'secret-of-website',
  kind: 'website',
  openPlatform: 'ours',
};
export const account: SimulatedApp = {
  appId: 'wx00000000account',
  appSecret: 'secret-of-account',
  kind: 'official-account',
  openPlatform: 'ours',
};
export const mobile: SimulatedApp = { appId: 'wx000000000mobile', appSecret: 'secret-of-mobile', kind: 'mobile' };
export const miniProgram: SimulatedApp = {
  appId: 'wx0000miniprogram',
  appSecret: 'secret-of-mini-program',
  kind: 'mini-program',
  openPlatform: 'ours',
};

export const minute = 60_000;
export const day = 24 * 60 * minute;

const running = new Set<WeChatSimulator>();

/** Starts a simulator that `closeAll` closes. */
export async function start(options: SimulatorOptions = {}): Promise<WeChatSimulator> {
  const wechat = await startWeChatSimulator({ apps: [website, account, mobile, miniProgram], ...options });
  running.add(wechat);
  return wechat;
}

export async function closeAll(): Promise<void> {
  await Promise.all([...running].map((wechat) => wechat.close()));
  running.clear();
}

export type Fields = Readonly<Record<string, unknown>>;
export type Params = Readonly<Record<string, string>>;

/** The address of a call; empty parameters are left out. */
export function address(wechat: WeChatSimulator, path: string, params: Params): string {
  const given = Object.entries(params).filter(([, value]) => value !== '');
  return `${wechat.url}${path}?${new URLSearchParams(given).toString()}`;
}

export async function get(wechat: WeChatSimulator, path: string, params: Params): Promise<Fields> {
  const response = await fetch(address(wechat, path, params));
  assert.equal(response.status, 200);
  return (await response.json()) as Fields;
}

/** The parameters of an exchange. */
export function exchangeOf(code: string, app: SimulatedApp = website): Params {
  return { appid: app.appId, secret: app.appSecret, code, grant_type: 'authorization_code' };
}

export async function exchange(
  wechat: WeChatSimulator,
  code: string,
  app: SimulatedApp = website,
  changes: Params = {},
): Promise<Fields> {
  return get(wechat, '/sns/oauth2/access_token', { ...exchangeOf(code, app), ...changes });
}

/** The parameters of a mini program's login. */
export function sessionOf(jsCode: string, app: SimulatedApp = miniProgram): Params {
  return { appid: app.appId, secret: app.appSecret, js_code: jsCode, grant_type: 'authorization_code' };
}

export async function codeToSession(
  wechat: WeChatSimulator,
  jsCode: string,
  app: SimulatedApp = miniProgram,
  changes: Params = {},
): Promise<Fields> {
  return get(wechat, '/sns/jscode2session', { ...sessionOf(jsCode, app), ...changes });
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly openid: string;
}

/** Logs a user in, and gives the tokens. */
export async function login(
  wechat: WeChatSimulator,
  app: SimulatedApp = website,
  options: { readonly user?: string; readonly scope?: 'snsapi_base' } = {},
): Promise<Tokens & Fields> {
  const fields = await exchange(wechat, wechat.createCode({ appId: app.appId, ...options }), app);
  const { access_token, refresh_token, openid } = fields;
  assert.ok(typeof access_token === 'string' && typeof refresh_token === 'string' && typeof openid === 'string');
  return { ...fields, access_token, refresh_token, openid };
}

export async function refresh(
  wechat: WeChatSimulator,
  refreshToken: string,
  app: SimulatedApp = website,
  changes: Params = {},
): Promise<Fields> {
  const params = { appid: app.appId, grant_type: 'refresh_token', refresh_token: refreshToken, ...changes };
  return get(wechat, '/sns/oauth2/refresh_token', params);
}

export async function userInfo(wechat: WeChatSimulator, { access_token, openid }: Tokens): Promise<Fields> {
  return get(wechat, '/sns/userinfo', { access_token, openid });
}

/** WeChat's errmsg with its request id. */
export function assertRefused(fields: Fields, errcode: number, text: string): void {
  assert.deepEqual(Object.keys(fields), ['errcode', 'errmsg']);
  assert.equal(fields['errcode'], errcode);
  assert.match(String(fields['errmsg']), new RegExp(`^${text},? rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`));
}
