import assert from 'node:assert/strict';
import { inspect } from 'node:util';

import type { RequestHandler } from 'express';

import {
  type AppOptions,
  type LoginFailureCode,
  type LoginRequest,
  WeChatCodeStrategy,
  WeChatMiniProgramStrategy,
} from '../../src/index.js';
import { closeServers, frameworks, type LoginApp, passports, send, type Sent, startLoginApp } from '../support/app.js';
import { appId, appSecret, type CannedWeChat, startCannedWeChat, tokenAnswer } from '../support/canned-wechat.js';

const long = 'x'.repeat(513);
const high = '\ud83d';
const low = '\ude00';

/** What no code can be, wherever it stands. */
// prettier-ignore
const malformed: unknown[] = [
  null, true, false, 0, 1, -1, NaN, Infinity, 10n, Symbol('a'), Symbol.iterator,
  [], [''], ['a'], ['a', 'a'], ['a', 'b'], [['a']], [null], { 0: 'a' }, { length: 1 },
  {}, { code: 'a' }, { $ne: null }, { $gt: '' }, { toString: () => 'a' }, { valueOf: () => 'a' }, { toJSON: () => 'a' },
  { exposeSecret: () => 'a' }, Object('a') as unknown, new Date(0), /a/, new Map([['code', 'a']]), new Error('a'),
  Buffer.from('a'), new Uint8Array([97]), () => 'a', Promise.resolve('a'), Object.create(null) as unknown,
  '', long, 'x'.repeat(100_000), '😀'.repeat(257),
  '\0', '\t', '\n', '\r', '\r\n', '\v', '\b', '\u001b[31m', '\u001f', '\u007f', '\u0080', '\u0085', '\u009f',
  'a\0', '\0a', 'a\0b', 'a\n', '\na', 'a\tb', 'a\r\nX-Evil: 1', 'a\u007f', 'a\u0085b', 'a\u009f',
  high, low, `a${high}`, `${high}a`, `${low}${high}`, `a${low}b`, `😀${high}`,
];

/** What arrives at WeChat as it is: whether it is a code, WeChat says. */
// prettier-ignore
const good: string[] = [
  'a', '0', 'x'.repeat(512), '😀'.repeat(256), '😀', '汉字', 'é', 'e\u0301', 'ß', 'İ', ' ', ' a b ', 'a  b', '\u00a0',
  '+', 'a+b', '%', '%00', '%0a', '%zz', '%2541', '&', '=', 'a=b', 'a&appid=evil', 'a&secret=evil', 'secret=evil', 'a&code=b', '#', 'a#b', '?', 'a?code=b',
  '/', '../..', '//evil.example', '\\', '"', "'", '`', '<script>', '{}', '[]', '${a}', ';', ',', ':', '@', '|', '~', '*',
  'null', 'undefined', 'true', 'NaN', '__proto__', 'constructor', '[object Object]', '[REDACTED]',
  'authdeny ', ' authdeny', 'AUTHDENY', 'authdenied', '\u200b', '\u2028', '\u202e', '\ufeff', '\ufffd', '\uffff',
];

const inherited: unknown = Object.create({ code: 'a' });
const inheritedGetter: unknown = Object.create(Object.defineProperty<object>({}, 'code', { get: () => 'a' }));
const ownProto: unknown = JSON.parse('{"__proto__":{"code":"a"}}');
const bare: unknown = Object.create(null);

/** A `body` or a `query` that has no code. */
// prettier-ignore
const empty: unknown[] = [
  undefined, null, '', 'a', 'code', 'code=a', '{"code":"a"}', 5, true, Symbol('code'), () => 'code', 10n,
  {}, [], ['a'], ['code', 'a'], [{ code: 'a' }], [['code', 'a']], Object.assign([], { code: 'a' }),
  Buffer.from('code=a'), Buffer.from('{"code":"a"}'), new Uint8Array(4), new ArrayBuffer(4),
  Object.assign(Buffer.from('a'), { code: 'a' }), Object.assign(new Uint8Array(4), { code: 'a' }),
  new Map([['code', 'a']]), new URLSearchParams('code=a'), Object.assign(() => 'a', { code: 'a' }),
  inherited, inheritedGetter, ownProto, bare, { __proto__: { code: 'a' } }, { constructor: { code: 'a' } },
  { Code: 'a' }, { CODE: 'a' }, { ' code': 'a' }, { 'code ': 'a' }, { 'code[]': 'a' }, { 'code\0': 'a' }, { codes: 'a' },
  { code: undefined }, { body: { code: 'a' } }, { query: { code: 'a' } }, { state: 'a' },
];

