import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { inspect, isDeepStrictEqual } from 'node:util';

import { WeChatApiError, type WeChatClient, WeChatError } from '../../src/index.js';
import { clientOf, exposed, factsOf, inTurns } from '../support/calls.js';
import { answer, closeServers, startServer } from '../support/scripted-server.js';
import { transports } from '../support/transports.js';
import { judge, type Question } from './answer-oracle.js';

/** Stands in every answer, and must stand in no error. */
const canary = 'cAnArY';
const openid = `o${canary}-0`;
const unionid = `u${canary}-0`;

/** A field as it stands in a body: JSON, or bytes that are none; undefined when it is missing. */
type Written = string | Buffer | undefined;
type Fields = Readonly<Record<string, Written>>;

/** A call that an answer is made for. */
interface Target {
  name: string;
  question: Question;
  /** Makes the call so that the server can tell by `token` which answer is for it. */
  call: (client: WeChatClient, token: string) => Promise<unknown>;
  endpoint: string;
  fields: Fields;
  /** Takes one body of so many where another target has the same reader and takes them all. Default 1. */
  oneOf?: number;
}

const tokenFields: Fields = {
  access_token: `"a${canary}-0"`,
  expires_in: '7200',
  refresh_token: `"r${canary}-0"`,
  openid: `"${openid}"`,
  scope: '"snsapi_login"',
  unionid: `"${unionid}"`,
  is_snapshotuser: '0',
  errcode: undefined,
};
const userFields: Fields = {
  openid: `"${openid}"`,
  nickname: `"${canary}"`,
  sex: '1',
  province: '""',
  city: '""',
  country: '"CN"',
  headimgurl: '"http:\\/\\/a.example\\/0"',
  privilege: '["x"]',
  unionid: `"${unionid}"`,
  errcode: undefined,
};

const targets: readonly Target[] = [
  {
    name: 'exchangeCode',
    question: { method: 'exchangeCode', openid },
    call: (client, token) => client.exchangeCode(token),
    endpoint: '/sns/oauth2/access_token',
    fields: tokenFields,
  },
  {
    name: 'codeToSession',
    question: { method: 'codeToSession', openid },
    call: (client, token) => client.codeToSession(token),
    endpoint: '/sns/jscode2session',
    fields: { session_key: `"s${canary}-0=="`, openid: `"${openid}"`, unionid: `"${unionid}"`, errcode: undefined },
  },
  {
    name: 'refreshToken',
    question: { method: 'refreshToken', openid },
    call: (client, token) => client.refreshToken(token),
    endpoint: '/sns/oauth2/refresh_token',
    fields: tokenFields,
    oneOf: 4,
  },
  {
    name: 'getUserInfo',
    question: { method: 'getUserInfo', openid },
    call: (client, token) => client.getUserInfo(token, openid),
    endpoint: '/sns/userinfo',
    fields: userFields,
  },
  {
    name: 'getUserInfo with a unionid',
    question: { method: 'getUserInfo', openid, unionid },
    call: (client, token) => client.getUserInfo(token, openid, { unionid }),
    endpoint: '/sns/userinfo',
    fields: userFields,
    oneOf: 4,
  },
  {
    name: 'validateToken',
    question: { method: 'validateToken', openid },
    call: (client, token) => client.validateToken(token, openid),
    endpoint: '/sns/auth',
    fields: { errcode: '0', errmsg: `"${canary}"` },
  },
];

// ---- bodies

interface Sample {
  body: Buffer;
  headers?: Readonly<Record<string, string | undefined>>;
}

const repeat = (text: string, length: number): string => `"${text.repeat(length)}"`;
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** What any field may be instead of what it should be. */
const oddValues: readonly Written[] = [
  ...[undefined, 'null', 'true', 'false', '{}', '[]', '[0]', '[null]', nested(10_000)],
  ...['{"length":1}', '{"toString":"x"}'],
  ...['0', '-0', '1', '2', '3', '-1', '0.5', '7200.0', '72e2', '31536000', '31536001', '1e999', '-1e999', '1e-999'],
  ...['9007199254740991', '9007199254740993', '123456789012345678901234567890', 'NaN', 'Infinity', '0x1', '01', '+1'],
  ...['""', '" "', '"0"', '"1"', '"2"', '"-1"', '"7200"', '"1e3"', '"0x10"', '"0.5"', '" 1"', '"1 "'],
  ...['"true"', '"null"'],
  ...['40029', '"40029"', '40163', '40001', '-1', '45011', '48001', '42001', '40003', '99999'],
];

