import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inspect, promisify } from 'node:util';
import { runInNewContext } from 'node:vm';

import type { Strategy } from 'passport';

import { type Done, WeChatCodeStrategy, WeChatMiniProgramStrategy } from '../src/index.js';
import { closeServers, frameworks, parse, send, startLoginApp } from './support/app.js';
import { appId, appSecret, startCannedWeChat } from './support/canned-wechat.js';

/** A verify as JavaScript has it: anything goes. */
type AnyVerify = (...parameters: never[]) => unknown;

/** What is to come of a login: a user, a failure with this message, or an error that is or looks like this one. */
type Expected = { user: unknown; info?: unknown } | { failure: object } | { error: Error | RegExp };

const user = { id: 1 };
const other = { id: 2 };
const broken = new Error('the database is down');
const { proxy: revoked, revoke } = Proxy.revocable(broken, {});
revoke();
const foreign = runInNewContext('new Error("from elsewhere")') as Error;
const noUser = { message: 'The login was not accepted', code: 'ERR_WECHAT_NO_USER' };
const saying = (message: string): Expected => ({ failure: { ...noUser, message } });
const failed: Expected = { failure: noUser };
const noError = { error: /^TypeError: .*not an Error/ };
const later = (action: () => void): void => {
  setTimeout(action, 2);
};
/** A verify with the classic three parameters. */
const calling =
  (action: (done: Done) => unknown): AnyVerify =>
  (_tokens: unknown, _profile: unknown, done: Done) =>
    action(done);
/** A verify that declares so many parameters, and uses none. */
const taking = (length: number, action: () => unknown): AnyVerify =>
  Object.defineProperty(action, 'length', { value: length });
/** What NestJS makes of the `validate` of a class. */
const nest =
  (validate: (...parameters: unknown[]) => unknown): AnyVerify =>
  async (...parameters: unknown[]) => {
    const done = parameters.at(-1) as Done;
    try {
      const result = await validate(...parameters);
      if (Array.isArray(result)) done(null, ...(result as unknown[]));
      else done(null, result);
    } catch (error) {
      done(error, null);
    }
  };

