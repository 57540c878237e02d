import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import { inspect } from 'node:util';

import { checkHttpOptions } from '../src/http-options.js';
import {
  AccessToken,
  AppSecret,
  AuthorizationCode,
  type HttpOptions,
  WeChatClient,
  type WeChatClientOptions,
  WeChatCodeStrategy,
  type WeChatCodeStrategyOptions,
} from '../src/index.js';

/** Stands in every secret and every address here, and must stand in no error. */
const canary = 'cAnArY';

function assertWrong(construct: () => unknown, message: RegExp): void {
  assert.throws(construct, (error) => {
    assert.ok(error instanceof TypeError);
    assert.match(error.message, message);
    assert.ok(!inspect(error, { showHidden: true, depth: Infinity }).includes(canary));
    return true;
  });
}

const show = (value: unknown): string => inspect(value, { depth: 0, breakLength: Infinity });

/** Wrong options of the type that a JavaScript caller may believe to be right. */
type Wrong = [option: string, value: unknown, message: RegExp];

const wrongTimes = [null, NaN, Infinity, -1, 0.5, 2 ** 31, '1000', true, {}, [1], 10n];
const wrongHttp: Wrong[] = [
  ...['timeout', 'connectTimeout'].flatMap((option) =>
    [0, ...wrongTimes].map((value): Wrong => [option, value, / must be a whole number from 1 to 2147483647$/]),
  ),
  ...['maxRetries', 'retryDelay'].flatMap((option) =>
    wrongTimes.map((value): Wrong => [option, value, / must be a whole number from 0 to 2147483647$/]),
  ),
  ...['', 'a\nb', 'a\r\nx: y', '\0', 'é', '微信', '\u007f'].map((value): Wrong => [
    'userAgent',
    value,
    / must be printable ASCII text$/,
  ]),
  ...[5, null, true, {}, ['a']].map((value): Wrong => ['userAgent', value, / must be printable ASCII text$/]),
  ...[5, null, true, {}, new URL('https://a.example')].map((value): Wrong => ['baseUrl', value, / must /]),
  ...['https://a.example/?', 'https://a.example#'].map((value): Wrong => [
    'baseUrl',
    value,
    / must not have a user name, password, query or fragment$/,
  ]),
  ...[null, 5, 'http://proxy', new https.Agent()].map((value): Wrong => ['agent', value, / must /]),
  ['baseUrl', [], / must have at least one address$/],
  ...['', 'api.weixin.qq.com', '/sns', '//api.weixin.qq.com', 'https://', `https://${canary} x`, [null], [5], ['']].map(
    (value): Wrong => ['baseUrl', value, / must be an address such as https:\/\/api\.weixin\.qq\.com$/],
  ),
  ...[
    ...['http://api.weixin.qq.com', 'http://10.0.0.1', 'http://0.0.0.0', 'http://[::2]', `ftp://${canary}`, 'file:///'],
    ...['http://localhost.example', 'http://127.0.0.1.example', 'http://127.0.0.example', 'http://1.127.0.0'],
    ...['ws://localhost', 'javascript:alert(1)', 'localhost:8080', 'http://localhost@example.org'],
    ['https://api.weixin.qq.com', 'http://api2.weixin.qq.com'],
  ].map((value): Wrong => ['baseUrl', value, / must be https, or http on loopback/]),
  ...[
    ...[`https://${canary}@a.example`, `https://:${canary}@a.example`, `https://user:${canary}@a.example`],
    ...[`https://a.example?secret=${canary}`, `https://a.example/#${canary}`, `http://user:${canary}@127.0.0.1`],
    ['https://a.example', `https://a.example/?${canary}`],
  ].map((value): Wrong => ['baseUrl', value, / must not have a user name, password, query or fragment$/]),
  ...[null, 5, 'http://proxy', {}].flatMap((value): Wrong[] => [
    ['agent', { http: value }, /\.http must be an http\.Agent$/],
    ['agent', { https: value }, /\.https must be an https\.Agent$/],
  ]),
  ...[null, 5, 'undici', {}, Promise.resolve()].map((value): Wrong => ['transport', value, / must be a function$/]),
  ['agent', { https: new https.Agent({ rejectUnauthorized: false }) }, /\.https must check certificates/],
  ['agent', { http: new https.Agent() }, /\.http must not be an https\.Agent$/],
  ['agent', [], / must be an object$/],
  ...[{ minVersion: 'TLSv1' }, { minVersion: 'TLSv1.1' }, { maxVersion: 'TLSv1.1' }, { secureProtocol: 'TLSv1_method' }]
    .map((options) => new https.Agent(options as https.AgentOptions))
    .map((agent): Wrong => ['agent', { https: agent }, /\.https must use TLS 1\.2 or later/]),
];

