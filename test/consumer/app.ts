/** An application as a user writes it. test/package.test.ts compiles it against the packed package. */
import { subscribe } from 'node:diagnostics_channel';

import express, { type ErrorRequestHandler } from 'express';
import passport from 'passport';
import {
  type AccessToken,
  type AppId,
  AppSecret,
  type HttpOptions,
  type OpenId,
  type SessionKey,
  type TokenResponse,
  type UnionId,
  type UserInfo,
  type Transport,
  WeChatApiError,
  WeChatClient,
  WeChatCodeStrategy,
  WeChatError,
  WeChatMiniProgramStrategy,
  WeChatNetworkError,
  type WeChatProfile,
  WeChatResponseError,
  type WeChatCall,
  type WeChatSession,
  createAuthorizeUrl,
  createState,
  exposeTokens,
  wechatCallChannel,
} from 'passport-wechat-code';
import { startWeChatSimulator } from 'passport-wechat-code/simulator';
import { undiciTransport } from 'passport-wechat-code/undici';

interface Account {
  appId: string;
  openid: string;
  unionid?: string | undefined;
  name: string;
  tokens: string;
}

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- how Passport's types let an application say what a user is
  namespace Express {
    interface User {
      openid: string;
    }
  }
}

const accounts = new Map<string, Account>();

async function findOrCreate(tokens: TokenResponse, profile: WeChatProfile): Promise<Account> {
  const account: Account = {
    appId: profile.appId,
    openid: profile.openid,
    unionid: profile.unionid,
    name: profile.displayName ?? 'WeChat user',
    tokens: JSON.stringify(exposeTokens(tokens)),
  };
  accounts.set(`${account.appId}/${account.openid}`, account);
  return Promise.resolve(account);
}

const fromOutside: HttpOptions = { baseUrl: process.env['WECHAT_API_URL'], timeout: undefined };
const http: HttpOptions = {
  ...fromOutside,
  timeout: 10_000,
  maxRetries: 2,
  baseUrl: ['https://api.weixin.qq.com'],
};

passport.use(
  new WeChatCodeStrategy(
    { appId: 'wx0123456789abcdef', appSecret: 'secret', http },
    async (tokens, profile) => await findOrCreate(tokens, profile),
  ),
);

passport.use(
  'wechat-callback',
  new WeChatCodeStrategy(
    {
      appId: 'wx0123456789abcdef',
      appSecret: new AppSecret('secret'),
      name: 'wechat-callback',
      codeField: 'wechatCode',
      userInfo: 'always',
      lang: 'en',
      allowSnapshotUser: false,
      requireUnionId: true,
      verifyState: (_req, state) => state === 'expected',
    },
    (tokens, profile, done) => {
      findOrCreate(tokens, profile).then(
        (account) => done(null, account),
        (error: unknown) => done(error),
      );
    },
  ),
);

const transport: Transport = undiciTransport({ ca: 'PEM' });
const app1 = { appId: 'wx0123456789abcdef', appSecret: 'secret' };
const main = new WeChatClient({ ...app1, http: { ...http, transport } });
const clients = new Map([['main', main]]);

passport.use(
  new WeChatCodeStrategy(
    {
      name: 'wechat-many',
      client: (req) => {
        const name = (req.query as { app?: unknown } | undefined)?.app;
        const client = clients.get(typeof name === 'string' ? name : 'main');
        if (!client) throw new TypeError('unknown app');
        return client;
      },
      passReqToCallback: true,
    },
    (req, _tokens, profile, done) => {
      if (req.body === undefined) done(null, false, { message: 'no body' });
      else done(null, { openid: profile.id });
    },
  ),
);

passport.use(
  new WeChatMiniProgramStrategy(
    { appId: 'wx0123456789abcdef', appSecret: 'secret', requireUnionId: true },
    async ({ openid, sessionKey }, profile) => {
      const key: SessionKey = sessionKey;
      return await Promise.resolve({ openid, key: key.exposeSecret(), appId: profile.appId });
    },
  ),
);

passport.use(
  new WeChatMiniProgramStrategy<express.Request>(
    { name: 'wechat-game', client: (req) => clients.get(req.hostname) ?? main, passReqToCallback: true },
    (req, session, profile, done) => {
      done(null, req.secure && { openid: session.openid, unionid: profile.unionid });
    },
  ),
);

/** The client without Passport. */
export async function profileOf(code: string, signal: AbortSignal): Promise<UserInfo | undefined> {
  const client = new WeChatClient({ appId: 'wx0123456789abcdef', appSecret: 'secret' });
  const tokens = await client.exchangeCode(code, { signal });
  const accessToken: AccessToken = tokens.accessToken;
  const openid: OpenId = tokens.openid;
  const unionid: UnionId | undefined = tokens.unionid;
  if (unionid === undefined || !(await client.validateToken(accessToken, openid))) return undefined;
  const refreshed = await client.refreshToken(tokens.refreshToken.exposeSecret());
  return await client.getUserInfo(refreshed.accessToken.exposeSecret(), openid, { lang: 'zh_TW', signal });
}

/** The log-in of a mini program without Passport. Only the server ever sees the session key. */
export async function sessionKeyOf(jsCode: string): Promise<SessionKey> {
  const client = new WeChatClient({ appId: 'wx0123456789abcdef', appSecret: 'secret' });
  const session: WeChatSession = await client.codeToSession(jsCode);
  return session.sessionKey;
}

subscribe(`tracing:${wechatCallChannel}:asyncEnd`, (message) => {
  const { endpoint, host, attempts, duration, outcome, errcode, rid } = message as WeChatCall;
  if (outcome !== 'ok') console.error(endpoint, host, attempts, duration, outcome, errcode, rid);
});

const common = { appId: 'wx0123456789abcdef', redirectUri: 'https://app.example/callback', state: createState() };
export const addresses: string[] = [
  createAuthorizeUrl({ kind: 'official-account', ...common, scope: 'snsapi_userinfo', forcePopup: true }),
  createAuthorizeUrl({ kind: 'website', ...common, lang: 'en' }),
  // @ts-expect-error A website has another scope.
  createAuthorizeUrl({ kind: 'website', ...common, scope: 'snsapi_base' }),
];

// @ts-expect-error A code is no access token, and an app id is no open id: the newtypes tell them apart.
export const mixedUp: OpenId = 'wx0123456789abcdef' as AppId;

const answerErrors: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof WeChatError)) {
    next(error);
    return;
  }
  if (error.code === 'ERR_WECHAT_LOGIN_LOST') res.set('Retry-After', '0');
  if (error instanceof WeChatApiError) console.error(error.errcode, error.errmsg, error.rid);
  if (error instanceof WeChatNetworkError) console.error(error.reason, error.sent);
  if (error instanceof WeChatResponseError) console.error(error.httpStatus);
  res.status(error.status).json({ code: error.code, retryable: error.retryable, attempts: error.attempts });
};

const app = express();
app.use(express.json());
app.use(passport.initialize());
app.post('/auth/wechat', passport.authenticate('wechat-code', { session: false }), (req, res) => {
  res.json({ openid: req.user?.openid });
});
app.post('/auth/miniprogram', passport.authenticate('wechat-miniprogram', { session: false }), (req, res) => {
  res.json({ openid: req.user?.openid });
});
app.use(answerErrors);

const simulator = await startWeChatSimulator();
app.listen(3000, () => console.log(simulator));