/** What a text may be. */
const oddTexts: readonly Written[] = [
  ...[128, 129, 512, 513, 1024, 1025, 2048, 2049, 4096, 4097, 60_000].map((length) => repeat('a', length)),
  ...[256, 1025].map((length) => repeat('😀', length)),
  ...['"A-Z_a-z09"', '"a b"', '"a,b"', '"a, b,,"', '",,,"', '"a;b"', '"a/b+c=="', '"<b>"', '"微信"', '"é"'],
  `"${openid}x"`,
  ...['"\\u0000"', '"a\\u0000b"', '"a\\nb"', '"a\\u007fb"', '"a\\u0085b"', '"a\\u2028b"', '"a\\u202eb"', '"\\ufeff"'],
  ...['"a\u0000b"', '"a\u0001b"', '"a\tb"', '"a\nb"', '"a\u007fb"', '"a\\\nb"', '"a\\\u0001b"', '"a\\\\\u0001b"'],
  ...['"\\ud800"', '"a\\udc00b"', '"\\ud83d\\ude00"', '"\\ude00\\ud83d"', '"\\u12"', '"\\x41"', '"a', "'a'", 'a', ''],
  ...['"a\xff"', '"\xc0\x80"', '"\xed\xa0\x80"', '"\xf0\x9f\x98"', '"\xce\xa2\xd0\xc5"'].map(latin1),
  ...[`["${canary}","b\\u0001",5,null,["c"]]`, `[${'"a",'.repeat(99)}"a"]`, '"__proto__"', '{"__proto__":{"a":1}}'],
];

/** What an address may be. */
const oddAddresses: readonly Written[] = [
  ...[
    '"http://a.example/b"',
    '"HTTPS://A.example"',
    '"https://u@a.example/"',
    '"https://:p@a.example/"',
    '"https:\\/\\/a.example\\/b?c#d"',
  ],
  ...['"javascript:alert(1)"', '"data:text/html,x"', '"//a.example/"', '"/a"', '"https://"', '"ftp://a.example/"'],
];

function bodyOf(fields: Fields): Buffer {
  const members = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Buffer.concat([
    Buffer.from('{'),
    ...members.flatMap(([name, value = ''], n) => [
      Buffer.from(`${n > 0 ? ',' : ''}${JSON.stringify(name)}:`),
      Buffer.from(value),
    ]),
    Buffer.from('}'),
  ]);
}

/** Each field of an answer with odd values: instead of the right one, before it and after it. */
function oddFields({ fields }: Target): Sample[] {
  return Object.keys(fields).flatMap((field, n) => [
    ...[
      ...oddValues,
      ...oddTexts.filter((_, m) => m % 2 === n % 2),
      ...(field === 'headimgurl' ? oddAddresses : []),
    ].map((value) => ({
      body: bodyOf({ ...fields, [field]: value }),
    })),
    ...['null', '""', `"${canary}x"`, '40029', '{}'].flatMap((value) => {
      const right = bodyOf(fields);
      const odd = Buffer.from(`"${field}":${value}`);
      return [
        { body: Buffer.concat([right.subarray(0, -1), Buffer.from(','), odd, Buffer.from('}')]) },
        { body: Buffer.concat([Buffer.from('{'), odd, Buffer.from(','), right.subarray(1)]) },
      ];
    }),
  ]);
}

function truncations({ fields }: Target): Sample[] {
  const right = bodyOf(fields);
  return Array.from(right, (_byte, length) => ({ body: right.subarray(0, length) }));
}

/** The right body with one bit of each byte the other way round. */
function bitFlips({ fields }: Target): Sample[] {
  const right = bodyOf(fields);
  return Array.from(right, (byte, n) => {
    const body = Buffer.from(right);
    body[n] = byte ^ (1 << ((n * 5) % 8));
    return { body };
  });
}

