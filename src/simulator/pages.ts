import type { AuthorizeProblem, AuthorizeRequest } from './authorize.js';
import { markup, page } from './html.js';
import type { SimulatedUser } from './options.js';

/** The page on which a person picks who to be, or refuses. */
export function consentPage(
  { app, scope }: AuthorizeRequest,
  query: URLSearchParams,
  users: readonly SimulatedUser[],
): Buffer {
  const linkOf = (user: string): string => `?${new URLSearchParams([...query, ['user', user]]).toString()}`;
  const links = users.map(
    (user) => markup`<a href="${linkOf(user.id)}">${user.nickname ?? user.id}${labelOf(user)}</a>`,
  );
  return page(
    '微信登录 WeChat login',
    markup`<h2>${app.name ?? app.appId}</h2>
<p>申请使用你的微信身份登录（${scope}）。请选择以谁的身份登录：<br>
asks to log you in with WeChat (${scope}). Choose who you are:</p>
${links}<a class="refuse" href="${linkOf('')}">拒绝 Refuse</a>`,
  );
}

function labelOf({ snapshot, blocked }: SimulatedUser): string {
  return `${snapshot ? ' · 快照页 snapshot' : ''}${blocked ? ' · 被拦截 blocked' : ''}`;
}

/** WeChat's error page. */
export function errorPage({ code, zh, en }: AuthorizeProblem): Buffer {
  const number = code === undefined ? '' : markup`<p>错误码 Error code: ${String(code)}</p>`;
  return page('无法登录 Cannot log in', markup`<p>${zh}</p><p>${en}</p>${number}`);
}
