import assert from 'node:assert/strict';
import { Console } from 'node:console';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { format, inspect, types } from 'node:util';
import { serialize } from 'node:v8';

import ts from 'typescript';

import {
  AccessToken,
  AppId,
  AppSecret,
  AuthorizationCode,
  exposeTokens,
  OpenId,
  RefreshToken,
  SessionKey,
  type TokenResponse,
  UnionId,
  WeChatClient,
  WeChatCodeStrategy,
  WeChatMiniProgramStrategy,
} from '../src/index.js';

/** Stands in every secret here, and must be seen nowhere. */
const canary = 'cAnArY';

const secretTypes = [
  { Type: AppSecret, parameter: 'appSecret', longest: 4096 },
  { Type: AuthorizationCode, parameter: 'code', longest: 512 },
  { Type: AccessToken, parameter: 'accessToken', longest: 4096 },
  { Type: RefreshToken, parameter: 'refreshToken', longest: 4096 },
  { Type: SessionKey, parameter: 'sessionKey', longest: 4096 },
];

/** What is written by a console. */
function written(write: (console: Console) => void): string {
  const stdout = new PassThrough();
  write(new Console({ stdout, inspectOptions: { showHidden: true, depth: Infinity } }));
  return String(stdout.read());
}

const thorough = { showHidden: true, depth: Infinity, showProxy: true, getters: true } as const;

