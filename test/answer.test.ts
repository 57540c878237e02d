import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { inspect } from 'node:util';

import {
  type Answer,
  exposeTokens,
  parseAnswer,
  readErrcode,
  readErrmsg,
  readSession,
  readTokens,
  readUserInfo,
  readValidity,
  UnusableAnswer,
  type WeChatSession,
} from '../src/answer.js';

/** Stands in every answer here that is to be refused, and must stand in no error. */
const canary = 'cAnArY';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (json: string): Answer => parseAnswer(encode(json));

/** The JSON text of an object whose fields are given as JSON texts. */
const object = (fields: Readonly<Record<string, string | undefined>>): string =>
  `{${Object.entries(fields)
    .filter(([, json]) => json !== undefined)
    .map(([name, json]) => `${JSON.stringify(name)}:${json ?? ''}`)
    .join(',')}}`;

const json = (value: unknown): string => JSON.stringify(value);
const shorten = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}… (${text.length})` : text);
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

const exposeSession = (session: WeChatSession): object => ({
  ...session,
  sessionKey: session.sessionKey.exposeSecret(),
});

function assertRefused(read: () => unknown, message: RegExp): void {
  assert.throws(read, (error) => {
    assert.ok(error instanceof UnusableAnswer, inspect(error));
    assert.match(error.message, message);
    assert.doesNotMatch(inspect(error, { showHidden: true, depth: Infinity }), new RegExp(canary));
    assert.doesNotMatch(`${error.message} ${error.stack ?? ''}`, new RegExp(canary));
    assert.equal(error.cause, undefined);
    return true;
  });
}

describe('the fixtures of what WeChat answers', () => {
  const folder = new URL('fixtures/wechat/', import.meta.url);
  const read = (file: string): Buffer => readFileSync(new URL(file, folder));
  const manifest = JSON.parse(read('_manifest.json').toString()) as {
    file: string;
    strictJson: boolean;
    bytes: number;
  }[];

  const openid = 'oAAAA0aaaaBBBB1bbbbCCCC2cccc';
  const unionid = 'oUUUU5uuuuVVVV6vvvvWWWW7wwww';
  const accessToken = '55_AAAAaaaa0000BBBBbbbb1111CCCCcccc2222DDDDdddd3333EEEEeeee4444FFFFffff5555GGGGgggg6666';
  const refreshToken = '55_ZZZZzzzz9999YYYYyyyy8888XXXXxxxx7777WWWWwwww6666VVVVvvvv5555UUUUuuuu4444TTTTtttt3333';
  const avatar =
    'https://thirdwx.qlogo.cn/mmopen/vi_32/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOpQrStUvWxYz01/132';

  const tokens = { accessToken, refreshToken, expiresIn: 7200, openid, scope: ['snsapi_userinfo'] };
  const base = { ...tokens, isSnapshotUser: false };
  const bothScopes = ['snsapi_base', 'snsapi_userinfo'];
  const tokenFixtures: Record<string, unknown> = {
    'access_token.mobile.json': { ...base, unionid },
    'access_token.mock_string_numbers.json': base,
    'access_token.no_scope.json': { ...base, scope: [] },
    'access_token.oa.base.json': { ...base, scope: ['snsapi_base'] },
    'access_token.oa.scope_list.json': { ...base, scope: bothScopes },
    'access_token.oa.snapshotuser.json': { ...tokens, unionid, isSnapshotUser: true },
    'access_token.oa.userinfo.unionid.json': { ...base, unionid },
    'access_token.website.json': { ...base, scope: ['snsapi_login'], unionid },
    'refresh_token.ok.json': { ...base, scope: bothScopes },
    'refresh_token.website.ok.json': { ...base, scope: ['snsapi_login'] },
  };

  const user = { openid, nickname: 'Sample', sex: 0, province: '', city: '', country: '', privilege: [] };
  const userFixtures: Record<string, unknown> = {
    'userinfo.control_char.invalid.json': { ...user, headimgurl: avatar, unionid },
    'userinfo.deactivated.json': { ...user, nickname: '用户已经注销', headimgurl: avatar, unionid },
    'userinfo.empty_avatar.json': { ...user, headimgurl: '', unionid },
    'userinfo.invalid_utf8.invalid.json': { ...user, nickname: 'Sam\ufffdple', headimgurl: '' },
    'userinfo.nickname_quotes_slashes.json': { ...user, nickname: 'a"b\\c/d', headimgurl: '' },
    'userinfo.no_unionid.json': { ...user, nickname: '示例用户', headimgurl: avatar },
    'userinfo.pre2021.json': {
      ...user,
      sex: 1,
      city: '广州',
      province: '广东',
      country: '中国',
      headimgurl: 'https://thirdwx.qlogo.cn/mmopen/g3eo1J8ZLaceholder/46',
      privilege: ['chinaunicom'],
      unionid,
    },
    'userinfo.unionid.json': { ...user, nickname: '示例用户😀', headimgurl: avatar, unionid },
  };

  const sessionKey = 'AAAAAAAAAAAAAAAAAAAAAA==';
  const sessionFixtures: Record<string, unknown> = {
    'jscode2session.doc_sample_errcode0.json': { openid, sessionKey, unionid },
    'jscode2session.escaped_slash.json': { openid, sessionKey: 'AA/AAAAAAAAAAAAAAAAAA+==' },
    'jscode2session.legacy_expires_in.json': { openid, sessionKey },
    'jscode2session.ok.json': { openid, sessionKey },
    'jscode2session.unionid.json': { openid, sessionKey, unionid },
  };

  const pageFixtures = ['error.empty.invalid.txt', 'error.html_gateway.invalid.txt'];
  const refusalFixtures: Record<string, number> = { 'auth.bad_openid.json': 40003 };
  for (const { file } of manifest) {
    const errcode = /^error\.(-?\d+)\..+\.json$/.exec(file)?.[1];
    if (errcode !== undefined) refusalFixtures[file] = Number(errcode);
  }

  it('are the files that the manifest lists, byte for byte', () => {
    const files = readdirSync(folder).filter((file) => !file.startsWith('_'));
    assert.deepEqual(manifest.map(({ file }) => file).sort(), files.sort());
    for (const { file, strictJson, bytes } of manifest) {
      const body = read(file);
      assert.equal(body.byteLength, bytes, file);
      const strict = (): unknown => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
      if (strictJson) assert.doesNotThrow(strict, file);
      else assert.throws(strict, file);
    }
  });

  it('are all read by the tests below', () => {
    const covered = [tokenFixtures, userFixtures, sessionFixtures, refusalFixtures].flatMap((table) =>
      Object.keys(table),
    );
    assert.deepEqual(
      [...covered, ...pageFixtures, 'auth.ok.json'].sort(),
      manifest.map(({ file }) => file).sort(),
      'a fixture has no test, or a test has no fixture',
    );
  });

  for (const [file, expected] of Object.entries(tokenFixtures)) {
    it(`give the tokens of ${file}`, () => {
      const answer = parseAnswer(read(file));
      assert.equal(readErrcode(answer), 0);
      assert.deepEqual(exposeTokens(readTokens(answer)), expected);
    });
  }

  for (const [file, expected] of Object.entries(userFixtures)) {
    it(`give the user of ${file}`, () => {
      const answer = parseAnswer(read(file));
      assert.equal(readErrcode(answer), 0);
      assert.deepEqual(readUserInfo(answer, openid), expected);
    });
  }

  for (const [file, expected] of Object.entries(sessionFixtures)) {
    it(`give the session of ${file}`, () => {
      const answer = parseAnswer(read(file));
      assert.equal(readErrcode(answer), 0);
      assert.deepEqual(exposeSession(readSession(answer)), expected);
    });
  }

  for (const [file, errcode] of Object.entries(refusalFixtures)) {
    it(`give errcode ${errcode} and the text of ${file}`, () => {
      const body = read(file);
      const answer = parseAnswer(body);
      assert.equal(readErrcode(answer), errcode);
      assert.equal(readErrmsg(answer), (JSON.parse(body.toString()) as { errmsg: string }).errmsg);
      assert.notEqual(readErrmsg(answer), '');
    });
  }

  it('give the yes of auth.ok.json', () => {
    const answer = parseAnswer(read('auth.ok.json'));
    assert.equal(readErrcode(answer), 0);
    assert.equal(readValidity(answer), true);
  });

  for (const file of pageFixtures) {
    it(`give no answer for ${file}`, () => {
      assertRefused(() => parseAnswer(read(file)), /^it is not a JSON object$/);
    });
  }
});

describe('parseAnswer', () => {
  const controls = [...Array(32).keys()].map((code) => String.fromCharCode(code)).join('');
  const readable: [string, Uint8Array, unknown][] = [
    ['strict JSON', encode('{"a":"\\u4e2d 中 😀","b":[1,{"c":null}]}'), { a: '中 中 😀', b: [1, { c: null }] }],
    ['an empty object', encode(' {} '), {}],
    ['JSON behind a byte order mark', encode('\ufeff{"a":1}'), { a: 1 }],
    ['a byte order mark and a raw control character', encode('\ufeff{"a":"\u0007"}'), { a: '\u0007' }],
    ['every raw control character in a string', encode(`{"a":"${controls}"}`), { a: controls }],
    ['a raw control character in a name', encode('{"a\u0001b":1}'), { 'a\u0001b': 1 }],
    ['raw DEL and C1 beside raw C0', encode('{"a":"\u0001\u007f\u0085"}'), { a: '\u0001\u007f\u0085' }],
    ['control characters between values, where JSON allows them', encode('{\n\t"a"\r:"\u0002"\n}'), { a: '\u0002' }],
    ['escapes beside a raw one', encode('{"a":"\\"\\\\\\/\\n\\u0041\u0014"}'), { a: '"\\/\nA\u0014' }],
    ['a backslash before the end of a string', encode('{"a":"\\\\","b":"\u0001"}'), { a: '\\', b: '\u0001' }],
    ['an escaped backslash before a raw line feed', encode('{"a":"\\\\\n"}'), { a: '\\\n' }],
    ['an escaped quote before a raw line feed', encode('{"a":"\\"\n,","b":1}'), { a: '"\n,', b: 1 }],
    ['the last of two fields of one name', encode('{"a":1,"a":2}'), { a: 2 }],
    ['a cut character', Buffer.from('{"a":"x\xf0\x9f\x98y"}', 'latin1'), { a: 'x\ufffdy' }],
    ['a byte that is no UTF-8, and a raw tab', Buffer.from('{"a":"\xff\t"}', 'latin1'), { a: '\ufffd\t' }],
    ['an encoded surrogate', Buffer.from('{"a":"\xed\xa0\x80"}', 'latin1'), { a: '\ufffd\ufffd\ufffd' }],
  ];
  for (const [what, body, expected] of readable) {
    it(`reads ${what}`, () => {
      assert.deepEqual(parseAnswer(body), expected);
    });
  }

  const unreadable: [string, Uint8Array][] = [
    ['nothing', encode('')],
    ['a byte order mark alone', encode('\ufeff')],
    ['two byte order marks', encode('\ufeff\ufeff{}')],
    ['UTF-16', Buffer.from(`{"access_token":"${canary}"}`, 'utf16le')],
    ['null', encode('null')],
    ['a number', encode('5')],
    ['true', encode('true')],
    ['a string', encode(json(canary))],
    ['an array', encode(json([{ access_token: canary }]))],
    ['text', encode(`Welcome, ${canary}`)],
    ['a half of an answer', encode(`{"access_token":"${canary}","expires_in":72`)],
    ['a string that does not end', encode(`{"access_token":"${canary}`)],
    ['a string that ends in a backslash', encode(`{"access_token":"${canary}\\`)],
    ['something behind the object', encode(`{"access_token":"${canary}"}{}`)],
    ['a control character outside of a string', encode(`{"access_token":"${canary}"\u0001}`)],
    ['an unknown escape', encode(`{"access_token":"${canary}\\x"}`)],
    ['an unknown escape beside a raw control character', encode(`{"access_token":"${canary}\\x\u0001"}`)],
    ['a backslash before a raw control character', encode(`{"access_token":"${canary}\\\u0001"}`)],
    ['single quotes', encode(`{'access_token':'${canary}'}`)],
    ['a comma at the end', encode(`{"access_token":"${canary}",}`)],
    ['broken UTF-8 outside of a string', Buffer.from(`{"access_token":"${canary}"\xff}`, 'latin1')],
    ['JSONP', encode(`callback({"access_token":"${canary}"})`)],
  ];
  for (const [what, body] of unreadable) {
    it(`refuses ${what}, without a word of it`, () => {
      assertRefused(() => parseAnswer(body), /^it is not a JSON object$/);
    });
  }

  it('keeps what is called __proto__ to itself', () => {
    const answer = parse('{"__proto__":{"openid":"o1"},"constructor":1}');
    assert.equal(Object.getPrototypeOf(answer), Object.prototype);
    assert.equal(answer['openid'], undefined);
  });

  const hostile: [string, (size: number) => string][] = [
    ['escaped quotes in a string that does not end', (size) => `{"a":"\u0001${'\\"'.repeat(size / 2)}`],
    ['quotes', (size) => `{"a":"\u0001${'"'.repeat(size)}`],
    ['backslashes', (size) => `{"a":"\u0001${'\\'.repeat(size)}`],
    ['control characters', (size) => `{"a":"${'\u0001'.repeat(size)}"}`],
    ['control characters in a string that does not end', (size) => `{"a":"${'\u0001'.repeat(size)}`],
    ['brackets', (size) => `{"a":"\u0001","b":${nested(size / 2)}}`],
  ];
  for (const [what, make] of hostile) {
    it(`takes time in proportion to the size of ${what}`, () => {
      const fastest = (size: number, runs: number): number => {
        const body = encode(make(size));
        let least = Infinity;
        for (let run = 0; run < runs; run += 1) {
          const start = performance.now();
          try {
            parseAnswer(body);
          } catch (error) {
            assert.ok(error instanceof UnusableAnswer, inspect(error));
          }
          least = Math.min(least, performance.now() - start);
        }
        return least;
      };
      fastest(4096, 20);
      const growth = fastest(65_536, 20) / fastest(4096, 20);
      // 16 times the size: about 16 when the time is linear, about 256 when it is quadratic.
      assert.ok(growth < 100, `the time grew by ${growth.toFixed(1)}`);
    });
  }
});