describe('the options of HTTP', () => {
  const defaults = {
    timeout: 30_000,
    connectTimeout: 10_000,
    maxRetries: 3,
    retryDelay: 1_000,
    userAgent: 'passport-wechat-code',
    baseUrls: ['https://api.weixin.qq.com'],
    agents: {},
    transport: undefined,
  };

  it('have the documented defaults', () => {
    assert.deepEqual(checkHttpOptions(), defaults);
    assert.deepEqual(checkHttpOptions(undefined), defaults);
    assert.deepEqual(checkHttpOptions({}), defaults);
  });

  it('have the default where an option is undefined', () => {
    const names = [
      'timeout',
      'connectTimeout',
      'maxRetries',
      'retryDelay',
      'userAgent',
      'baseUrl',
      'agent',
      'transport',
    ];
    const undefineds = Object.fromEntries(names.map((name) => [name, undefined])) as HttpOptions;
    assert.deepEqual(checkHttpOptions(undefineds), defaults);
  });

  it('are taken as they are', () => {
    const agents = { http: new http.Agent(), https: new https.Agent() };
    const numbers = { timeout: 1, connectTimeout: 2 ** 31 - 1, maxRetries: 0, retryDelay: 0 };
    const settings = checkHttpOptions({ ...numbers, userAgent: ' ~!', agent: agents });
    assert.deepEqual(settings, { ...defaults, ...numbers, userAgent: ' ~!', agents });
    assert.equal(settings.agents.http, agents.http);
    assert.equal(settings.agents.https, agents.https);
  });

  it('take a transport, in place of agents', () => {
    const transport = (): Promise<never> => Promise.reject(new Error('not called'));
    assert.deepEqual(checkHttpOptions({ transport }), { ...defaults, transport });
    assertWrong(
      () => checkHttpOptions({ transport, agent: {} }),
      /^Pass either http\.transport or http\.agent: agents are /,
    );
  });

  it('take an agent for one of the protocols, and a plain one that tunnels HTTPS', () => {
    const agent = new http.Agent();
    assert.deepEqual(checkHttpOptions({ agent: { http: agent } }).agents, { http: agent });
    const tunnel: object = { https: agent };
    assert.deepEqual(checkHttpOptions({ agent: tunnel }).agents, tunnel);
  });

  const addresses: [string | string[], string[]][] = [
    ['https://api.weixin.qq.com/', ['https://api.weixin.qq.com']],
    ['https://proxy.example:8443/wechat//', ['https://proxy.example:8443/wechat']],
    ['HTTPS://API.weixin.qq.com:443', ['https://api.weixin.qq.com']],
    ['http://localhost:1234', ['http://localhost:1234']],
    ['http://127.0.0.1:1234/', ['http://127.0.0.1:1234']],
    ['http://127.8.9.10', ['http://127.8.9.10']],
    ['http://[::1]:1234', ['http://[::1]:1234']],
    [
      ['https://api.weixin.qq.com', 'https://api2.weixin.qq.com/', 'http://localhost/x/'],
      ['https://api.weixin.qq.com', 'https://api2.weixin.qq.com', 'http://localhost/x'],
    ],
  ];
  for (const [baseUrl, expected] of addresses) {
    it(`take the address ${show(baseUrl)}`, () => {
      assert.deepEqual(checkHttpOptions({ baseUrl }).baseUrls, expected);
    });
  }

  for (const [option, value, message] of wrongHttp) {
    it(`are refused with the ${option} ${show(value)}`, () => {
      const options = { [option]: value } as HttpOptions;
      const expected = new RegExp(`^http\\.${option}${message.source}`);
      assertWrong(() => checkHttpOptions(options), expected);
      assertWrong(() => new WeChatClient({ appId: 'wx1', appSecret: canary, http: options }), expected);
      assertWrong(() => new WeChatCodeStrategy({ appId: 'wx1', appSecret: canary, http: options }, () => {}), expected);
    });
  }
});

const wrongApp: Wrong[] = [
  ...[undefined, null, '', 5, {}, 'wx 1', 'wx1\n', 'wx1&secret=', [canary], new AppSecret(canary)].map(
    (value): Wrong => ['appId', value, / must be 1 to 128 letters, digits, "_" or "-"/],
  ),
  ...[undefined, null, 5, {}, [canary], { toString: () => canary }].map((value): Wrong => [
    'appSecret',
    value,
    / is not a string/,
  ]),
  ...[new AccessToken(canary), new AuthorizationCode(canary)].map((value): Wrong => [
    'appSecret',
    value,
    / is not a string/,
  ]),
  ['appSecret', '', / is empty/],
  ['appSecret', canary.repeat(999), / is longer than 4096 characters/],
  ['appSecret', `${canary}\n`, / has control characters/],
  ['appSecret', `${canary} `, / begins or ends with white space/],
];