const cases: Record<string, [verify: AnyVerify, expected: Expected]> = {
  // done
  'calls done with a user': [calling((done) => done(null, user)), { user }],
  'calls done with a user and info': [
    calling((done) => done(null, user, { scope: 'read' })),
    { user, info: { scope: 'read' } },
  ],
  'calls done later': [calling((done) => later(() => done(undefined, user))), { user }],
  'calls done with a user that is a text': [calling((done) => done(null, 'alice')), { user: 'alice' }],
  'calls done with a user that has a then': [
    calling((done) => done(null, { id: 1, then: 'no function' })),
    { user: { id: 1, then: 'no function' } },
  ],
  'calls done with an error': [calling((done) => done(broken)), { error: broken }],
  'calls done with an error and a user': [calling((done) => done(broken, user)), { error: broken }],
  'calls done with an error later': [calling((done) => later(() => done(broken))), { error: broken }],
  "calls done with the text 'route' as error": [calling((done) => done('route')), noError],
  "calls done with the text 'router' as error": [calling((done) => done('router')), noError],
  'calls done with an object as error': [calling((done) => done({ secret: 'x' })), noError],
  'calls done without anything': [calling((done) => done()), failed],
  'calls done with 0 in the place of an error': [calling((done) => done(0)), failed],
  'calls done with false': [calling((done) => done(null, false)), failed],
  'calls done with null': [calling((done) => done(null, null)), failed],
  'calls done with 0': [calling((done) => done(null, 0)), failed],
  'calls done with an empty text': [calling((done) => done(null, '')), failed],
  'calls done with false and a text': [calling((done) => done(null, false, 'banned')), saying('banned')],
  'calls done with false and a text that is no ASCII': [
    calling((done) => done(null, false, '账号已被禁用\r\nX-Evil: 1')),
    saying('账号已被禁用\r\nX-Evil: 1'),
  ],
  'calls done with false and a message': [
    calling((done) => done(null, false, { message: '禁用😀' })),
    saying('禁用😀'),
  ],
  'calls done with false and info without a message': [
    calling((done) => done(null, false, { reason: 'banned', until: 5 })),
    { failure: { ...noUser, reason: 'banned', until: 5 } },
  ],
  'calls done with false and info with a code': [
    calling((done) => done(null, false, { message: 'banned', code: 'BANNED' })),
    { failure: { message: 'banned', code: 'BANNED' } },
  ],
  'calls done with false and info whose message and code are undefined': [
    calling((done) => done(null, false, { message: undefined, code: undefined, until: 5 })),
    { failure: { ...noUser, until: 5 } },
  ],
  'calls done with false and an error as info': [
    calling((done) => done(null, false, new Error('banned'))),
    saying('banned'),
  ],
  'takes done as the rest of its parameters and calls it later': [
    (_tokens: unknown, _profile: unknown, ...rest: Done[]) => {
      later(() => rest[0]?.(null, user));
    },
    { user },
  ],
  'gives a function that is a thenable': [
    () =>
      Object.assign(() => undefined, {
        then: (fulfilled: (value: unknown) => void) => {
          fulfilled(user);
        },
      }),
    { user },
  ],
  'gives the user itself, without done and without a promise': [
    taking(2, () => user),
    { error: /^TypeError: verify neither/ },
  ],
  'calls done with false and info of no use': [calling((done) => done(null, false, 5)), failed],
  'calls done with false and null': [calling((done) => done(null, false, null)), failed],

  // promise
  'gives a promise of a user': [() => Promise.resolve(user), { user }],
  'is async and takes two parameters': [taking(2, () => sleep(2, user)), { user }],
  'is async and takes one': [taking(1, () => Promise.resolve(user)), { user }],
  'gives a promise of an array, which is a user': [() => Promise.resolve([user, 'x']), { user: [user, 'x'] }],
  'gives a promise of null': [() => Promise.resolve(null), failed],
  'gives a promise of false': [() => Promise.resolve(false), failed],
  'gives a promise of nothing': [() => Promise.resolve(), failed],
  'gives a promise of nothing and takes two parameters': [taking(2, () => sleep(2)), failed],
  'gives a promise of null and takes done': [taking(3, () => Promise.resolve(null)), failed],
  'gives a promise of false and takes done': [taking(3, () => Promise.resolve(false)), failed],
  'gives a promise of a user and takes done': [taking(3, () => Promise.resolve(user)), { user }],
  'gives a thenable of a user': [
    () => ({
      then: (fulfilled: (value: unknown) => void) => {
        fulfilled(user);
      },
    }),
    { user },
  ],
  'gives a thenable of a promise': [
    () => ({
      then: (fulfilled: (value: unknown) => void) => {
        fulfilled(Promise.resolve(null));
      },
    }),
    failed,
  ],
  'gives a thenable that answers twice': [
    () => ({
      then: (fulfilled: (value: unknown) => void, rejected: (error: unknown) => void) => {
        fulfilled(user);
        rejected(broken);
        fulfilled(other);
      },
    }),
    { user },
  ],
  'gives a thenable whose then throws': [
    () => ({
      then: () => {
        throw broken;
      },
    }),
    { error: broken },
  ],
  'gives a thenable whose then throws nothing': [
    () => ({
      then: () => {
        throw undefined;
      },
    }),
    noError,
  ],
  'gives a thenable whose then cannot be read': [
    () => ({
      get then(): never {
        throw broken;
      },
    }),
    { error: broken },
  ],

  // both
  'calls done and gives a promise of the same': [
    calling((done) => {
      done(null, user);
      return Promise.resolve(user);
    }),
    { user },
  ],
  'calls done and gives a promise of another': [
    calling((done) => {
      done(null, user);
      return Promise.resolve(other);
    }),
    { user },
  ],
  'calls done with false and gives a promise of a user': [
    calling((done) => {
      done(null, false, 'banned');
      return Promise.resolve(user);
    }),
    saying('banned'),
  ],
  'gives a promise of a user and calls done later': [
    calling((done) => {
      setTimeout(() => done(null, other), 5);
      return Promise.resolve(user);
    }),
    { user },
  ],
  'is async, takes done and calls it before it ends': [
    calling(async (done) => {
      await sleep(2);
      done(null, user, 'info');
    }),
    { user, info: 'info' },
  ],
  'is async, takes done and calls it after it has ended': [
    calling(async (done) => {
      await sleep(1);
      setTimeout(() => done(null, user), 5);
    }),
    { user },
  ],
  'is async, takes done and calls it with an error after it has ended': [
    calling((done) => {
      setTimeout(() => done(broken), 5);
      return Promise.resolve();
    }),
    { error: broken },
  ],
  'calls done twice': [
    calling((done) => {
      done(null, user);
      done(null, other);
    }),
    { user },
  ],
  'calls done with a user, then with an error': [
    calling((done) => {
      done(null, user);
      later(() => done(broken));
    }),
    { user },
  ],
  'calls done with false, then with a user': [
    calling((done) => {
      done(null, false);
      later(() => done(null, user));
    }),
    failed,
  ],
  'calls done with an error, then with a user': [
    calling((done) => {
      done(broken);
      done(null, user);
    }),
    { error: broken },
  ],
  'calls done, then throws': [
    calling((done) => {
      done(null, user);
      throw broken;
    }),
    { user },
  ],
  'calls done with false, then throws': [
    calling((done) => {
      done(null, false);
      throw broken;
    }),
    failed,
  ],
  'calls done, then rejects': [
    calling((done) => {
      done(null, user);
      return Promise.reject(broken);
    }),
    { user },
  ],
  'calls done with an error, then rejects': [
    calling((done) => {
      done(broken);
      return Promise.reject(new Error('another'));
    }),
    { error: broken },
  ],
  'rejects, then calls done with a user': [
    calling((done) => {
      setTimeout(() => done(null, user), 5);
      return Promise.reject(broken);
    }),
    { error: broken },
  ],

  // NestJS
  'is from NestJS and gives a user': [nest(() => user), { user }],
  'is from NestJS and gives a user later': [nest(() => sleep(2, user)), { user }],
  'is from NestJS and gives user and info': [nest(() => [user, { scope: 'read' }]), { user, info: { scope: 'read' } }],
  'is from NestJS and gives nothing': [nest(() => undefined), failed],
  'is from NestJS and throws': [nest(() => assert.fail('no')), { error: /^AssertionError.*no$/ }],
  'is from NestJS and rejects': [nest(() => Promise.reject(broken)), { error: broken }],
  'takes rest parameters and calls done later': [
    (...parameters: unknown[]) => later(() => (parameters[2] as Done)(null, user)),
    { user },
  ],
  'takes rest parameters, gives a value of no meaning and calls done later': [
    (...parameters: unknown[]) => {
      later(() => (parameters[2] as Done)(null, user));
      return 5;
    },
    { user },
  ],
  ...Object.fromEntries(
    [null, 5, {}, { then: 5 }].map((value): [string, [AnyVerify, Expected]] => {
      const verify = calling((done) => {
        later(() => done(null, user));
        return value;
      });
      return [`gives ${inspect(value)} and calls done later`, [verify, { user }]];
    }),
  ),

  // errors
  'throws an error': [
    () => {
      throw broken;
    },
    { error: broken },
  ],
  'rejects with an error of another realm': [() => Promise.reject(foreign), { error: foreign }],
  'rejects with an error': [() => Promise.reject(broken), { error: broken }],
  'rejects with a revoked Proxy': [() => Promise.reject(revoked), noError],
  'rejects with an error later': [() => sleep(2).then(() => Promise.reject(broken)), { error: broken }],
  'neither takes done nor gives a promise': [taking(2, () => user), { error: /^TypeError: verify neither/ }],
};

