import { createHash } from 'node:crypto';
import { pageOf } from './authorize.js';
import type { AuthorizeProblem, AuthorizeRequest } from './authorize.js';
import { scopesOf } from './options.js';
import type { SimulatedApp, SimulatedUser } from './options.js';

/** Text that is HTML already. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Content = string | Markup | readonly Markup[];

/** HTML with its values escaped, as names, addresses and states come from strangers. Only what is markup already stays as it is. */
function markup(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const texts = values.map((value) =>
    typeof value === 'string'
      ? escape(value)
      : [value]
          .flat()
          .map(({ text }) => text)
          .join(''),
  );
  return new Markup(String.raw({ raw: strings }, ...texts));
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${String(character.charCodeAt(0))};`);
}

const style = new Markup(
  `body{margin:0;background:#ededed;color:#191919;font:17px/1.5 system-ui,sans-serif}
main{box-sizing:border-box;max-width:26rem;min-height:100vh;margin:auto;padding:1.5rem;background:#fff}
h1{font-size:1.25rem}h2{font-size:1rem}p,label{color:#666;font-size:.9rem;overflow-wrap:anywhere}
a,button{display:block;box-sizing:border-box;width:100%;margin:.6rem 0;padding:.75rem;border:0;border-radius:.5rem;
background:#067a3d;color:#fff;font:inherit;text-align:center;text-decoration:none;overflow-wrap:anywhere}
a.refuse{background:#f2f2f2;color:#c33}a:focus,button:focus{outline:3px solid #191919}
input,select{display:block;box-sizing:border-box;width:100%;margin:.25rem 0 .75rem;padding:.5rem;font:inherit}`,
);

/** The headers of every page: no script, no picture, no frame, no other site, nothing kept. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style.text).digest('base64')}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

function page(title: string, content: Markup): Buffer {
  const document = markup`<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title><style>${style}</style></head>
<body><main><h1>${title}</h1>${content}<p>模拟微信,仅供开发测试。This is a simulator for development, not WeChat.</p></main></body>
</html>
`;
  return Buffer.from(document.text);
}

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
<p>申请使用你的微信身份登录(${scope})。请选择以谁的身份登录:<br>
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

/** The page that says what this server is, with a form for each app that has an authorize page. */
export function homePage(apps: readonly SimulatedApp[]): Buffer {
  const forms = apps.map((app) => {
    const action = pageOf(app);
    if (!action) return markup``;
    const scopes = scopesOf(app.kind).map((scope) => markup`<option>${scope}</option>`);
    return markup`<form action="${action}"><h2>${app.name ?? app.appId}</h2>
<input type="hidden" name="appid" value="${app.appId}">
<label>redirect_uri <input name="redirect_uri" type="url" required value="http://localhost:3000/"></label>
<input type="hidden" name="response_type" value="code">
<label>scope <select name="scope">${scopes}</select></label>
<label>state <input name="state"></label>
<button>打开授权页 Open the authorize page</button></form>`;
  });
  return page(
    '微信登录模拟器 WeChat login simulator',
    markup`<p>把客户端的 baseUrl 指向本服务,或在此打开授权页。<br>
Point the client's baseUrl at this server, or open an authorize page here.</p>${forms}`,
  );
}