describe('a WeChatClient', () => {
  for (const http of [null, 5, 'http://proxy']) {
    it(`is refused with the http ${show(http)}`, () => {
      const options = { appId: 'wx1', appSecret: canary, http } as WeChatClientOptions;
      assertWrong(() => new WeChatClient(options), /^http must /);
    });
  }

  it('is made from an app id and a secret, redacted or not', () => {
    for (const appSecret of ['secret', new AppSecret('secret')]) {
      assert.equal(new WeChatClient({ appId: 'wx1', appSecret }).appId, 'wx1');
    }
  });

  for (const [option, value, message] of wrongApp) {
    it(`is refused with the ${option} ${show(value).slice(0, 40)}`, () => {
      const options = { appId: 'wx1', appSecret: canary, [option]: value } as WeChatClientOptions;
      assertWrong(() => new WeChatClient(options), new RegExp(`^${option}${message.source}`));
    });
  }
});

describe('a WeChatCodeStrategy', () => {
  const app = { appId: 'wx1', appSecret: canary };
  const client = new WeChatClient(app);
  const verify = (): void => {};
  const construct = (options: object, second: unknown = verify): WeChatCodeStrategy =>
    new WeChatCodeStrategy(options as WeChatCodeStrategyOptions, second as () => void);

  it("is called 'wechat-code', or as its name says", () => {
    assert.equal(construct(app).name, 'wechat-code');
    assert.equal(construct({ ...app, name: undefined }).name, 'wechat-code');
    assert.equal(construct({ ...app, name: 'wechat-app' }).name, 'wechat-app');
  });

  it('is made from an app, a client, or a function that chooses one', () => {
    for (const options of [app, { ...app, http: { timeout: 1 } }, { client }, { client: () => client }]) {
      assert.doesNotThrow(() => construct(options));
    }
  });

  it('takes every documented value of its options', () => {
    for (const options of [
      ...['auto', 'always', 'never'].map((userInfo) => ({ userInfo })),
      ...['zh_CN', 'zh_TW', 'en'].map((lang) => ({ lang })),
      ...['allowSnapshotUser', 'requireUnionId', 'passReqToCallback'].flatMap((name) => [
        { [name]: true },
        { [name]: false },
      ]),
      { codeField: 'wx_code', verifyState: () => true },
    ]) {
      assert.doesNotThrow(() => construct({ ...app, ...options }), show(options));
    }
  });

  const wrong: Wrong[] = [
    ...wrongApp,
    ...['name', 'codeField'].flatMap((option) =>
      ['', 5, null, true, {}, ['code']].map((value): Wrong => [option, value, / must be a non-empty string$/]),
    ),
    ...['', 'Auto', 'sometimes', null, true, 5, ['auto'], {}].map((value): Wrong => [
      'userInfo',
      value,
      / must be one of auto, always, never$/,
    ]),
    ...['', 'zh', 'zh-CN', 'EN', 'zh_cn', true, ['en']].map((value): Wrong => [
      'lang',
      value,
      / must be one of zh_CN, zh_TW, en$/,
    ]),
    ...['allowSnapshotUser', 'requireUnionId', 'passReqToCallback'].flatMap((option) =>
      [null, 'false', 'true', 0, 1, {}].map((value): Wrong => [option, value, / must be true or false$/]),
    ),
    ...[null, true, 'state', {}].map((value): Wrong => ['verifyState', value, / must be a function$/]),
  ];
  for (const [option, value, message] of wrong) {
    it(`is refused with the ${option} ${show(value).slice(0, 40)}`, () => {
      assertWrong(() => construct({ ...app, [option]: value }), new RegExp(`^${option}${message.source}`));
    });
  }

  for (const value of [null, 5, 'client', {}, [], { exchangeCode: canary }]) {
    it(`is refused with the client ${show(value)}`, () => {
      assertWrong(() => construct({ client: value }), /^client must be a WeChatClient, or a function/);
    });
  }

  for (const [name, value] of Object.entries({ ...app, http: {} })) {
    it(`is refused with both a client and ${name}`, () => {
      assertWrong(() => construct({ client, [name]: value }), /either client, or appId, appSecret and http/);
      assertWrong(() => construct({ client: () => client, [name]: value }), /either client, or appId/);
    });
  }

  it('is refused without an app and a client', () => {
    assertWrong(() => construct({}), /^appId must be/);
    assertWrong(() => construct({ appId: 'wx1' }), /^appSecret is not a string/);
    assertWrong(() => construct({ appSecret: canary }), /^appId must be/);
  });

  for (const value of [null, 'verify', {}, true]) {
    it(`is refused with ${show(value)} in place of a verify function`, () => {
      assertWrong(() => construct(app, value), /^verify must be a function$/);
    });
  }

  it('is refused without options or a verify function', () => {
    assertWrong(() => Reflect.construct(WeChatCodeStrategy, [app]), /^verify must be a function$/);
    assertWrong(() => Reflect.construct(WeChatCodeStrategy, [verify]), /^options must be an object$/);
    assertWrong(() => Reflect.construct(WeChatCodeStrategy, []), /^options must be an object$/);
  });
});