describe('a secret', () => {
  type Secret = InstanceType<(typeof secretTypes)[number]['Type']>;

  const redacted: [string, (secret: Secret) => string][] = [
    ['String()', (secret) => String(secret)],
    ['a template literal', (secret: unknown) => `<${secret as string}>`.slice(1, -1)],
    ['a concatenation', (secret: unknown) => ('<' + (secret as string)).slice(1)],
    ['a join', (secret) => [secret].join()],
    ['toJSON()', (secret) => secret.toJSON()],
    ['JSON', (secret) => JSON.parse(JSON.stringify(secret)) as string],
    ['inspect', (secret) => inspect(secret)],
    ['inspect that shows all it can', (secret) => inspect(secret, thorough)],
    ['format %s', (secret) => format('%s', secret)],
    ['format %o', (secret) => format('%o', secret)],
    ['format %O', (secret) => format('%O', secret)],
    ['format %j', (secret) => JSON.parse(format('%j', secret)) as string],
    ['console.log', (secret) => written((console) => console.log(secret)).trimEnd()],
    ['console.error of several values', (secret) => written((console) => console.info('', secret)).trim()],
  ];
  const hidden: [string, (secret: Secret) => string][] = [
    ['inspect without its own rendering', (secret) => inspect(secret, { ...thorough, customInspect: false })],
    ['console.dir', (secret) => written((console) => console.dir(secret, { showHidden: true, depth: Infinity }))],
    ['console.table', (secret) => written((console) => console.table([secret, { secret }]))],
    ['format %d', (secret) => format('%d %i %f', secret, secret, secret)],
    ['inspect of what holds it', (secret) => inspect({ a: [new Map([[secret, new Set([secret])]])] }, thorough)],
    ['JSON of what holds it', (secret) => JSON.stringify({ a: [secret, { secret }] })],
    [
      'an error that carries it',
      (secret) => inspect(Object.assign(new Error('x', { cause: secret }), { secret }), thorough),
    ],
    ['the message of a failed assertion', (secret) => failure(() => assert.equal(secret, 'x'))],
    ['structuredClone', (secret) => inspect(structuredClone(secret), thorough)],
    ['serialize', (secret) => serialize(secret).toString('latin1')],
    ['a copy', (secret) => inspect([{ ...(secret as object) }, Object.assign({}, secret)], thorough)],
  ];

  for (const { Type, parameter, longest } of secretTypes) {
    describe(Type.name, () => {
      const secret = new Type(canary);

      it('gives its text to exposeSecret() alone', () => {
        assert.equal(secret.exposeSecret(), canary);
        assert.equal(new Type('中 %"\\😀').exposeSecret(), '中 %"\\😀');
      });

      for (const [way, show] of redacted) {
        it(`is [REDACTED] in ${way}`, () => assert.equal(show(secret), '[REDACTED]'));
      }
      for (const [way, show] of hidden) {
        it(`is not seen in ${way}`, () => assert.ok(!show(secret).includes(canary)));
      }

      it('has no property that could be read, copied or listed', () => {
        assert.deepEqual(Reflect.ownKeys(secret), []);
        assert.deepEqual(Object.getOwnPropertyNames(secret), []);
        assert.deepEqual(Object.entries(secret), []);
        assert.deepEqual({ ...(secret as object) }, {});
        assert.deepEqual(structuredClone(secret), {});
        const inherited: string[] = [];
        for (const name in secret) inherited.push(name);
        assert.deepEqual(inherited, []);
      });

      it('is not what its rendering is made into', () => {
        assert.equal(JSON.stringify({ secret }), '{"secret":"[REDACTED]"}');
        assert.equal(inspect({ secret }), '{ secret: [REDACTED] }');
        assert.equal(types.isProxy(secret), false);
      });

      const refused: [string, unknown, RegExp][] = [
        ['nothing', undefined, /is not a string/],
        ['null', null, /is not a string/],
        ['a number', 5, /is not a string/],
        ['an object that has the text', { toString: () => canary, toJSON: () => canary }, /is not a string/],
        ['an array', [canary], /is not a string/],
        ['a String object', Object(canary), /is not a string/],
        ['a secret of its own kind', secret, /is not a string/],
        ['the empty string', '', /is empty/],
        ['too long a text', canary.padEnd(longest + 1, 'x'), new RegExp(`is longer than ${longest} characters`)],
        ['a line break', `${canary}\n`, /has control characters/],
        ['a NUL', `${canary}\0${canary}`, /has control characters/],
        ['a C1 control character', `${canary}\u0085`, /has control characters/],
        ['a lone surrogate', `${canary}\ud800`, /is not well-formed Unicode/],
      ];
      for (const [what, value, message] of refused) {
        it(`refuses ${what} with a TypeError that does not quote it`, () => {
          assert.throws(
            () => new Type(value as string),
            (error) => {
              assert.ok(error instanceof TypeError);
              assert.match(
                error.message,
                new RegExp(`^${parameter} ${message.source}: pass the text as WeChat gave it$`),
              );
              assert.ok(!inspect(error, thorough).includes(canary));
              return true;
            },
          );
        });
      }

      it(`takes ${longest} characters`, () => {
        assert.equal(new Type('x'.repeat(longest)).exposeSecret().length, longest);
      });
    });
  }

  for (const [where, text] of [
    ['before', ` ${canary}`],
    ['behind', `${canary} `],
    ['behind, wide', `${canary}\u3000`],
  ] as const) {
    it(`of an app is refused with white space ${where}`, () => {
      assert.throws(
        () => new AppSecret(text),
        (error) => {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, /^appSecret begins or ends with white space: remove it/);
          assert.ok(!inspect(error, thorough).includes(canary));
          return true;
        },
      );
    });
  }

  it('of an app may have white space inside, and a code around it', () => {
    assert.equal(new AppSecret('a b').exposeSecret(), 'a b');
    assert.equal(new AuthorizationCode(' a ').exposeSecret(), ' a ');
  });

  it('is not seen in an inspected client or strategy', () => {
    const options = { appId: 'wx1', appSecret: canary };
    const client = new WeChatClient(options);
    const verify = (): void => {};
    for (const holder of [
      client,
      new WeChatClient({ ...options, appSecret: new AppSecret(canary) }),
      new WeChatCodeStrategy(options, verify),
      new WeChatCodeStrategy({ client }, verify),
      new WeChatMiniProgramStrategy(options, verify),
      Object.create(new WeChatCodeStrategy(options, verify)) as object,
    ]) {
      for (const customInspect of [true, false]) {
        assert.ok(!inspect(holder, { ...thorough, customInspect }).includes(canary));
      }
      assert.ok(!written((console) => console.log('%o %O %s', holder, holder, holder)).includes(canary));
    }
    assert.ok(!JSON.stringify(client).includes(canary));
  });
});

