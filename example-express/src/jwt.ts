import jwt from 'jsonwebtoken';
import { ExtractJwt, Strategy } from 'passport-jwt';

import type { User, Users } from './users.js';

const parties = { issuer: 'example-express', audience: 'example-express' };
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Makes the token that a logged-in user shows from then on. Its subject is our own id, not WeChat's. */
export function issueJwt({ id }: User, secret: string, seconds: number): string {
  return jwt.sign({}, secret, { algorithm: 'HS256', ...parties, subject: id, expiresIn: seconds });
}

/** Lets in who shows such a token: this algorithm, this issuer and audience, and with an end. */
export function jwtStrategy(secret: string, users: Users): Strategy {
  const jwtFromRequest = ExtractJwt.fromAuthHeaderAsBearerToken();
  return new Strategy(
    { jwtFromRequest, secretOrKey: secret, algorithms: ['HS256'], ...parties },
    ({ sub = '', exp }: jwt.JwtPayload, done) => {
      const found = UUID.test(sub) && exp !== undefined ? users.find(sub) : Promise.resolve(undefined);
      found.then((user) => done(null, user ?? false), done);
    },
  );
}
