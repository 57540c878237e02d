import type { RequestHandler } from 'express';
import passport from 'passport';
import { type LoginFailure, type WeChatClient, WeChatCodeStrategy } from 'passport-wechat-code';

import type { AccessTokens } from './access-tokens.js';
import { jwtStrategy } from './jwt.js';
import { Problem } from './problem.js';
import type { User, Users } from './users.js';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- this is how Passport's types learn what a user is
  namespace Express {
    // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- the same user as everywhere here
    interface User extends AppUser {}
  }
}
type AppUser = User;

/** Two ways in: with a code from WeChat, and from then on with the JWT that was given for it. */
export function createGuards(parts: { client: WeChatClient; users: Users; tokens: AccessTokens; jwtSecret: string }): {
  wechat: RequestHandler;
  jwt: RequestHandler;
} {
  const { client, users, tokens, jwtSecret } = parts;
  const authenticator = new passport.Passport();
  authenticator.use(
    new WeChatCodeStrategy({ client }, async (tokenResponse, profile) => {
      const user = await users.save(profile, tokenResponse);
      await tokens.save(user.id, tokenResponse);
      return user;
    }),
  );
  authenticator.use(jwtStrategy(jwtSecret, users));

  // With a callback, because Passport's own answer to a failed login is plain text.
  const guard =
    (name: string): RequestHandler =>
    (req, res, next) => {
      const done: passport.AuthenticateCallback = (error: unknown, user, info, status) => {
        if (error) {
          next(error);
        } else if (user) {
          req.user = user;
          next();
        } else {
          const { code = 'UNAUTHORIZED', message = 'Log in first' } = (info ?? {}) as Partial<LoginFailure>;
          next(new Problem(typeof status === 'number' ? status : 401, code, message));
        }
      };
      (authenticator.authenticate(name, { session: false }, done) as RequestHandler)(req, res, next);
    };
  return { wechat: guard('wechat-code'), jwt: guard('jwt') };
}