for (const value of [undefined, null, 0, '', false, NaN, 'route', 'router', 'text', 5, {}, [], { status: 200 }]) {
  const shown = inspect(value);
  cases[`rejects with ${shown}`] = [() => Promise.reject(value), noError];
  cases[`throws ${shown}`] = [
    () => {
      throw value;
    },
    noError,
  ];
}

/** Both run verify alike. */
const strategies = [WeChatCodeStrategy, WeChatMiniProgramStrategy];
type AnyStrategy = (typeof strategies)[number];

function construct(Kind: AnyStrategy, verify: AnyVerify, url: string, passReqToCallback = false): Strategy {
  const options = { appId, appSecret, http: { baseUrl: url }, passReqToCallback };
  return Reflect.construct(Kind, [options, verify]) as Strategy;
}

function assertError(actual: unknown, expected: Error | RegExp): void {
  if (expected instanceof RegExp) assert.ok(actual instanceof Error && expected.test(String(actual)), String(actual));
  else assert.equal(actual, expected);
}

for (const [framework, express, Kind] of Object.entries(frameworks).flatMap(([name, express]) =>
  strategies.map((Kind) => [name, express, Kind] as const),
)) {
  describe(`a login with ${Kind.name} in ${framework} has one outcome when verify`, () => {
    afterEach(closeServers);

    for (const [what, [verify, expected]] of Object.entries(cases)) {
      it(what, async () => {
        const app = await startLoginApp(construct(Kind, verify, (await startCannedWeChat()).url), { express });
        const reply = await send(app, '/login', { json: { code: 'a' } });
        await send(app, '/callback', { json: { code: 'a' } });
        await sleep(15); // Long enough for all that the cases do later.

        assert.equal(app.handled, 'user' in expected ? 1 : 0);
        assert.equal(app.errors.length, 'error' in expected ? 1 : 0);
        assert.equal(app.outcomes.length, 1);
        const [outcome] = app.outcomes;
        if ('user' in expected) {
          assert.equal(reply.status, 200);
          assert.deepEqual(parse(reply).user, expected.user);
          assert.deepEqual(outcome, { error: null, info: undefined, status: undefined, ...expected });
        } else if ('failure' in expected) {
          assert.equal(reply.status, 401);
          assert.deepEqual([reply.headers.get('www-authenticate'), reply.headers.get('x-evil')], [null, null]);
          assert.deepEqual(outcome, { error: null, user: false, info: expected.failure, status: 401 });
        } else {
          assert.equal(reply.status, 500);
          assertError(app.errors[0], expected.error);
          assertError(outcome?.error, expected.error);
          assert.equal(outcome?.user, undefined);
        }
      });
    }
  });
}