describe('readErrcode', () => {
  const readable: [string | undefined, number][] = [
    [undefined, 0],
    ['0', 0],
    ['-0', 0],
    ['"0"', 0],
    ['40029', 40029],
    ['4.0029e4', 40029],
    ['"40029"', 40029],
    ['-1', -1],
    ['"-1"', -1],
  ];
  for (const [errcode, expected] of readable) {
    it(`takes ${errcode ?? 'none'} for ${expected}`, () => {
      // Plus zero, because -0 is as much of a success.
      assert.equal(readErrcode(parse(object({ errcode, errmsg: '"ok"' }))) + 0, expected);
    });
  }

  const odd = [
    'null',
    'true',
    'false',
    '""',
    '" "',
    '"0x0"',
    '"0 "',
    '"ok"',
    '"1e1"',
    '0.5',
    '1e999',
    '[]',
    '[0]',
    '{}',
  ];
  for (const errcode of [...odd, '9007199254740993', '"1234567890123456"', json(canary)]) {
    it(`never takes ${shorten(errcode)} for a success`, () => {
      assertRefused(() => readErrcode(parse(object({ errcode }))), /^its errcode is not a whole number$/);
    });
  }

  it('does not look at what is inherited', () => {
    assert.equal(readErrcode(Object.create({ errcode: 40029 }) as Answer), 0);
    assert.equal(readErrcode(parse('{"__proto__":{"errcode":40029}}')), 0);
  });
});

