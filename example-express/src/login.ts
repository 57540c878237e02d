import type { RequestHandler } from 'express';
import passport from 'passport';
import { type LoginFailure, type WeChatClient, WeChatCodeStrategy } from 'passport-wechat-code';

import { jwtStrategy } from './jwt.js';
import { Problem } from './problem.js';
import type { Users } from './users.js';

/** Two ways in: with a code from WeChat, and from then on with the JWT that was given for it. */
export function createGuards(
  client: WeChatClient,
  users: Users,
  jwtSecret: string,
): Record<'wechat' | 'jwt', RequestHandler> {
  const authenticator = new passport.Passport();
  authenticator.use(new WeChatCodeStrategy({ client }, (tokens, profile) => users.save(profile, tokens)));
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
