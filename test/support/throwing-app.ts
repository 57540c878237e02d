// A program of its own, because here exceptions are meant to be uncaught. Prints what came of them.
import { setTimeout as sleep } from 'node:timers/promises';

import express, { type RequestHandler } from 'express';
import passport from 'passport';

import { WeChatCodeStrategy } from '../../src/index.js';
import { closeServers, listen } from './app.js';
import { appId, appSecret, startCannedWeChat } from './canned-wechat.js';

const wechat = await startCannedWeChat();
const verdicts = {
  success: () => Promise.resolve({ id: 1 }),
  fail: () => Promise.resolve(false),
  error: () => Promise.reject(new Error('verify broke')),
};
const results: Record<string, { called: number; uncaught: string[]; rejections: string[] }> = {};

for (const [name, verify] of Object.entries(verdicts)) {
  const result = { called: 0, uncaught: [] as string[], rejections: [] as string[] };
  results[name] = result;
  process.on('uncaughtException', (error) => result.uncaught.push(error.message));
  process.on('unhandledRejection', (reason) => result.rejections.push(String(reason)));
  passport.use(new WeChatCodeStrategy({ appId, appSecret, http: { baseUrl: wechat.url } }, verify));

  const app = express();
  app.use((req, res, next) => {
    const authenticate = passport.authenticate('wechat-code', () => {
      result.called += 1;
      res.end();
      throw new Error('the application broke');
    }) as RequestHandler;
    void authenticate(req, res, next);
  });
  await fetch(`${await listen(app)}/?code=a`);
  await sleep(30);
  process.removeAllListeners('uncaughtException').removeAllListeners('unhandledRejection');
}

await closeServers();
console.log(JSON.stringify(results));