function oddDocuments({ fields }: Target): Sample[] {
  const right = bodyOf(fields);
  const text = right.toString();
  const inner = text.slice(1, -1);
  const swap = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();
  const utf16 = Buffer.from(text, 'utf16le');
  const documents: (string | Buffer)[] = [
    ...['', ' ', '\n', '\0', 'null', 'true', '5', '-1', '0', '""', '[]', '{}', '[[]]', '[{}]', 'undefined', 'NaN'],
    ...[`[${text}]`, JSON.stringify(text), `{"data":${text}}`, `{"__proto__":${text}}`, `{"":${text}}`],
    ...[text + text, `${text},`, `${text}\n${text}`, `${text}\0`, `\0${text}`, `${text}//`, `/**/${text}`, `${text};`],
    ...[`\ufeff${text}`, `\ufeff\ufeff${text}`, `${text}\ufeff`, `\u00a0${text}`, ` \t\r\n${text}\r\n`, `\v${text}`],
    ...[utf16, swap(utf16), Buffer.from(`\ufeff${text}`, 'utf16le'), swap(Buffer.from(`\ufeff${text}`, 'utf16le'))],
    ...[text.replace('{', '{,'), text.replace('}', ',}'), text.replaceAll('"', "'"), text.replaceAll('"', ''), inner],
    ...[
      text.replaceAll(':', '='),
      text.replaceAll(',', ';'),
      text.replaceAll(',', ',\n\t'),
      text.replaceAll(':', ' : '),
    ],
    ...[text.replaceAll('"openid"', '"\\u006fpenid"'), text.replaceAll('"openid"', '"OpenID"')],
    ...[text.replaceAll('"openid"', '"openid\\u0000"'), text.replaceAll('"openid"', '"openid\u0001"')],
    ...[`callback(${text})`, `)]}',\n${text}`, `<html>${text}</html>`, `<xml><openid>${openid}</openid></xml>`],
    ...[`openid=${openid}&access_token=a${canary}&expires_in=7200`, `--x\r\n\r\n${text}\r\n--x--`, 'OK', 'ok', canary],
    ...[nested(30_000), '['.repeat(60_000), '{"a":'.repeat(10_000), `{"a":${nested(30_000)},${inner}}`],
    ...[`{"__proto__":{"errcode":40029},${inner}}`, `{"__proto__":null,${inner}}`, `{"constructor":1,${inner}}`],
    ...[`{"hasOwnProperty":1,"toString":null,${inner}}`, `{"then":1,${inner}}`, `{"toJSON":1,${inner}}`],
    ...[
      `{"x":"a\u0001",${inner}}`,
      `{"x":"a\u0001\\"",${inner}}`,
      `{"x":"\\\\\u0001",${inner}}`,
      `{"x":"\\\u0001",${inner}}`,
    ],
    ...[`{"x\u0001":1,${inner}}`, `{"x":1\u0001,${inner}}`, `\u0001${text}`, `{"x":"\u0001,${inner}}`],
    ...['\xff', '\xc0\xaf', '\xed\xbf\xbf', '\xf8\x88\x80\x80\x80'].map((odd) => latin1(`{"x":"${odd}",${inner}}`)),
    ...[latin1(`{\xff${inner}}`), latin1(`${text}\xff`), latin1(`\xef\xbb${text}`), latin1(`{"\xff":1,${inner}}`)],
    ...[text.padEnd(65_536), text.padEnd(65_537), text.padStart(65_536), `{"x":${repeat('x', 65_000)},${inner}}`],
    ...[
      `{"x":${repeat('x', 70_000)},${inner}}`,
      `{${'"x":1,'.repeat(5_000)}${inner}}`,
      `{${'"":"",'.repeat(5_000)}${inner}}`,
    ],
  ];
  return documents.map((document) => ({ body: Buffer.from(document) }));
}