describe('readErrmsg', () => {
  it('gives the text as it came, and no text for anything else', () => {
    assert.equal(readErrmsg(parse('{"errmsg":"a\\n\\u0001b"}')), 'a\n\u0001b');
    for (const errmsg of [undefined, 'null', '5', '["x"]', '{"x":1}']) {
      assert.equal(readErrmsg(parse(object({ errmsg }))), '');
    }
    assert.equal(readErrmsg(Object.create({ errmsg: 'x' }) as Answer), '');
  });
});

describe('readValidity', () => {
  it('is true only for an answer that has an errcode', () => {
    assert.equal(readValidity(parse('{"errcode":0,"errmsg":"ok"}')), true);
    assert.equal(readValidity(parse('{"errcode":"0"}')), true);
    for (const no of ['{}', '{"errmsg":"ok"}', '{"valid":true}', '{"__proto__":{"errcode":0}}']) {
      assertRefused(() => readValidity(parse(no)), /^its errcode is missing$/);
    }
    assertRefused(() => readValidity(Object.create({ errcode: 0 }) as Answer), /^its errcode is missing$/);
  });
});

/** A JSON text for a field, or none for a field that is missing; then what is made of it, or why it is refused. */
type Row = [field: string, json: string | undefined, expected: unknown];

const long = (length: number): string => 'a'.repeat(length);
const secretRows = (field: string): Row[] => [
  [field, json(long(4096)), long(4096)],
  [field, '"-._~!$&\'()*+,;=:@/?# %41\\"\\\\微信😀"', '-._~!$&\'()*+,;=:@/?# %41"\\微信😀'],
  [field, '"[REDACTED]"', '[REDACTED]'],
  [field, undefined, /is not a string$/],
  ...['null', '5', '0', 'true', '{}', `[${json(canary)}]`].map((wrong): Row => [field, wrong, /is not a string$/]),
  [field, '""', /is empty$/],
  [field, json(canary + long(4096 - canary.length + 1)), /is longer than 4096 characters$/],
  [field, json(`${canary}\n`), /has control characters$/],
  [field, json(`${canary}\u007f`), /has control characters$/],
  [field, `"${canary}\u0000"`, /has control characters$/],
  [field, json(`${canary}\ud800`), /is not well-formed Unicode$/],
  [field, json(`\udc00${canary}`), /is not well-formed Unicode$/],
];
const malformedIds = ['" "', '"a b"', '"a/b"', '"a\\n"', '"微信"', '"a\ufffd"', json(canary + long(123))];
const idRows: Row[] = [
  ['openid', '"A-Z_a-z09"', 'A-Z_a-z09'],
  ['openid', json(long(128)), long(128)],
  ...[undefined, 'null', '""', '5', 'true', '{}', '["o1"]', ...malformedIds].map((wrong): Row => [
    'openid',
    wrong,
    /is missing or malformed$/,
  ]),
  ['unionid', json(long(128)), long(128)],
  ...[undefined, 'null', '""'].map((none): Row => ['unionid', none, undefined]),
  ...['0', '5', 'false', '{}', '["u1"]', ...malformedIds].map((wrong): Row => ['unionid', wrong, /is malformed$/]),
];