describe('exposeTokens', () => {
  const tokens: TokenResponse = {
    accessToken: new AccessToken('access'),
    refreshToken: new RefreshToken('refresh'),
    expiresIn: 7200,
    openid: OpenId('o1'),
    scope: ['snsapi_base'],
    isSnapshotUser: false,
  };

  it('gives a plain object that survives JSON', () => {
    for (const given of [tokens, { ...tokens, unionid: UnionId('u1') }]) {
      const exposed = exposeTokens(given);
      const expected = { ...given, accessToken: 'access', refreshToken: 'refresh' };
      assert.deepEqual(exposed, expected);
      assert.deepEqual(JSON.parse(JSON.stringify(exposed)), expected);
      assert.equal(Object.getPrototypeOf(exposed), Object.prototype);
      assert.notEqual(exposed.scope, given.scope, 'whoever changes the one changes the other');
    }
  });

  it('leaves the tokens themselves redacted', () => {
    exposeTokens(tokens);
    assert.match(JSON.stringify(tokens), /"accessToken":"\[REDACTED\]","refreshToken":"\[REDACTED\]"/);
  });
});

describe('an id', () => {
  for (const { name, make } of [
    { name: 'appId', make: AppId },
    { name: 'openid', make: OpenId },
    { name: 'unionid', make: UnionId },
  ]) {
    it(`of the kind ${name} is the string itself`, () => {
      for (const text of ['a', 'o6_bmjrPTlm6_2sgVt7hMZOPfL2M', '-_-', '0', 'x'.repeat(128)]) {
        assert.equal(make(text), text);
      }
    });

    it(`of the kind ${name} is letters, digits, "_" and "-", or a TypeError that does not quote it`, () => {
      const wrong = ['', ' ', 'a b', 'a/b', 'a&b=c', 'a.b', 'a\n', '\u0000', '微信', 'é', '\ud800', 'x'.repeat(129)];
      const odd: unknown[] = [undefined, null, 5, true, {}, [canary], Object(canary), { toString: () => canary }];
      for (const value of [...wrong, ...odd, ` ${canary}`, new AppSecret(canary)]) {
        assert.throws(
          () => make(value as string),
          (error) => {
            assert.ok(error instanceof TypeError);
            const expected = `${name} must be 1 to 128 letters, digits, "_" or "-": pass it as WeChat gave it`;
            assert.equal(error.message, expected);
            assert.ok(!inspect(error, thorough).includes(canary));
            return true;
          },
          inspect(value),
        );
      }
    });
  }
});

interface Values {
  client: WeChatClient;
  appId: AppId;
  appSecret: AppSecret;
  code: AuthorizationCode;
  accessToken: AccessToken;
  refreshToken: RefreshToken;
  sessionKey: SessionKey;
  openid: OpenId;
  unionid: UnionId;
}

/** Never called: that it compiles is the test. A line that is no mistake to the compiler makes `tsc` fail here. */
export function mistakes({
  client,
  appId,
  appSecret,
  code,
  accessToken,
  refreshToken,
  sessionKey,
  openid,
  unionid,
}: Values): unknown {
  return [
    // @ts-expect-error: an openid is no app id
    new WeChatClient({ appId: openid, appSecret }),
    // @ts-expect-error: a unionid is no app id
    new WeChatClient({ appId: unionid, appSecret }),
    // @ts-expect-error: an access token is no app secret
    new WeChatClient({ appId, appSecret: accessToken }),
    // @ts-expect-error: an openid is no app id
    new WeChatCodeStrategy({ appId: openid, appSecret }, () => {}),
    // @ts-expect-error: a code is no app secret
    new WeChatCodeStrategy({ appId, appSecret: code }, () => {}),
    // @ts-expect-error: an app secret is no code
    client.exchangeCode(appSecret),
    // @ts-expect-error: a refresh token is no code
    client.exchangeCode(refreshToken),
    // @ts-expect-error: a session key is no code
    client.codeToSession(sessionKey),
    // @ts-expect-error: a session key is no access token
    client.getUserInfo(sessionKey, openid),
    // @ts-expect-error: an access token is no refresh token
    client.refreshToken(accessToken),
    // @ts-expect-error: an app secret is no refresh token
    client.refreshToken(appSecret),
    // @ts-expect-error: a refresh token is no access token
    client.getUserInfo(refreshToken, openid),
    // @ts-expect-error: a code is no access token
    client.getUserInfo(code, openid),
    // @ts-expect-error: a unionid is no openid
    client.getUserInfo(accessToken, unionid),
    // @ts-expect-error: an app id is no openid
    client.getUserInfo(accessToken, appId),
    // @ts-expect-error: an openid is no unionid
    client.getUserInfo(accessToken, openid, { unionid: openid }),
    // @ts-expect-error: a refresh token is no access token
    client.validateToken(refreshToken, openid),
    // @ts-expect-error: a unionid is no openid
    client.validateToken(accessToken, unionid),
    // @ts-expect-error: an app id is no openid
    client.validateToken(accessToken, appId),
    // @ts-expect-error: a secret is shown by exposeSecret() alone
    encodeURIComponent(accessToken),
  ];
}

