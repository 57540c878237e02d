import { createAuthorizeUrl, WeChatClient } from 'passport-wechat-code';
import { startWeChatSimulator } from 'passport-wechat-code/simulator';

import type { Settings } from './settings.js';

/** WeChat, or something that behaves like it. */
export interface WeChat {
  client: WeChatClient;
  miniProgram: WeChatClient | undefined;
  /** Where it is when it is not WeChat. */
  place: { baseUrl?: string };
  simulated: boolean;
  close: () => Promise<void>;
}

/** Connects to WeChat when an app is set, and to a simulator started for the purpose when none is. */
export async function openWeChat(settings: Settings): Promise<WeChat> {
  const simulator = settings.WECHAT_APP_ID === undefined ? await startWeChatSimulator() : undefined;
  const baseUrl = simulator?.url ?? settings.WECHAT_SIMULATOR_URL;
  const place = baseUrl === undefined ? {} : { baseUrl };
  const http = { timeout: settings.WECHAT_TIMEOUT * 1000, ...place };
  const { WECHAT_APP_ID = '', WECHAT_APP_SECRET = '', WECHAT_MINI_ID, WECHAT_MINI_SECRET = '' } = settings;
  const own = { appId: WECHAT_APP_ID, appSecret: WECHAT_APP_SECRET };
  const ownMini = WECHAT_MINI_ID === undefined ? undefined : { appId: WECHAT_MINI_ID, appSecret: WECHAT_MINI_SECRET };
  const [site, account, miniProgram] = simulator?.apps ?? [own, own, ownMini];
  const app = settings.WECHAT_SCOPE === 'snsapi_login' ? site : account;
  return {
    client: new WeChatClient({ ...app, http }),
    miniProgram: miniProgram && new WeChatClient({ ...miniProgram, http }),
    place,
    simulated: simulator !== undefined,
    close: async () => simulator?.close(),
  };
}

/** Where a browser goes to log in: the scope tells which kind of app this is. */
export function authorizeUrl(wechat: WeChat, scope: Settings['WECHAT_SCOPE'], redirectUri: string, state: string) {
  const options = { appId: wechat.client.appId, redirectUri, state, ...wechat.place };
  if (scope === 'snsapi_login') return createAuthorizeUrl({ ...options, kind: 'website' });
  return createAuthorizeUrl({ ...options, kind: 'official-account', scope });
}