describe('readTokens', () => {
  const good = {
    access_token: json(`${canary}-access`),
    expires_in: '7200',
    refresh_token: json(`${canary}-refresh`),
    openid: json(`${canary}-openid`),
    scope: '"snsapi_userinfo"',
    unionid: json(`${canary}-unionid`),
  };
  const made: Readonly<Record<string, string>> = {
    access_token: 'accessToken',
    refresh_token: 'refreshToken',
    expires_in: 'expiresIn',
    is_snapshotuser: 'isSnapshotUser',
  };

  it('gives the tokens redacted, the ids and what was granted', () => {
    const tokens = readTokens(parse(object(good)));
    assert.deepEqual(exposeTokens(tokens), {
      accessToken: `${canary}-access`,
      refreshToken: `${canary}-refresh`,
      expiresIn: 7200,
      openid: `${canary}-openid`,
      unionid: `${canary}-unionid`,
      scope: ['snsapi_userinfo'],
      isSnapshotUser: false,
    });
    assert.deepEqual(JSON.parse(json([tokens.accessToken, tokens.refreshToken])), ['[REDACTED]', '[REDACTED]']);
  });

  const tokenRows = ['access_token', 'refresh_token'].flatMap(secretRows);
  const numberRows: Row[] = [
    ['expires_in', '1', 1],
    ['expires_in', '"7200"', 7200],
    ['expires_in', '31536000', 31_536_000],
    ...['0', '-1', '"-1"', '31536001', '9007199254740991'].map((wrong): Row => [
      'expires_in',
      wrong,
      /is out of range$/,
    ]),
    ...[
      undefined,
      'null',
      'true',
      '""',
      '"soon"',
      '"7200s"',
      '" 7200"',
      '7200.5',
      '1e999',
      '-1e999',
      '{}',
      '[7200]',
    ].map((wrong): Row => ['expires_in', wrong, /is not a whole number$/]),
    ['is_snapshotuser', undefined, false],
    ['is_snapshotuser', '0', false],
    ['is_snapshotuser', '"0"', false],
    ['is_snapshotuser', '1', true],
    ['is_snapshotuser', '"1"', true],
    ...['2', '-1', '"7"'].map((wrong): Row => ['is_snapshotuser', wrong, /is out of range$/]),
    ...['null', 'true', 'false', '""', '"yes"', '0.5', '1e999', '{}', '[1]'].map((wrong): Row => [
      'is_snapshotuser',
      wrong,
      /is not a whole number$/,
    ]),
  ];
  const scopeRows: Row[] = [
    ['scope', '"snsapi_base,snsapi_userinfo,"', ['snsapi_base', 'snsapi_userinfo']],
    ['scope', '"snsapi_base, snsapi_login snsapi_x"', ['snsapi_base', 'snsapi_login', 'snsapi_x']],
    ['scope', '",, ,"', []],
    ['scope', '"snsapi_base,snsapi_base"', ['snsapi_base', 'snsapi_base']],
    ['scope', json(long(1024)), [long(1024)]],
    ...[undefined, 'null', '""'].map((none): Row => ['scope', none, []]),
    ...['0', 'true', '{}', '["snsapi_userinfo"]', '"snsapi\\nbase"', '"<b>"', '"微信"', json(canary + long(1019))].map(
      (wrong): Row => ['scope', wrong, /is malformed$/],
    ),
  ];

  for (const [field, value, expected] of [...tokenRows, ...idRows, ...numberRows, ...scopeRows]) {
    const what = `${field} ${value === undefined ? 'that is missing' : shorten(value)}`;
    const read = (): Readonly<Record<string, unknown>> => ({
      ...exposeTokens(readTokens(parse(object({ ...good, [field]: value })))),
    });
    if (expected instanceof RegExp) {
      it(`refuses ${what}`, () => {
        assertRefused(read, new RegExp(`^its ${field} ${expected.source}`));
      });
    } else {
      it(`makes ${expected === undefined ? 'nothing' : shorten(json(expected))} of ${what}`, () => {
        const key = made[field] ?? field;
        assert.deepEqual(read()[key], expected);
        assert.equal(Object.hasOwn(read(), key), expected !== undefined);
      });
    }
  }

  it('never takes an answer for tokens that has none of its own', () => {
    const values = { access_token: 'a', refresh_token: 'r', expires_in: 7200, openid: 'o1' };
    for (const answer of [
      parse('{}'),
      parse('{"errcode":0,"errmsg":"ok"}'),
      parse(`{"__proto__":${json(values)}}`),
      parse(`{"data":${json(values)}}`),
      Object.create(values) as Answer,
    ]) {
      assertRefused(() => readTokens(answer), /^its \w+ is/);
    }
    for (const field of Object.keys(values)) {
      const own = Object.entries(values).filter(([name]) => name !== field);
      const inheriting = Object.assign(Object.create(values) as Answer, Object.fromEntries(own));
      assertRefused(() => readTokens(inheriting), new RegExp(`^its ${field} is`));
    }
  });

  it('keeps nothing that nobody asked for', () => {
    const extra = { ...good, session_key: json(canary), deep: nested(20_000), errcode: '0' };
    const tokens = exposeTokens(readTokens(parse(object(extra))));
    assert.deepEqual(Object.keys(tokens).sort(), [
      'accessToken',
      'expiresIn',
      'isSnapshotUser',
      'openid',
      'refreshToken',
      'scope',
      'unionid',
    ]);
    assert.doesNotThrow(() => json(tokens));
  });
});

