/**
 * What the code blocks of the documents take for granted: test/support/fragments.ts compiles them with it. Their reader has
 * it, or has imported it in a block before.
 */
import type express from 'express';
import type { PassportStatic } from 'passport';
import type * as library from 'passport-wechat-code';
import type { WeChatSimulator } from 'passport-wechat-code/simulator';

interface User {
  id: string;
  name?: string;
  refreshToken: string;
}

interface WeChatInMiniPrograms {
  login(options: { success(result: { code: string }): void }): void;
  request(options: {
    url: string;
    method: string;
    data: unknown;
    success(result: { statusCode: number; data: { token: string } }): void;
  }): void;
  setStorageSync(key: string, value: string): void;
}

declare global {
  // The package, as it is: a wrong use of it does not compile.
  const AppSecret: typeof library.AppSecret;
  const WeChatClient: typeof library.WeChatClient;
  const WeChatCodeStrategy: typeof library.WeChatCodeStrategy;
  const appId: string;
  const appSecret: string;
  const client: library.WeChatClient;
  const options: library.LoginOptions & library.AppOptions;
  const profile: library.WeChatProfile;
  const tokens: library.TokenResponse;
  const wechat: WeChatSimulator;

  // Express with a session, and Passport.
  const app: express.Express;
  const passport: PassportStatic;
  namespace Express {
    interface User {
      id: string;
      name?: string;
    }
    interface Request {
      session: { wechatState?: string };
    }
  }

  // A browser.
  const history: { replaceState(data: unknown, unused: string, url: string): void };
  const location: { search: string; pathname: string; assign(url: string): void };
  const sessionStorage: Record<'getItem' | 'removeItem', (key: string) => string | null> & {
    setItem(key: string, value: string): void;
  };

  // The reader's own.
  const createAuthorizeUrl: typeof library.createAuthorizeUrl;
  const redirectUri: string;
  const issueJwt: (user: unknown) => string;
  const wx: WeChatInMiniPrograms;
  const redis: {
    get(key: string): Promise<string | null>;
    set(key: string, value: string, options: { EX: number }): Promise<unknown>;
  };
  const sql: (query: TemplateStringsArray, ...values: unknown[]) => Promise<unknown>;
  const store: (user: User, tokens: library.TokenResponse) => Promise<void>;
  const user: User;
  const users: {
    find(key: { appId: string; openid: string } | { unionid: string }): Promise<User | undefined>;
    link(user: User, key: { appId: string; openid: string }): Promise<User>;
    load(id: unknown, callback: (error: Error | null, user?: User) => void): void;
    upsert(profile: library.WeChatProfile): Promise<User>;
    upsert(profile: library.WeChatProfile, callback: (error: Error | null, user?: User) => void): void;
  };
}
