/**
 * Carries one login through real WeChat: the strategy on Express exchanges the code and fetches the user, then the
 * client validates and refreshes the tokens. A code works once, so every run takes a fresh one.
 *
 *     WECHAT_APP_ID=... WECHAT_APP_SECRET=... WECHAT_TEST_CODE=... npm run test:live
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import express, { type RequestHandler } from 'express';
import passport from 'passport';

import { WeChatClient, WeChatCodeStrategy } from '../src/index.js';

const meanings = {
  WECHAT_APP_ID: 'the id of your app, such as wx1234567890abcdef',
  WECHAT_APP_SECRET: 'its secret, from the WeChat platform',
  WECHAT_TEST_CODE: 'a code that WeChat has just given: log in at your front end and copy it from the address bar',
};
const missing = Object.entries(meanings).filter(([name]) => (process.env[name] ?? '') === '');
if (missing.length > 0) {
  console.error('The live test talks to real WeChat. These environment variables are missing:');
  for (const [name, meaning] of missing) console.error(`  ${name}: ${meaning}`);
  process.exit(1);
}
const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '', WECHAT_TEST_CODE: code = '' } = process.env;
const { WECHAT_API_URL: baseUrl = 'https://api.weixin.qq.com' } = process.env;

const client = new WeChatClient({ appId, appSecret, http: { baseUrl } });
passport.use(
  new WeChatCodeStrategy({ client }, async ({ accessToken, refreshToken, openid }, profile) => ({
    profile,
    valid: await client.validateToken(accessToken, openid),
    refreshed: await client.refreshToken(refreshToken),
  })),
);
const app = express();
app.post('/auth/wechat', express.json(), (req, res, next) => {
  const answer: passport.AuthenticateCallback = (error, user, info, status) => {
    if (error !== null) console.error(error);
    if (user) res.json(user);
    else res.status(typeof status === 'number' ? status : 500).json(info);
  };
  (passport.authenticate('wechat-code', { session: false }, answer) as RequestHandler)(req, res, next);
});

const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const answer = await fetch(`http://127.0.0.1:${port}/auth/wechat`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ code }),
});
console.log(`POST /auth/wechat -> ${answer.status}`);
console.log(await answer.text());
server.close();
console.log(answer.ok ? '1 passed, 0 failed' : '0 passed, 1 failed');
if (!answer.ok) process.exitCode = 1;