describe('readSession', () => {
  const good = {
    session_key: json(`${canary}-key`),
    openid: json(`${canary}-openid`),
    unionid: json(`${canary}-unionid`),
  };

  it('gives the session key redacted, and the ids', () => {
    const session = readSession(parse(object(good)));
    const ids = { openid: `${canary}-openid`, unionid: `${canary}-unionid` };
    assert.deepEqual(exposeSession(session), { ...ids, sessionKey: `${canary}-key` });
    assert.deepEqual(JSON.parse(json(session)), { ...ids, sessionKey: '[REDACTED]' });
  });

  for (const [field, value, expected] of [...secretRows('session_key'), ...idRows]) {
    const what = `${field} ${value === undefined ? 'that is missing' : shorten(value)}`;
    const read = (): object => exposeSession(readSession(parse(object({ ...good, [field]: value }))));
    if (expected instanceof RegExp) {
      it(`refuses ${what}`, () => {
        assertRefused(read, new RegExp(`^its ${field} ${expected.source}`));
      });
    } else {
      it(`makes ${expected === undefined ? 'nothing' : shorten(json(expected))} of ${what}`, () => {
        const key = field === 'session_key' ? 'sessionKey' : field;
        assert.equal(Reflect.get(read(), key), expected);
        assert.equal(Object.hasOwn(read(), key), expected !== undefined);
      });
    }
  }

  it('never takes an answer for a session that has none of its own', () => {
    const values = { session_key: 'k', openid: 'o1' };
    for (const answer of [
      parse('{}'),
      parse('{"errcode":0,"errmsg":"ok"}'),
      parse(`{"__proto__":${json(values)}}`),
      parse(json({ session_key: 'k', openId: 'o1', unionid: 'u1' })),
      Object.create(values) as Answer,
    ]) {
      assertRefused(() => readSession(answer), /^its \w+ is/);
    }
  });

  it('keeps nothing that nobody asked for', () => {
    const session = readSession(parse(object({ ...good, expires_in: '7200', deep: nested(20_000), errcode: '0' })));
    assert.deepEqual(Object.keys(session).sort(), ['openid', 'sessionKey', 'unionid']);
  });
});

