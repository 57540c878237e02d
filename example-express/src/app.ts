import { fileURLToPath } from 'node:url';

import cors from 'cors';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { WeChatApiError } from 'passport-wechat-code';
import type { Logger } from 'pino';

import { issueJwt } from './jwt.js';
import { logRequests } from './log.js';
import { createGuards } from './login.js';
import { answerProblem, Problem } from './problem.js';
import type { Settings } from './settings.js';
import type { Cache, Database } from './stores.js';
import { type User, Users } from './users.js';
import { authorizeUrl, type WeChat } from './wechat.js';

/** What the service is made of. */
export interface Parts {
  settings: Settings;
  wechat: WeChat;
  /** Where browsers reach the service. */
  address: string;
  database: Database;
  cache: Cache;
  log: Logger;
}

/** What the page may do: nothing in it can come from anybody's name. */
const pagePolicy = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  connectSrc: ["'self'"],
  imgSrc: ["'self'", 'https:'],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Puts the service together. */
export function createApp({ settings, wechat, address, database, cache, log }: Parts): Express {
  const { client } = wechat;
  const users = new Users(database, cache);
  const guards = createGuards(wechat, users, settings.JWT_SECRET);
  const app = express();
  app.set('trust proxy', settings.TRUSTED_PROXIES);
  app.use(logRequests(log));
  app.use(helmet({ contentSecurityPolicy: { useDefaults: false, directives: pagePolicy } }));
  app.use(cors({ origin: settings.CORS_ORIGINS }));
  app.use(express.static(fileURLToPath(new URL('../public', import.meta.url))));
  app.use(express.json({ limit: '10kb' }));

  app.get('/healthz', async (_req, res) => {
    await Promise.all([database.query('SELECT 1'), cache.tokens.get('health')]).catch((cause: unknown) => {
      throw new Problem(503, 'STORE_AWAY', 'A store does not answer', { cause });
    });
    res.json({ status: 'ok' });
  });

  app.get('/api/auth/wechat', (req, res) => {
    const { state } = req.query;
    // As official accounts want it. Long enough that nobody guesses it.
    if (typeof state !== 'string' || !/^[\da-zA-Z]{16,128}$/.test(state)) {
      throw new Problem(400, 'BAD_STATE', 'The state must be 16 to 128 letters and digits');
    }
    res.json({ url: authorizeUrl(wechat, settings.WECHAT_SCOPE, `${address}/`, state) });
  });

  const limit = rateLimit({
    windowMs: 60_000,
    limit: settings.LOGINS_PER_MINUTE,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    ipv6Subnet: 64,
    store: cache.rateLimits,
    handler: (_req, _res, next) => next(new Problem(429, 'TOO_MANY_LOGINS', 'Too many logins: try again in a minute')),
  });

  // Scenario 1: the front end got a code, and becomes a logged-in user.
  const welcome: RequestHandler = (req, res) => {
    const user = userOf(req);
    res.json({ token: issueJwt(user, settings.JWT_SECRET, settings.JWT_SECONDS), user: toPublic(user) });
  };
  app.post('/api/auth/wechat', limit, guards.wechat, welcome);
  if (wechat.miniProgram) app.post('/api/auth/wechat-miniprogram', limit, guards.miniProgram, welcome);

  app.get('/api/me', guards.jwt, (req, res) => {
    res.json({ user: toPublic(userOf(req)) });
  });

  // Scenario 3: a new access token, without the user.
  app.post('/api/wechat/refresh', guards.jwt, async (req, res) => {
    const { id, openid } = userOf(req);
    const refreshToken = await users.refreshToken(id);
    if (refreshToken === null) throw new Problem(409, 'NO_WECHAT_TOKEN', 'A mini program has no token to refresh');
    const refreshed = await client.refreshToken(refreshToken).catch(async (error: unknown) => {
      if (!(error instanceof WeChatApiError && error.code === 'ERR_WECHAT_REFRESH_TOKEN_EXPIRED')) throw error;
      // Another request may have got a new one meanwhile: trying again will do.
      if ((await users.refreshToken(id)) !== refreshToken)
        throw new Problem(503, 'TRY_AGAIN', 'There is a newer token');
      throw new Problem(401, error.code, 'The permission has expired: log in again');
    });
    if (refreshed.openid !== openid) throw new Error('WeChat gave the tokens of another user');
    await users.replaceTokens(id, refreshToken, refreshed);
    res.json({ expiresIn: refreshed.expiresIn });
  });

  // Scenario 4: does the access token still work?
  app.get('/api/wechat/validate', guards.jwt, async (req, res) => {
    const { id, openid } = userOf(req);
    const accessToken = await users.accessToken(id);
    res.json({ valid: accessToken !== undefined && (await client.validateToken(accessToken, openid)) });
  });

  app.use((_req, _res, next) => next(new Problem(404, 'NOT_FOUND', 'There is nothing at this address')));
  app.use(answerProblem);
  return app;
}

function userOf({ user }: Request): User {
  if (user === undefined) throw new Error('This route needs a guard');
  return user as User;
}

const toPublic = ({ openid, nickname, avatar }: User): Omit<User, 'id'> => ({ openid, nickname, avatar });