interface Kind {
  make: (options: AppOptions) => WeChatCodeStrategy | WeChatMiniProgramStrategy;
  /** Where the code arrives at WeChat, and what it is called there. */
  endpoint: string;
  parameter: string;
}

const letIn = (): Promise<object> => Promise.resolve({ id: 1 });
const web: Kind = {
  make: (options) => new WeChatCodeStrategy(options, letIn),
  endpoint: '/sns/oauth2/access_token',
  parameter: 'code',
};
const miniProgram: Kind = {
  make: (options) => new WeChatMiniProgramStrategy(options, letIn),
  endpoint: '/sns/jscode2session',
  parameter: 'js_code',
};

let kind: Kind;
let wechat: CannedWeChat;
let read = 0;

/** The codes that arrived at WeChat since the last time. Makes sure that nothing else came in with them. */
function arrived(): string[] {
  const requests = wechat.requests.slice(read);
  read = wechat.requests.length;
  return requests.map(({ pathname, searchParams }) => {
    assert.equal(pathname, kind.endpoint);
    const code = searchParams.get(kind.parameter) ?? '';
    assert.deepEqual(
      [...searchParams],
      [
        ['appid', appId],
        ['secret', appSecret],
        [kind.parameter, code],
        ['grant_type', 'authorization_code'],
      ],
    );
    return code;
  });
}

function makeStrategy(): ReturnType<Kind['make']> {
  return kind.make({ appId, appSecret, http: { baseUrl: wechat.url } });
}

type Result = ['success'] | ['fail', status: number, code: LoginFailureCode] | ['error', error: Error];

/** Runs the strategy as Passport does, and waits long enough to see a second outcome. */
async function authenticate(request: LoginRequest): Promise<Result> {
  const results: Result[] = [];
  await new Promise<void>((resolve) => {
    const report = (result: Result): void => {
      results.push(result);
      setImmediate(resolve);
    };
    const strategy = Object.create(makeStrategy()) as WeChatCodeStrategy;
    strategy.success = () => report(['success']);
    strategy.fail = (failure: { code: LoginFailureCode } | number, status?: number) => {
      assert.ok(typeof failure === 'object' && status !== undefined);
      report(['fail', status, failure.code]);
    };
    strategy.error = (error: Error) => report(['error', error]);
    strategy.authenticate(request);
  });
  const [result] = results;
  assert.ok(result && results.length === 1);
  return result;
}

/** What to call a value in the name of a test. */
function show(value: unknown): string {
  return inspect(value, { breakLength: Infinity, maxStringLength: 24, maxArrayLength: 4 }).replaceAll(/\p{Cc}/gu, ' ');
}

function suite(title: string, of: Kind, tests: () => void): void {
  describe(`to ${of.endpoint}, ${title}`, () => {
    before(async () => {
      kind = of;
      wechat = await startCannedWeChat({ tokens: { ...tokenAnswer, scope: 'snsapi_base' } });
      read = 0;
    });
    after(closeServers);
    tests();
  });
}

const refused = 'a request whose code WeChat never gave is refused, and WeChat does not hear of it:';
const asItCame = 'a code arrives at WeChat exactly as it came:';

suite(refused, web, () => {
  testRefused();

  it('authdeny, which is what WeChat sends when the user refuses', async () => {
    for (const request of [{ body: { code: 'authdeny' } }, { query: { code: 'authdeny' } }]) {
      assert.deepEqual(await authenticate(request), ['fail', 401, 'ERR_WECHAT_LOGIN_REFUSED']);
    }
    assert.deepEqual(arrived(), []);
  });
});
suite(refused, miniProgram, testRefused);

