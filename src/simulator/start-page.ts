import { pageOf } from './authorize.js';
import { textOf } from './errmsg.js';
import { choices } from './faults.js';
import type { Fault, WaitingFault } from './faults.js';
import { markup, page, pageHeaders } from './html.js';
import type { Content, Markup } from './html.js';
import { scopesOf } from './options.js';
import type { SimulatedApp, SimulatedUser } from './options.js';
import { endpoints } from './rules.js';
import type { IssuedCode } from './rules.js';
import type { Call } from './server.js';

/** What there is to see. The newest codes and calls come first. */
export interface Overview {
  readonly apps: readonly SimulatedApp[];
  readonly users: readonly SimulatedUser[];
  readonly codes: readonly IssuedCode[];
  readonly faults: readonly WaitingFault[];
  readonly calls: readonly (Call & { readonly user: SimulatedUser | undefined })[];
}

/** With `no-referrer`, browsers would send a form without the origin that tells this page from another. */
export const startPageHeaders: Readonly<Record<string, string>> = { ...pageHeaders, 'Referrer-Policy': 'same-origin' };

/** The page that shows what the simulator holds, and from which codes are made and faults are switched. It has no app secret. */
export function startPage({ apps, users, codes, faults, calls }: Overview): Buffer {
  return page(
    '微信登录模拟器 WeChat login simulator',
    markup`<p>把客户端的 baseUrl 指向本服务；网页则把 https://open.weixin.qq.com 换成本服务的地址。<br>
Point the client's baseUrl at this server; a web page goes here in place of https://open.weixin.qq.com.</p>
<div class="columns"><section><h2>应用 Apps</h2>${apps.map((app) => appPart(app, users))}</section>
<div><section id="faults"><h2>故障 Faults</h2>${faultsPart(faults)}</section>
<section><h2>用户 Users</h2>${table(
      ['id', '昵称 nickname', ''],
      users.map(({ id, nickname = '', snapshot, blocked }) => [
        id,
        nickname,
        [snapshot && '快照页 snapshot', blocked && '被拦截 blocked'].filter(Boolean).join(' '),
      ]),
    )}</section></div></div>
<section id="codes"><h2>最近一小时的 code Codes of the last hour</h2>${table(
      ['状态 state', 'code', '应用 app', '用户 user', 'scope'],
      codes.map(({ code, state, app, user, scope }) => [
        stateLabels[state],
        markup`<code>${code}</code>`,
        app.name ?? app.appId,
        user.id,
        scope ?? '',
      ]),
    )}</section>
<section id="calls"><h2>最近的请求 Recent calls</h2><p>最新的在前；重新载入本页即可更新。Newest first; reload the page to see more.</p>${table(
      ['时间 time', '接口 endpoint', '结果 outcome', '应用 app', '用户 user'],
      calls.map(({ time, endpoint, errcode, appId = '', user }) => [
        markup`<time datetime="${time.toISOString()}">${time.toTimeString().slice(0, 8)}</time>`,
        endpoint,
        outcome(errcode),
        apps.find((app) => app.appId === appId)?.name ?? appId,
        user?.id ?? '',
      ]),
    )}</section>`,
    'wide',
  );
}

const stateLabels: Readonly<Record<IssuedCode['state'], Markup>> = {
  fresh: markup`<span class="good">未用 fresh</span>`,
  used: markup`<span class="soft">已用 used</span>`,
  expired: markup`<span class="bad">过期 expired</span>`,
};

function outcome(errcode: number | undefined): Markup {
  if (errcode === undefined) return markup`<span class="bad">没有处理 not processed</span>`;
  return markup`<span class="${errcode === 0 ? 'good' : 'bad'}">${String(errcode)} ${textOf(errcode)}</span>`;
}

