import { scopesOf } from './options.js';
import type { AppKind, Scope, SimulatedApp } from './options.js';

/** The page of official accounts, and the one with the QR code of websites. */
export type AuthorizePage = '/connect/oauth2/authorize' | '/connect/qrconnect';

/** A right request for an authorize page. */
export interface AuthorizeRequest {
  readonly app: SimulatedApp;
  readonly redirectUri: URL;
  readonly scope: Scope;
  readonly state: string;
}

/** Why WeChat shows an error page; with the number it prints there, if it has one. */
export interface AuthorizeProblem {
  readonly code?: number;
  readonly zh: string;
  readonly en: string;
}

const order = ['appid', 'redirect_uri', 'response_type', 'scope', 'state'];

const pages: Readonly<Partial<Record<AppKind, AuthorizePage>>> = {
  'official-account': '/connect/oauth2/authorize',
  website: '/connect/qrconnect',
};

/** The page of an app of this kind. Mobile apps and mini programs have none: they get their codes from WeChat's SDK. */
export function pageOf({ kind }: SimulatedApp): AuthorizePage | undefined {
  return pages[kind];
}

/** Checks a request as WeChat's pages do. */
export function checkAuthorizeRequest(
  page: AuthorizePage,
  query: URLSearchParams,
  apps: readonly SimulatedApp[],
): AuthorizeRequest | { readonly problem: AuthorizeProblem } {
  const inOfficialAccount = page === '/connect/oauth2/authorize';
  const places = [...query.keys()].map((name) => order.indexOf(name)).filter((place) => place !== -1);
  // WeChat matches the address of this page against a pattern, so the order counts. Of the QR page nothing like it is known.
  if (inOfficialAccount && places.some((place, index) => place < (places[index - 1] ?? 0))) {
    return refuse('链接参数顺序错误', `the parameters must come in the order ${order.join(', ')}`);
  }
  const appId = query.get('appid');
  if (!appId) return refuse('appid 参数为空', 'appid is missing', 10012);
  const app = apps.find((candidate) => candidate.appId === appId);
  if (!app) return refuse('AppID 参数错误', 'no app has this appid');
  if (pageOf(app) !== page) {
    return inOfficialAccount
      ? refuse('不支持开放平台 AppID,请使用公众号 AppID', 'this page is for official accounts, not for this app', 10016)
      : refuse('AppID 参数错误', 'this page is for websites, not for this app');
  }
  const redirectUri = query.get('redirect_uri');
  if (!redirectUri) return refuse('redirect_uri 参数为空', 'redirect_uri is missing', 10011);
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    return refuse('redirect_uri 参数错误', 'redirect_uri must be an absolute http or https address', 10003);
  }
  if (app.callbackDomain !== undefined && url.hostname !== app.callbackDomain) {
    return refuse('redirect_uri 域名与后台配置不一致', `redirect_uri must be on the host ${app.callbackDomain}`, 10003);
  }
  if (query.get('response_type') !== 'code') {
    return refuse('response_type 参数错误', 'response_type must be "code"');
  }
  const wanted = query.get('scope');
  if (!wanted) return refuse('scope 参数为空', 'scope is missing', 10010);
  const scope = scopesOf(app.kind).find((candidate) => candidate === wanted);
  if (!scope) {
    return refuse('scope 参数错误或没有 scope 权限', `scope must be ${scopesOf(app.kind).join(' or ')}`, 10005);
  }
  const state = query.get('state') ?? '';
  if (inOfficialAccount && !/^[a-zA-Z0-9]{0,128}$/.test(state)) {
    return refuse('state 参数错误', 'state must be at most 128 letters and digits');
  }
  return { app, redirectUri: url, scope, state };
}

function refuse(zh: string, en: string, code?: number): { readonly problem: AuthorizeProblem } {
  return { problem: code === undefined ? { zh, en } : { zh, en, code } };
}

/** Where the browser is sent with a code. It goes before the fragment and after a query of the application's own. */
export function callbackUrl({ redirectUri, state }: AuthorizeRequest, code: string): string {
  const [address = '', ...fragment] = redirectUri.href.split('#');
  const separator = !address.includes('?') ? '?' : /[?&]$/.test(address) ? '' : '&';
  const query = `code=${encodeURIComponent(code)}&state=${encodeURIComponent(state)}`;
  return [`${address}${separator}${query}`, ...fragment].join('#');
}