describe('with passReqToCallback, a login has one outcome when verify', () => {
  afterEach(closeServers);

  const withRequest: Record<string, [verify: AnyVerify, expected: 200 | 401 | 500]> = {
    'calls done': [(_req: unknown, _tokens: unknown, _profile: unknown, done: Done) => done(null, user), 200],
    'is async, takes done and calls it after it has ended': [
      (_req: unknown, _tokens: unknown, _profile: unknown, done: Done) => {
        setTimeout(() => done(null, user), 5);
        return Promise.resolve();
      },
      200,
    ],
    'gives a promise of a user': [taking(3, () => Promise.resolve(user)), 200],
    'gives a promise of nothing': [taking(3, () => Promise.resolve()), 401],
    'is from NestJS': [nest((...parameters) => parameters.length === 4 && user), 200],
    'neither takes done nor gives a promise': [taking(3, () => user), 500],
    'rejects with undefined': [() => Promise.reject(), 500],
  };
  for (const [what, [verify, status]] of Object.entries(withRequest)) {
    it(what, async () => {
      for (const Kind of strategies) {
        const app = await startLoginApp(construct(Kind, verify, (await startCannedWeChat()).url, true));
        assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, status);
        assert.equal(app.handled, status === 200 ? 1 : 0);
      }
    });
  }
});

describe('an exception of the application', () => {
  afterEach(closeServers);

  it('in a custom callback is an uncaught exception, and the callback is not called again', async () => {
    const script = fileURLToPath(new URL('support/throwing-app.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'ts-blank-space/register', script]);
    const once = { called: 1, uncaught: ['the application broke'], rejections: [] };
    assert.deepEqual(JSON.parse(stdout), { success: once, fail: once, error: once });
  });

  it('in the protected handler goes to its error handler, and neither runs again', async () => {
    const { url } = await startCannedWeChat();
    for (const express of Object.values(frameworks)) {
      const app = await startLoginApp(
        construct(WeChatCodeStrategy, () => Promise.resolve({ id: 1n }), url),
        { express },
      );
      // JSON has no such number, so the handler throws.
      assert.equal((await send(app, '/login', { json: { code: 'a' } })).status, 500);
      await sleep(5);
      assert.deepEqual([app.handled, app.errors.length], [1, 1]);
    }
  });
});
