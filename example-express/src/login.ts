import type { RequestHandler } from 'express';
import passport from 'passport';
import { type LoginFailure, WeChatCodeStrategy, WeChatMiniProgramStrategy } from 'passport-wechat-code';

import { jwtStrategy } from './jwt.js';
import { Problem } from './problem.js';
import type { Users } from './users.js';
import type { WeChat } from './wechat.js';

/** The ways in: with a code from WeChat, and from then on with the JWT that was given for it. */
export function createGuards(
  { client, miniProgram }: WeChat,
  users: Users,
  jwtSecret: string,
): Record<'wechat' | 'miniProgram' | 'jwt', RequestHandler> {
  const authenticator = new passport.Passport();
  authenticator.use(new WeChatCodeStrategy({ client }, (tokens, profile) => users.save(profile, tokens)));
  // Nothing here needs the session key.
  if (miniProgram)
    authenticator.use(new WeChatMiniProgramStrategy({ client: miniProgram }, (_, profile) => users.save(profile)));
  authenticator.use(jwtStrategy(jwtSecret, users));

  // With a callback, because Passport's own answer to a failed login is plain text.
  const guard =
    (name: string): RequestHandler =>
    (req, res, next) => {
      const done: passport.AuthenticateCallback = (error: unknown, user, info, status) => {
        const { code = 'UNAUTHORIZED', message = 'Log in first' } = (info ?? {}) as Partial<LoginFailure>;
        if (user) req.user = user;
        else error ??= new Problem(typeof status === 'number' ? status : 401, code, message);
        next(error);
      };
      (authenticator.authenticate(name, { session: false }, done) as RequestHandler)(req, res, next);
    };
  return { wechat: guard('wechat-code'), miniProgram: guard('wechat-miniprogram'), jwt: guard('jwt') };
}
