import jwt from 'jsonwebtoken';
import { ExtractJwt, Strategy } from 'passport-jwt';

import type { User, Users } from './users.js';

const ISSUER = 'example-express';
const AUDIENCE = 'example-express';

/** Makes the token that a logged-in user shows from then on. Its subject is our own id, not WeChat's. */
export function issueJwt(user: User, secret: string, seconds: number): string {
  return jwt.sign({}, secret, {
    algorithm: 'HS256',
    issuer: ISSUER,
    audience: AUDIENCE,
    subject: user.id,
    expiresIn: seconds,
  });
}

/** Lets in who shows such a token: this algorithm, this issuer and audience, and with an end. */
export function jwtStrategy(secret: string, users: Users): Strategy {
  return new Strategy(
    {
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: secret,
      algorithms: ['HS256'],
      issuer: ISSUER,
      audience: AUDIENCE,
    },
    ({ sub, exp }: { sub?: unknown; exp?: unknown }, done) => {
      if (typeof sub !== 'string' || typeof exp !== 'number') {
        done(null, false);
        return;
      }
      users.find(sub).then(
        (user) => {
          done(null, user ?? false);
        },
        (error: unknown) => {
          done(error, false);
        },
      );
    },
  );
}