function testRefused(): void {
  for (const code of malformed) {
    it(`the code ${show(code)} in the body, in the query, and in both`, async () => {
      for (const request of [{ body: { code } }, { query: { code } }, { body: { code }, query: { code } }]) {
        assert.deepEqual(await authenticate(request), ['fail', 400, 'ERR_WECHAT_CODE_MALFORMED']);
      }
      assert.deepEqual(arrived(), []);
    });

    it(`the code ${show(code)} beside a good one`, async () => {
      for (const request of [
        { body: { code }, query: { code: 'a' } },
        { body: { code: 'a' }, query: { code } },
      ]) {
        assert.deepEqual(await authenticate(request), ['fail', 400, 'ERR_WECHAT_CODE_MALFORMED']);
      }
      assert.deepEqual(arrived(), []);
    });
  }

  for (const part of empty) {
    it(`${show(part)} as body, as query, and as both`, async () => {
      const requests = [{ body: part }, { query: part }, { body: part, query: part }] as LoginRequest[];
      for (const request of requests) {
        assert.deepEqual(await authenticate(request), ['fail', 400, 'ERR_WECHAT_CODE_MISSING']);
      }
      assert.deepEqual(arrived(), []);
    });

    it(`${show(part)} does not hide the code that stands elsewhere`, async () => {
      assert.deepEqual(await authenticate({ body: part, query: { code: 'q' } }), ['success']);
      assert.deepEqual(await authenticate({ body: { code: 'b' }, query: part }), ['success']);
      assert.deepEqual(arrived(), ['q', 'b']);
    });
  }

  for (const [body, query] of [
    ['a', 'b'],
    ['a', 'A'],
    ['a', 'a '],
    ['é', 'e\u0301'],
    ['a', ''],
    ['', 'a'],
    ['authdeny', 'a'],
    ['a', 'authdeny'],
    ['__proto__', 'a'],
  ] as const) {
    it(`${show(body)} in the body and ${show(query)} in the query`, async () => {
      const request = { body: { code: body }, query: { code: query } };
      assert.deepEqual(await authenticate(request), ['fail', 400, 'ERR_WECHAT_CODE_MALFORMED']);
      assert.deepEqual(arrived(), []);
    });
  }

  it('none at all, while somebody has polluted Object.prototype', async () => {
    Reflect.defineProperty(Object.prototype, 'code', { value: 'a', configurable: true });
    try {
      const request: LoginRequest = { body: {}, query: {} };
      assert.equal((request.body as { code: string }).code, 'a');
      assert.deepEqual(await authenticate(request), ['fail', 400, 'ERR_WECHAT_CODE_MISSING']);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'code');
    }
    assert.deepEqual(arrived(), []);
  });

  const broken = new Error('this cannot be read');
  const unreadable = (): never => {
    throw broken;
  };
  const traps: [what: string, request: LoginRequest][] = [
    ['a getter', { body: Object.defineProperty({}, 'code', { get: unreadable }) }],
    ['a proxy', { query: new Proxy({}, { getOwnPropertyDescriptor: unreadable }) }],
    ['a body', Object.defineProperty({}, 'body', { get: unreadable })],
  ];
  for (const [what, request] of traps) {
    it(`${what} that throws is an error, and not an exception`, async () => {
      assert.deepEqual(await authenticate(request), ['error', broken]);
      assert.deepEqual(arrived(), []);
    });
  }
}

suite(asItCame, web, testAsItCame);
suite(asItCame, miniProgram, () => {
  testAsItCame();

  it('authdeny too, which means nothing there', async () => {
    assert.deepEqual(await authenticate({ body: { code: 'authdeny' } }), ['success']);
    assert.deepEqual(arrived(), ['authdeny']);
  });
});

function testAsItCame(): void {
  for (const code of good) {
    it(show(code), async () => {
      const bare = Object.assign(Object.create(null) as object, { code });
      for (const request of [{ body: { code } }, { query: bare }, { body: bare, query: { code } }]) {
        assert.deepEqual(await authenticate(request), ['success']);
      }
      assert.deepEqual(arrived(), [code, code, code]);
    });
  }

  it('from a request whose body and query are inherited, as Express has it', async () => {
    const request = Object.create({ body: undefined, query: { code: 'a' } }) as LoginRequest;
    assert.deepEqual(await authenticate(request), ['success']);
    assert.deepEqual(arrived(), ['a']);
  });
}

/** What comes of it: the code that arrives at WeChat, or the status of the failure. */
type Expected = string | number;
/** By default Express 4 reads queries as `qs` does, which is the extended way, and Express 5 as `node:querystring` does. */
type Wire = [sent: Sent, expected: Expected, inTheSimpleWay?: Expected];