/** Right and wrong answers, whatever they are said to be. */
function oddTypes({ fields }: Target): Sample[] {
  const types = [
    ...[undefined, '', 'application/json', 'text/html', 'text/plain; charset=gbk', 'text/plain; charset=utf-16le'],
    ...['application/json; encoding=utf-8', 'application/json; charset="', 'text/xml; charset=iso-8859-1', 'x'],
    ...['multipart/form-data; boundary=x', 'application/octet-stream', 'text/plain; charset=us-ascii', '*/*', ';;;'],
  ];
  const bodies = [
    bodyOf(fields),
    bodyOf({ ...fields, nickname: '"微信😀"', scope: '"snsapi_base,"' }),
    bodyOf({ ...fields, errcode: '40029', errmsg: '"错误"' }),
    Buffer.from('<html>'),
  ];
  return types.flatMap((type) => bodies.map((body) => ({ body, headers: { 'content-type': type } })));
}

/** What WeChat has been seen to answer, to this question and to others. */
function fixtures(): Sample[] {
  const folder = new URL('../fixtures/wechat/', import.meta.url);
  const files = readdirSync(folder).filter((file) => !file.startsWith('_'));
  return files.map((file) => ({ body: readFileSync(new URL(file, folder)) }));
}

const kinds: Readonly<Record<string, (target: Target) => Sample[]>> = {
  'each field with odd values': oddFields,
  'cut after every byte': truncations,
  'with a bit of each byte flipped': bitFlips,
  'odd documents': oddDocuments,
  'odd content types and charsets': oddTypes,
  'the fixtures': fixtures,
};

// ---- what comes of them

/** What a call came to, in the words of the oracle. */
async function outcomeOf(call: Promise<unknown>, endpoint: string): Promise<Record<string, unknown>> {
  try {
    return { kind: 'accepted', value: exposed(await call) };
  } catch (error) {
    if (!(error instanceof WeChatError)) return { kind: 'no WeChatError', error };
    // The text of a refusal is for logs: it is the one part of an answer that an error may hold.
    const facts = Object.fromEntries(Object.entries(factsOf(error)).filter(([name]) => name !== 'errmsg'));
    const shown = `${error.message} ${error.stack} ${inspect(facts)} ${inspect(error.cause)}`;
    if (shown.includes(canary)) return { kind: 'a leak', shown };
    if (error instanceof WeChatApiError) return { kind: 'refused', errcode: error.errcode, code: error.code };
    return isDeepStrictEqual(facts, { ...unusableFacts, endpoint }) ? { kind: 'unusable' } : { kind: 'odd', facts };
  }
}

const unusableFacts = {
  name: 'WeChatResponseError',
  code: 'ERR_WECHAT_RESPONSE',
  retryable: false,
  attempts: 1,
  status: 502,
  statusCode: 502,
  httpStatus: 200,
};

describe('malformed answers', () => {
  const samples = targets.flatMap((target) =>
    Object.entries(kinds).map(([kind, make]) => {
      const bodies = make(target).filter((_, n) => n % (target.oneOf ?? 1) === 0);
      return { target, kind, bodies };
    }),
  );
  it('are at least 1000', () => {
    const bodies = new Set(samples.flatMap((sample) => sample.bodies.map(({ body }) => body.toString('latin1'))));
    assert.ok(bodies.size >= 1000, `there are ${bodies.size}`);
  });

  for (const transport of transports) {
    describe(`on ${transport.name}`, () => {
      after(closeServers);

      for (const { target, kind, bodies } of samples) {
        it(`${target.name}: ${bodies.length} bodies, ${kind}`, async () => {
          const server = await startServer(({ query }) => {
            const token =
              query.get('code') ?? query.get('js_code') ?? query.get('refresh_token') ?? query.get('access_token');
            const { body, headers } = bodies[Number(token)] ?? { body: '' };
            return [answer(200, body, headers)];
          });
          const client = clientOf(server.url, { ...transport.http(), maxRetries: 0, timeout: 15_000 });
          const wrong: unknown[] = [];
          await inTurns(bodies, 16, async ({ body }, n) => {
            const expected = judge(target.question, body);
            const outcome = await outcomeOf(target.call(client, String(n)), target.endpoint);
            if (!isDeepStrictEqual(outcome, expected)) {
              wrong.push({ body: body.toString('latin1').slice(0, 400), outcome, expected });
            }
          });
          await server.close();
          assert.deepEqual(wrong.slice(0, 10), []);
          assert.equal(server.requests.length, bodies.length);
        });
      }
    });
  }
});