function table(heads: readonly string[], rows: readonly (readonly Content[])[]): Markup {
  if (rows.length === 0) return markup`<p>没有 None</p>`;
  const head = heads.map((text) => markup`<th scope="col">${text}</th>`);
  const body = rows.map((cells) => markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`);
  return markup`<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function options(values: readonly string[]): readonly Markup[] {
  return values.map((value) => markup`<option>${value}</option>`);
}

function appPart(app: SimulatedApp, users: readonly SimulatedUser[]): Markup {
  const scopes = scopesOf(app.kind);
  const scopeField = markup`<label>scope <select name="scope">${options(scopes)}</select></label>`;
  const people = users.map(
    ({ id, nickname }) => markup`<option value="${id}">${nickname === undefined ? id : `${id} ${nickname}`}</option>`,
  );
  const authorizePage = pageOf(app);
  const { appId, kind, openPlatform, callbackDomain } = app;
  const details = [kind, appId, openPlatform && `openPlatform ${openPlatform}`, callbackDomain].filter(Boolean);
  return markup`<h3>${app.name ?? appId}</h3><p>${details.join(' · ')}</p>
<form method="post" action="/simulator/codes" class="row"><input type="hidden" name="appId" value="${appId}">
<label>用户 user <select name="user">${people}</select></label>${scopes.length > 1 ? scopeField : ''}
<button>新 code New code</button></form>${
    authorizePage
      ? markup`<details><summary>打开授权页 Open the authorize page</summary>
<form action="${authorizePage}"><input type="hidden" name="appid" value="${appId}">
<label>redirect_uri <input name="redirect_uri" type="url" required value="http://${callbackDomain ?? 'localhost:3000'}/"></label>
<input type="hidden" name="response_type" value="code">${scopeField}
<label>state <input name="state"></label>
<button>打开 Open</button></form></details>`
      : ''
  }`;
}

const errcodes = [
  -1, 40001, 40013, 40029, 40030, 40125, 40163, 40164, 40226, 42001, 42007, 45009, 45011, 48001, 50002,
] as const;
const statuses = [302, 429, 500, 502, 503, 504] as const;

function faultsPart(faults: readonly WaitingFault[]): Markup {
  const waiting = table(
    ['接口 endpoint', '故障 fault', '次数 times', ''],
    faults.map(({ id, endpoint, fault, times }) => [
      endpoint,
      describe(fault),
      times === Infinity ? '∞' : String(times),
      markup`<form method="post" action="/simulator/faults/off"><button name="id" value="${String(id)}">关 Off</button></form>`,
    ]),
  );
  const choice = (value: string, label: string): Markup => markup`<option value="${value}">${label}</option>`;
  return markup`${waiting}
<form method="post" action="/simulator/faults/on">
<div class="row"><label>接口 endpoint <select name="endpoint">${options(['any', ...endpoints])}</select></label>
<label>故障 fault <select name="fault">
<optgroup label="errcode">${errcodes.map((code) => choice(`errcode ${String(code)}`, `${String(code)} ${textOf(code)}`))}
${choice('errcode', '另填 as entered below')}</optgroup>
<optgroup label="HTTP">${statuses.map((status) => choice(`status ${String(status)}`, `HTTP ${String(status)}`))}</optgroup>
<optgroup label="连接 connection">${choices.connection.map((kind) => choice(`connection ${kind}`, kind))}</optgroup>
<optgroup label="答复 answer">${choices.answer.map((kind) => choice(`answer ${kind}`, kind))}</optgroup>
<optgroup label="延迟 delay">${choice('delay', '只是晚到 only late')}</optgroup></select></label></div>
<div class="row"><label>另一个 errcode Another errcode <input name="errcode" type="number" step="1"></label>
<label>延迟毫秒 delay in ms <input name="delay" type="number" min="0" step="1"></label>
<label>次数，空为直到关闭 times, empty for until off <input name="times" type="number" min="1" step="1" value="1"></label></div>
<label><input name="processed" type="checkbox" value="yes">微信仍处理请求（code 被用掉） WeChat acts on the request all the same (the code is spent)</label>
<button>打开 Switch on</button></form>`;
}

function describe(fault: Fault): string {
  return Object.entries(fault)
    .map(([key, value]) => (key === 'delay' ? `${String(value)} ms` : value === true ? key : `${key} ${String(value)}`))
    .join(', ');
}
