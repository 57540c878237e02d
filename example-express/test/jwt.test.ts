import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';

import jwt from 'jsonwebtoken';

import { JWT_SECRET, me, refresh, refusal, startBefore, tokenFor, validate } from './support/api.js';

describe('a JWT of the service', () => {
  const parts = startBefore({ JWT_SECONDS: '600' });
  let token = '';
  let claims: Record<string, unknown> = {};
  before(async () => {
    token = await tokenFor(parts().service, parts().wechat.createCode());
    claims = jwt.decode(token, { json: true }) ?? {};
  });

  /** Signs the claims of a good token, changed: undefined takes one away. */
  const sign = (changes: Record<string, unknown> = {}, secret = JWT_SECRET, algorithm: jwt.Algorithm = 'HS256') =>
    jwt.sign(JSON.parse(JSON.stringify({ ...claims, ...changes })) as object, secret, { algorithm, noTimestamp: true });
  const now = () => Math.floor(Date.now() / 1000);

  it('names issuer, audience, end and our own id of the user, and nothing else', () => {
    const { iat, exp, sub, ...rest } = claims;
    assert.deepEqual(rest, { iss: 'example-express', aud: 'example-express' });
    assert.equal(Number(exp) - Number(iat), 600);
    assert.ok(Math.abs(Number(iat) - now()) < 60);
    assert.match(String(sub), /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
    assert.deepEqual(jwt.decode(token, { complete: true })?.header, { alg: 'HS256', typ: 'JWT' });
  });

  it('lets in, and so does one that another instance with the same secret made', async () => {
    for (const good of [token, sign(), forge({ alg: 'HS256' })]) {
      assert.equal((await me(parts().service, good)).status, 200);
    }
  });

  const [header, payload, signature] = [0, 1, 2].map((part) => () => token.split('.')[part] ?? '');
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  /** Whatever header and claims, with an HMAC of SHA-256. */
  const forge = (header: object, changes = {}, key = JWT_SECRET) => {
    const content = `${encode(header)}.${encode({ ...claims, ...changes })}`;
    return `${content}.${createHmac('sha256', key).update(content).digest('base64url')}`;
  };

  for (const [what, make] of [
    ['is missing', () => undefined],
    ['is empty', () => ''],
    ['is no JWT', () => 'nonsense'],
    ['has no signature', () => `${header?.()}.${payload?.()}.`],
    ['has the algorithm none', () => `${encode({ alg: 'none', typ: 'JWT' })}.${payload?.()}.`],
    ['has the algorithm nOnE', () => `${encode({ alg: 'nOnE', typ: 'JWT' })}.${payload?.()}.${signature?.()}`],
    ['is signed with HS384', () => sign({}, JWT_SECRET, 'HS384')],
    ['is signed with HS512', () => sign({}, JWT_SECRET, 'HS512')],
    ['is signed with a key of RSA', () => sign({}, privateKey, 'RS256')],
    ['has the algorithm RS256 and the secret as its key', () => forge({ alg: 'RS256', typ: 'JWT' })],
    [
      'brings the key that it is signed with',
      () => forge({ alg: 'HS256', jwk: { kty: 'oct', k: 'b3Vycw' } }, {}, 'ours'),
    ],
    ['says which algorithm it is not signed with', () => forge({ alg: 'HS512', typ: 'JWT' })],
    ['says no algorithm', () => forge({ typ: 'JWT' })],
    ['is signed with another secret', () => sign({}, `${JWT_SECRET}.`)],
    ['is signed with an empty secret', () => sign({}, ' '.repeat(32))],
    ['is for another audience', () => sign({ aud: 'another-service' })],
    ['is for nobody', () => sign({ aud: undefined })],
    ['is of another issuer', () => sign({ iss: 'another-service' })],
    ['is of nobody', () => sign({ iss: undefined })],
    ['has no end', () => sign({ exp: undefined })],
    ['has an end that is no number', () => forge({ alg: 'HS256' }, { exp: String(now() + 600) })],
    ['has expired', () => sign({ exp: now() - 1 })],
    ['is not valid yet', () => sign({ nbf: now() + 600 })],
    ['has no subject', () => sign({ sub: undefined })],
    ['has a subject that is no text', () => sign({ sub: 5 })],
    ['has a subject that is no id of ours', () => sign({ sub: "' OR ''='" })],
    ['is of a user who was deleted', () => sign({ sub: '00000000-0000-4000-8000-000000000000' })],
  ] as const) {
    it(`that ${what} lets nobody in`, async () => {
      const answers = await Promise.all([me, refresh, validate].map((ask) => ask(parts().service, make())));
      assert.deepEqual(answers.map(refusal), Array(3).fill('401 UNAUTHORIZED'));
    });
  }

  it('with one bit changed, in any character of header, payload and signature, lets nobody in', async () => {
    const letIn: string[] = [];
    const changed = Array.from(token, (character, index) => {
      const other = character === '.' ? '-' : String.fromCharCode(character.charCodeAt(0) ^ 1);
      return token.slice(0, index) + other + token.slice(index + 1);
    });
    assert.ok(changed.length > 200);
    for (const other of changed) {
      const answer = await me(parts().service, other);
      if (refusal(answer) !== '401 UNAUTHORIZED') letIn.push(other);
    }
    assert.deepEqual(letIn, []);
  });

  it('is taken from the Authorization header only', async () => {
    for (const init of [{ headers: { cookie: `token=${token}` } }, { headers: { authorization: `Basic ${token}` } }]) {
      const { status } = await fetch(`${parts().service.url}/api/me?token=${token}&access_token=${token}`, init);
      assert.equal(status, 401);
    }
  });
});
