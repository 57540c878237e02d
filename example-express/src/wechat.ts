import { createAuthorizeUrl, WeChatClient } from 'passport-wechat-code';
import { startWeChatSimulator } from 'passport-wechat-code/simulator';

import type { Settings } from './settings.js';

/** WeChat, or something that behaves like it. */
export interface WeChat {
  client: WeChatClient;
  /** Where it is when it is not WeChat. */
  place: { baseUrl?: string };
  simulated: boolean;
  close: () => Promise<void>;
}

/** Connects to WeChat when an app is set, and to a simulator started for the purpose when none is. */
export async function openWeChat(settings: Settings): Promise<WeChat> {
  const { WECHAT_APP_ID: appId, WECHAT_APP_SECRET: appSecret, WECHAT_SIMULATOR_URL: baseUrl } = settings;
  if (appId !== undefined && appSecret !== undefined) {
    const place = baseUrl === undefined ? {} : { baseUrl };
    const client = new WeChatClient({ appId, appSecret, http: { timeout: settings.WECHAT_TIMEOUT * 1000, ...place } });
    return { client, place, simulated: false, close: () => Promise.resolve() };
  }
  const simulator = await startWeChatSimulator();
  const place = { baseUrl: simulator.url };
  const client = new WeChatClient({ ...simulator.apps[0], http: place });
  return { client, place, simulated: true, close: () => simulator.close() };
}

/** Where a browser goes to log in: the scope tells which kind of app this is. */
export function authorizeUrl(wechat: WeChat, scope: Settings['WECHAT_SCOPE'], redirectUri: string, state: string) {
  const options = { appId: wechat.client.appId, redirectUri, state, ...wechat.place };
  if (scope === 'snsapi_login') return createAuthorizeUrl({ ...options, kind: 'website' });
  return createAuthorizeUrl({ ...options, kind: 'official-account', scope });
}
