import { WeChatClient } from 'passport-wechat-code';
import { startWeChatSimulator } from 'passport-wechat-code/simulator';

import type { Settings } from './settings.js';

/** WeChat, or something that behaves like it. */
export interface WeChat {
  client: WeChatClient;
  /** Where `/connect/...` pages are. */
  pages: string;
  simulated: boolean;
  close: () => Promise<void>;
}

/** Connects to WeChat when an app is set, and to a simulator started for the purpose when none is. */
export async function openWeChat(settings: Settings): Promise<WeChat> {
  const { WECHAT_APP_ID: appId, WECHAT_APP_SECRET: appSecret, WECHAT_SIMULATOR_URL: baseUrl } = settings;
  if (appId !== undefined && appSecret !== undefined) {
    const http = { timeout: settings.WECHAT_TIMEOUT * 1000, ...(baseUrl !== undefined && { baseUrl }) };
    const client = new WeChatClient({ appId, appSecret, http });
    return { client, pages: baseUrl ?? 'https://open.weixin.qq.com', simulated: false, close: () => Promise.resolve() };
  }
  const simulator = await startWeChatSimulator();
  const client = new WeChatClient({ ...simulator.apps[0], http: { baseUrl: simulator.url } });
  return { client, pages: simulator.url, simulated: true, close: () => simulator.close() };
}

/**
 * Where a browser goes to log in. WeChat checks the order of the parameters, and insists on the fragment.
 *
 * @see https://developers.weixin.qq.com/doc/oplatform/Website_App/WeChat_Login/Wechat_Login.html
 */
export function authorizeUrl({ client, pages }: WeChat, scope: string, redirectUri: string, state: string): string {
  const page = scope === 'snsapi_login' ? 'connect/qrconnect' : 'connect/oauth2/authorize';
  const { appId: appid } = client;
  const query = new URLSearchParams({ appid, redirect_uri: redirectUri, response_type: 'code', scope, state });
  return `${pages}/${page}?${query.toString()}#wechat_redirect`;
}
