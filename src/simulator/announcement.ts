import { pageOf } from './authorize.js';
import type { SimulatedApp } from './options.js';
import type { WeChatSimulator } from './simulator.js';

/** What the command line says of a simulator that has started: where it is, what it knows, and how to point a client and a page at it. */
export function announcementOf(wechat: WeChatSimulator): string {
  const { url, apps, users } = wechat;
  return `A simulator of WeChat's login, for development only, is at ${url}

  start page   ${url}/  (codes, recent calls, faults)
  back end     new WeChatClient({ appId, appSecret, http: { baseUrl: '${url}' } })
  web page     go to ${url}/connect/... in place of https://open.weixin.qq.com/connect/...

${apps.map((app) => describeApp(wechat, app)).join('\n')}
users: ${users.map(({ id }) => id).join(', ')}

Ctrl+C stops it.`;
}

function describeApp(wechat: WeChatSimulator, app: SimulatedApp): string {
  const { appId, appSecret, kind, callbackDomain } = app;
  const redirectUri = callbackDomain === undefined ? 'http://localhost:3000/' : `http://${callbackDomain}/`;
  const login = pageOf(app)
    ? `authorize    ${wechat.authorizeUrl({ appId, redirectUri, state: 'state' })}`
    : `code         make one on the start page, as ${kind === 'mobile' ? "WeChat's SDK" : 'wx.login'} would`;
  return `${kind} ${app.name ?? ''}\n  appId        ${appId}\n  appSecret    ${appSecret}\n  ${login}\n`;
}