const json = (text: string): Sent => ({ raw: { type: 'application/json', text } });
const queries: [query: string, expected: Expected, inTheSimpleWay?: Expected][] = [
  ['code=a', 'a'],
  ['', 400],
  ['code', 400],
  ['code=', 400],
  ['=code', 400],
  ['code=%00', 400],
  ['code=a%00', 400],
  ['code=%0D%0AX-Evil:%201', 400],
  ['code=%09', 400],
  ['code=%7F', 400],
  ['code=%C2%85', 400],
  ['code=%C2%9F', 400],
  [`code=${long}`, 400],
  [`code=${'x'.repeat(8000)}`, 400],
  [`code=${'%F0%9F%98%80'.repeat(257)}`, 400],
  ['code=a&code=b', 400],
  ['code=a&code=a', 400],
  ['code=&code=a', 400],
  ['code=a&code', 400],
  ['code=a&c%6Fde=b', 400],
  ['code=authdeny&code=a', 400],
  ['code[]=a', 400],
  ['code[]=a&code[]=b', 400],
  ['code%5B%5D=a', 400],
  ['code[0]=a', 400],
  ['code[x]=', 400],
  ['code[x]=a', 400],
  ['code[code]=a', 400],
  ['code[length]=1', 400],
  ['code[toString]=a', 400],
  ['code[__proto__]=a', 400],
  ['code[$ne]=', 400],
  ['__proto__[code]=a', 400],
  ['__proto__=a', 400],
  ['constructor[prototype][code]=a', 400],
  ['Code=a', 400],
  ['code%00=a', 400],
  ['code%20=a', 400],
  ['code.x=a', 400],
  ['code=a&code[]=b', 400, 'a'],
  ['code=authdeny', 401],
  ['code=auth%64eny', 401],
  ['code=AuthDeny', 'AuthDeny'],
  ['c%6Fde=a', 'a'],
  ['&&code=a&&', 'a'],
  ['code=a&Code=b', 'a'],
  ['code=a;code=b', 'a;code=b'],
  ['code=a?code=b', 'a?code=b'],
  ['code=a=b', 'a=b'],
  ['code==', '='],
  ['code=%26appid%3Devil', '&appid=evil'],
  ['code=a%26secret%3Devil', 'a&secret=evil'],
  ['code=a&secret=evil&appid=evil&grant_type=evil', 'a'],
  ['code=%2500', '%00'],
  ['code=a%23b', 'a#b'],
  ['code=a%2Bb', 'a+b'],
  ['code=a+b', 'a b'],
  ['code=%20a%20', ' a '],
  ['code=%2541', '%41'],
  ['code=%252500', '%2500'],
  ['code=%zz', '%zz'],
  ['code=%', '%'],
  ['code=%u4f60', '%u4f60'],
  ['code=%E4%BD%A0', '你'],
  ['code=你', '你'],
  ['code=%F0%9F%98%80', '😀'],
  ['code=..%2F..%2F', '../../'],
  ['code=__proto__', '__proto__'],
  [`code=${'x'.repeat(512)}`, 'x'.repeat(512)],
];
const wires: Wire[] = [
  ...queries.map(([query, ...expected]): Wire => [{ query }, ...expected]),
  ...queries.map(([form, ...expected]): Wire => [{ form }, ...expected]),
  // Not as forms, because Express 4 and 5 read these differently there.
  [{ query: 'code=%ff' }, '%ff', '\ufffd'],
  [{ query: 'code=%ED%A0%80' }, '%ED%A0%80', '\ufffd\ufffd\ufffd'],
  [json('{}'), 400],
  [json('null'), 400],
  [json('"code=a"'), 400],
  [json('5'), 400],
  [json('[]'), 400],
  [json('["code","a"]'), 400],
  [json('[{"code":"a"}]'), 400],
  [json('{"code":null}'), 400],
  [json('{"code":5}'), 400],
  [json('{"code":true}'), 400],
  [json('{"code":["a"]}'), 400],
  [json('{"code":{"code":"a"}}'), 400],
  [json('{"code":{"$ne":null}}'), 400],
  [json('{"code":""}'), 400],
  [json('{"code":"\\u0000"}'), 400],
  [json('{"code":"a\\r\\nb"}'), 400],
  [json('{"code":"\\u007f"}'), 400],
  [json('{"code":"\\u0085"}'), 400],
  [json('{"code":"\\ud83d"}'), 400],
  [json('{"code":"\\ude00\\ud83d"}'), 400],
  [json(`{"code":"${long}"}`), 400],
  [json(`{"code":${'['.repeat(2000)}${']'.repeat(2000)}}`), 400],
  [json('{"__proto__":{"code":"a"}}'), 400],
  [json('{"constructor":{"prototype":{"code":"a"}}}'), 400],
  [json('{"Code":"a"}'), 400],
  [json('{"body":{"code":"a"}}'), 400],
  [json('{"code":"authdeny"}'), 401],
  [json('{"code":"a","code":"b"}'), 'b'],
  [json('{"code":"\\ud83d\\ude00"}'), '😀'],
  [json('{"code":"%61"}'), '%61'],
  [json('{"code":"a","__proto__":{"code":"b"}}'), 'a'],
  [json(`{"code":"${'x'.repeat(512)}"}`), 'x'.repeat(512)],
  [{ json: { code: 'a' }, query: 'code=b' }, 400],
  [{ json: { code: 'a' }, query: 'code=a&code=a' }, 400],
  [{ json: { code: ['a'] }, query: 'code=a' }, 400],
  [{ json: { code: null }, query: 'code=a' }, 400],
  [{ form: 'code=a', query: 'code=%61' }, 'a'],
  [{ form: 'code=a', query: 'code=a%20' }, 400],
  [{ form: 'other=b', query: 'code=a' }, 'a'],
  [{ raw: { type: 'text/plain', text: 'code=a' } }, 400],
  [{ raw: { type: 'application/octet-stream', text: '{"code":"a"}' } }, 400],
  [{ raw: { type: 'multipart/form-data; boundary=x', text: '--x' } }, 400],
];