describe('readUserInfo', () => {
  const good = {
    openid: '"o1"',
    nickname: json(`${canary}-nickname`),
    sex: '2',
    language: '"zh_CN"',
    province: '"Guangdong"',
    city: '"Guangzhou"',
    country: '"CN"',
    headimgurl: '"https://thirdwx.qlogo.cn/mmopen/1/132"',
    privilege: '["chinaunicom"]',
    unionid: '"u1"',
  };
  const read = (fields: Readonly<Record<string, string | undefined>>, unionid?: string): object =>
    readUserInfo(parse(object({ ...good, ...fields })), 'o1', unionid);

  it("gives WeChat's documented fields and no other", () => {
    assert.deepEqual(read({ extra: nested(20_000) }), {
      openid: 'o1',
      nickname: `${canary}-nickname`,
      sex: 2,
      province: 'Guangdong',
      city: 'Guangzhou',
      country: 'CN',
      headimgurl: 'https://thirdwx.qlogo.cn/mmopen/1/132',
      privilege: ['chinaunicom'],
      unionid: 'u1',
    });
  });

  it('fills in what only decorates when there is nothing but the openid', () => {
    assert.deepEqual(readUserInfo(parse('{"openid":"o1"}'), 'o1'), {
      openid: 'o1',
      nickname: '',
      sex: 0,
      province: '',
      city: '',
      country: '',
      headimgurl: '',
      privilege: [],
    });
  });

  for (const openid of [json(canary), '"O1"', '"o11"', '"o"']) {
    it(`refuses the openid ${openid} of another user`, () => {
      assertRefused(() => read({ openid }), /^its openid is another user's$/);
    });
  }
  for (const openid of [undefined, 'null', '""', '1', '["o1"]', '"o1\\n"', '"o1 "', json(canary.repeat(99))]) {
    it(`refuses the openid ${shorten(openid ?? 'that is missing')}`, () => {
      assertRefused(() => read({ openid }), /^its openid is missing or malformed$/);
    });
  }

  it('refuses the unionid of another user, when both are known', () => {
    assertRefused(() => read({ unionid: json(canary) }, 'u1'), /^its unionid is another user's$/);
    assertRefused(() => read({ unionid: '"U1"' }, 'u1'), /^its unionid is another user's$/);
    assert.deepEqual(read({}, 'u1'), read({}));
  });
  it('takes a unionid that is known on one side only', () => {
    for (const unionid of [undefined, 'null', '""']) {
      assert.equal(Object.hasOwn(read({ unionid }, 'u1'), 'unionid'), false);
    }
  });
  for (const unionid of ['5', 'false', '{}', '["u1"]', '"u 1"', json(canary.repeat(99))]) {
    it(`refuses the unionid ${shorten(unionid)}`, () => {
      assertRefused(() => read({ unionid }), /^its unionid is malformed$/);
    });
  }

  const long = (length: number): string => 'a'.repeat(length);
  const at = (length: number): string => `https://a.example/${long(length - 'https://a.example/'.length)}`;
  const labelRows = ['nickname', 'province', 'city', 'country'].flatMap((field): Row[] => [
    ...[undefined, 'null', '5', 'true', '{}', '["x"]', '{"toString":"x"}', nested(20_000)].map((wrong): Row => [
      field,
      wrong,
      '',
    ]),
    [field, '" 微信 <b>&amp;</b> \\"😀\\" "', ' 微信 <b>&amp;</b> "😀" '],
    [field, '"a\\u0000\\u001f\\u007f\\u0080\\u009fb\\r\\n\u0014c"', 'abc'],
    [field, '"a\\ud800b\\udc00"', 'a\ufffdb\ufffd'],
    [field, json(long(513)), long(512)],
    [field, json(`${'\u0001'.repeat(600)}${long(513)}`), long(512)],
    [field, json(`${long(511)}😀`), `${long(511)}\ufffd`],
  ]);
  const rows: Row[] = [
    ...labelRows,
    ...['1', '"1"'].map((sex): Row => ['sex', sex, 1]),
    ...['2', '"2"'].map((sex): Row => ['sex', sex, 2]),
    ...[
      undefined,
      '0',
      '3',
      '-1',
      '1.5',
      '1e999',
      'null',
      '""',
      '"male"',
      '{}',
      '[]',
      'true',
      '[1]',
      nested(20_000),
    ].map((sex): Row => ['sex', sex, 0]),
    ['headimgurl', '"http://thirdwx.qlogo.cn/mmopen/1/46"', 'https://thirdwx.qlogo.cn/mmopen/1/46'],
    ['headimgurl', '"HTTP://Thirdwx.qlogo.cn/A"', 'https://thirdwx.qlogo.cn/A'],
    ['headimgurl', '"https:\\/\\/a.example\\/b?c=d"', 'https://a.example/b?c=d'],
    ['headimgurl', '"https://a.example/\\"><script>\\u0001\\n"', 'https://a.example/%22%3E%3Cscript%3E'],
    ['headimgurl', json(at(2048)), at(2048)],
    // In a URL a character of Chinese is nine.
    ['headimgurl', json(`${at(2040)}头`), ''],
    ...[
      json(at(2049)),
      ...['javascript:alert(1)', ' javascript:alert(1)', 'java\nscript:alert(1)', 'data:image/png;base64,AAAA'].map(
        json,
      ),
      ...['ftp://a.example/b', 'file:///etc/passwd', 'blob:https://a.example/b', '//a.example/b', '/b', 'b'].map(json),
      ...['https://', 'http://', 'https://u@a.example/', 'https://:p@a.example/', 'http://u:p@a.example/'].map(json),
      ...[undefined, 'null', '5', 'true', '{}', '["https://a.example/"]', '{"href":"https://a.example/"}', '""'],
    ].map((url): Row => ['headimgurl', url, '']),
    ['privilege', '[]', []],
    ['privilege', '["a","b\\u0001","\\ud800"]', ['a', 'b', '\ufffd']],
    ['privilege', `["a",null,5,["b"],{"c":1},${nested(10_000)}]`, ['a', '', '', '', '', '']],
    ['privilege', json(Array(65).fill('a')), Array(64).fill('a')],
    ...[undefined, 'null', '5', '""', '"chinaunicom"', '{"0":"a","length":1}'].map((wrong): Row => [
      'privilege',
      wrong,
      [],
    ]),
  ];
  for (const [field, value, expected] of rows) {
    it(`makes ${shorten(json(expected))} of ${field} ${value === undefined ? 'that is missing' : shorten(value)}`, () => {
      const info: Readonly<Record<string, unknown>> = { ...read({ [field]: value }) };
      assert.deepEqual(info[field], expected);
      assert.doesNotThrow(() => json(structuredClone(info)));
    });
  }

  it('does not look at what is inherited', () => {
    const inherited = {
      nickname: 'x',
      sex: 1,
      city: 'x',
      headimgurl: 'https://a.example/',
      privilege: ['x'],
      unionid: 'u',
    };
    const answer = Object.assign(Object.create(inherited) as Answer, { openid: 'o1' });
    const bare = readUserInfo(parse('{"openid":"o1"}'), 'o1');
    assert.deepEqual(readUserInfo(answer, 'o1'), bare);
    assert.deepEqual(readUserInfo(parse(`{"openid":"o1","__proto__":${json(inherited)}}`), 'o1'), bare);
    assertRefused(() => readUserInfo(Object.create({ openid: 'o1' }) as Answer, 'o1'), /^its openid is missing/);
    assertRefused(() => readUserInfo(parse('{}'), 'o1'), /^its openid is missing/);
  });
});