/** Never called: that it compiles is the test. */
export function rightUses(values: Values & { text: string }): unknown {
  const { client, appId, appSecret, code, accessToken, refreshToken, openid, unionid, text } = values;
  return [
    new WeChatClient({ appId, appSecret }),
    new WeChatClient({ appId: text, appSecret: text }),
    new WeChatCodeStrategy({ appId, appSecret }, () => {}),
    new WeChatCodeStrategy({ appId: text, appSecret: text }, () => {}),
    client.exchangeCode(code),
    client.exchangeCode(text),
    client.codeToSession(code),
    client.codeToSession(text),
    client.refreshToken(refreshToken),
    client.refreshToken(text),
    client.getUserInfo(accessToken, openid, { unionid }),
    client.getUserInfo(text, text, { unionid: text }),
    client.validateToken(accessToken, openid),
    client.validateToken(text, text),
    openid.startsWith('o'),
  ];
}

describe('the type checker', function () {
  this.timeout(120_000);

  const own = fileURLToPath(import.meta.url);
  const root = fileURLToPath(new URL('..', import.meta.url));

  /** The messages of the type checker about a text in the place of this file, by line. */
  function diagnose(text: string): Map<number, string> {
    const { config } = ts.readConfigFile(`${root}tsconfig.json`, (file) => ts.sys.readFile(file)) as { config: object };
    const { options } = ts.parseJsonConfigFileContent({ ...config, files: [own], include: [] }, ts.sys, root);
    const host = ts.createCompilerHost(options);
    const readFile = host.readFile.bind(host);
    host.readFile = (file) => (ts.sys.resolvePath(file) === ts.sys.resolvePath(own) ? text : readFile(file));
    const program = ts.createProgram([own], options, host);
    const file = program.getSourceFile(own);
    assert.ok(file, 'the file is compiled');
    return new Map(
      ts
        .getPreEmitDiagnostics(program, file)
        .map(({ start = 0, messageText }) => [
          file.getLineAndCharacterOfPosition(start).line,
          ts.flattenDiagnosticMessageText(messageText, '\n'),
        ]),
    );
  }

  it('names every mistake in this file, once they are no longer expected', () => {
    const marker = '// @ts-expect-error:';
    const text = ts.sys.readFile(own) ?? '';
    const found = diagnose(text.replaceAll(marker, '// a mistake:'));
    const expected = text.split('\n').flatMap((line, index) => (line.trim().startsWith(marker) ? [index + 1] : []));
    assert.equal(expected.length, 20);
    assert.deepEqual(
      [...found.keys()].sort((a, b) => a - b),
      expected,
    );
    for (const message of found.values()) {
      assert.match(message, /is not assignable to|No overload matches/);
    }
  });

  it('tells every kind of secret and of id from every other, and from a plain string', () => {
    const secrets = ['AppSecret', 'AuthorizationCode', 'AccessToken', 'RefreshToken', 'SessionKey'];
    const kinds = [...secrets, 'AppId', 'OpenId', 'UnionId'];
    const pairs = kinds.flatMap((to) => [...kinds, 'string'].map((from) => ({ from, to })));
    const lines = pairs.map(({ from, to }) => `take<${to}>(give<${from}>());`);
    const found = diagnose(
      [
        `import type { ${kinds.join(', ')} } from '../src/index.js';`,
        'declare function give<T>(): T;',
        'declare function take<T>(value: NoInfer<T>): void;',
        ...lines,
      ].join('\n'),
    );
    const [refused, taken] = [true, false].map((wanted) => lines.filter((_, index) => found.has(index + 3) === wanted));
    assert.deepEqual(
      taken,
      kinds.map((kind) => `take<${kind}>(give<${kind}>());`),
    );
    assert.equal(refused?.length, 64);
    assert.equal(found.size, 64);
    for (const message of found.values()) assert.match(message, /^Argument of type .+ is not assignable to/);
  });
});

function failure(run: () => void): string {
  try {
    run();
  } catch (error) {
    return inspect(error, thorough);
  }
  throw new Error('nothing failed');
}