/** Every application that a login may be part of: each Express, each Passport, each way to read queries and forms. */
const ways = Object.entries(frameworks).flatMap(([framework, express]) =>
  Object.entries(passports).flatMap(([version, passport]) =>
    (['extended', 'simple'] as const).map((queryParser) => ({
      name: `${framework}, ${version}, ${queryParser} parsers`,
      options: { express, passport, queryParser },
      parsers: [express.json({ strict: false }), express.urlencoded({ extended: queryParser === 'extended' })],
    })),
  ),
);

const overHttp = 'over HTTP, with each Express, each Passport and each parser, the answer to';

suite(overHttp, web, testOverHttp);
suite(overHttp, miniProgram, testOverHttp);

function testOverHttp(): void {
  let apps: LoginApp[];
  before(async () => {
    apps = await Promise.all(
      ways.map(({ options, parsers }) => startLoginApp(makeStrategy(), { ...options, parsers })),
    );
  });

  const name = (expected: Expected): string => {
    if (expected === 401) return '401, where WeChat may say that the user refused';
    return typeof expected === 'number' ? String(expected) : show(expected);
  };
  for (const [sent, extended, simple = extended] of wires) {
    it(`${show(sent)} is ${name(extended)}${simple === extended ? '' : `, or ${name(simple)} in the simple way`}`, async () => {
      for (const [index, { name, options }] of ways.entries()) {
        const app = apps[index];
        assert.ok(app);
        const expected = options.queryParser === 'simple' ? simple : extended;
        await check(app, sent, expected === 401 && kind === miniProgram ? 'authdeny' : expected, name);
      }
    });
  }

  for (const { name, options } of ways) {
    const { text, raw } = options.express;
    const parsers: [body: string, parser: RequestHandler][] = [
      ['a string', text({ type: '*/*' })],
      ['a Buffer', raw({ type: '*/*' })],
    ];
    for (const [body, parser] of parsers) {
      it(`a body that is ${body} depends on the query alone: ${name}`, async () => {
        const app = await startLoginApp(makeStrategy(), { ...options, parsers: [parser] });
        await check(app, { form: 'code=b' }, 400, name);
        await check(app, { form: 'code=b', query: 'code=a' }, 'a', name);
      });
    }
  }
}

async function check(app: LoginApp, sent: Sent, expected: Expected, name: string): Promise<void> {
  const { handled } = app;
  const { status, text } = await send(app, '/login', sent);
  const accepted = typeof expected === 'string';
  assert.equal(status, accepted ? 200 : expected, `${name}: ${text}`);
  assert.deepEqual(arrived(), accepted ? [expected] : [], name);
  assert.deepEqual([app.handled - handled, app.errors], [accepted ? 1 : 0, []], name);
}
