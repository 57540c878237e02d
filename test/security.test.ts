import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';

import { UnusableAnswer, readTokens, readUserInfo } from '../src/answer.js';
import { toApiError } from '../src/errcodes.js';
import { checkHttpOptions } from '../src/http-options.js';
import { AccessToken, AuthorizationCode, OpenId } from '../src/newtypes.js';
import { MAX_CONNECTIONS, MAX_IDLE } from '../src/transport.js';
import { openid, tokens, userInfo } from './support/calls.js';

const root = new URL('../', import.meta.url);
const text = readFileSync(new URL('SECURITY.md', root), 'utf8');

/** The number in the column "limit" of each row, by the column before. */
const limits = new Map(
  [...text.matchAll(/^\| ([^|]+?) +\| ([\d ]+)[^|]*\|(?:[^|]*\|){2}$/gm)].map(([, what = '', limit = '']) => [
    what,
    Number(limit.replaceAll(' ', '')),
  ]),
);

function limitOf(what: string): number {
  const limit = limits.get(what);
  assert.ok(limit !== undefined, `SECURITY.md has no limit of ${what}`);
  return limit;
}

/** Whether a value of this length, or of this amount, is taken. */
function isTaken(take: (size: number) => unknown, size: number): boolean {
  try {
    take(size);
    return true;
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof UnusableAnswer);
    return false;
  }
}

describe('SECURITY.md', () => {
  it('says the limits that are options as they are', () => {
    const { timeout, connectTimeout, maxRetries, retryDelay } = checkHttpOptions();
    assert.equal(limitOf('one call, with all retries and waits'), timeout);
    assert.equal(limitOf('getting a connection'), connectTimeout);
    assert.equal(limitOf('retries of one call'), maxRetries);
    assert.equal(limitOf('wait between attempts'), retryDelay);
  });

  it('says the limits of connections as they are', () => {
    assert.equal(limitOf('connections to one host'), MAX_CONNECTIONS);
    assert.equal(limitOf('idle connection'), MAX_IDLE);
  });

  for (const [what, take] of [
    ['code', (size: number) => new AuthorizationCode('a'.repeat(size))],
    ['app secret, token', (size: number) => new AccessToken('a'.repeat(size))],
    ['`openid`, `unionid`, app id', (size: number) => OpenId('a'.repeat(size))],
    ['`expires_in`', (size: number) => readTokens({ ...tokens, expires_in: size })],
  ] as const) {
    it(`says the limit of ${what} as it is`, () => {
      assert.ok(isTaken(take, limitOf(what)));
      assert.ok(!isTaken(take, limitOf(what) + 1));
    });
  }

  it('says as it is what is cut and left out', () => {
    const refuse = { endpoint: '/sns/auth', errcode: 1, attempts: 1, mayHaveSpentCode: false, secrets: [] } as const;
    assert.equal(toApiError({ ...refuse, errmsg: 'a'.repeat(9_999) }).errmsg.length, limitOf('`errmsg` on an error'));

    const read = (fields: object): ReturnType<typeof readUserInfo> => readUserInfo({ ...userInfo, ...fields }, openid);
    const { nickname, privilege } = read({ nickname: 'a'.repeat(9_999), privilege: Array(999).fill('a') });
    assert.equal(nickname.length, limitOf('nickname and other texts that decorate'));
    assert.equal(privilege.length, limitOf('entries of `privilege`'));

    const address = 'https://thirdwx.qlogo.cn/'.padEnd(limitOf('avatar address'), 'a');
    assert.equal(read({ headimgurl: address }).headimgurl, address);
    assert.equal(read({ headimgurl: `${address}a` }).headimgurl, '');
  });

  it('names tests that are there', () => {
    const links = [...text.matchAll(/\]\(([^)#]+\.test\.ts)\)/g)].map(([, path = '']) => path);
    assert.ok(links.length > 20);
    for (const path of links) assert.ok(existsSync(new URL(path, root)), path);
  });
});
