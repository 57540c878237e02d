import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';

import { type Refusal, toApiError } from '../src/errcodes.js';
import { type Endpoint, WeChatApiError, type WeChatApiErrorCode, WeChatError } from '../src/index.js';

const exchange = '/sns/oauth2/access_token';
const exchanges: Endpoint[] = [exchange, '/sns/jscode2session'];
const endpoints: Endpoint[] = [...exchanges, '/sns/oauth2/refresh_token', '/sns/userinfo', '/sns/auth'];

const refuse = (refusal: Partial<Refusal>): WeChatApiError =>
  toApiError({
    endpoint: exchange,
    errcode: 40029,
    errmsg: '',
    attempts: 1,
    mayHaveSpentCode: false,
    secrets: [],
    ...refusal,
  });

/** What each code means to its receiver. */
const reactions: Record<WeChatApiErrorCode, { status: number; retryable?: true; advice: RegExp }> = {
  ERR_WECHAT_INVALID_CODE: { status: 401, advice: /Start the login again/ },
  ERR_WECHAT_CODE_USED: { status: 401, advice: /works once.* Start the login again/ },
  ERR_WECHAT_LOGIN_LOST: { status: 503, advice: /answer was lost.* Start the login again/ },
  ERR_WECHAT_ACCESS_TOKEN_EXPIRED: { status: 502, advice: /Get a new one with refreshToken\(\)/ },
  ERR_WECHAT_REFRESH_TOKEN_EXPIRED: { status: 502, advice: /Let the user log in again/ },
  ERR_WECHAT_INVALID_OPENID: { status: 502, advice: /Pass the openid that came with the token/ },
  ERR_WECHAT_USER_BLOCKED: { status: 403, advice: /Offer another way to log in/ },
  ERR_WECHAT_PERMISSION_DENIED: { status: 500, advice: /look at the permissions of the app/ },
  ERR_WECHAT_CONFIG: { status: 500, advice: /Check app id, app secret and IP whitelist/ },
  ERR_WECHAT_RATE_LIMITED: { status: 503, retryable: true, advice: /Try again in a minute/ },
  ERR_WECHAT_BUSY: { status: 503, retryable: true, advice: /Try again in a moment/ },
  ERR_WECHAT_API: { status: 502, advice: /Look the errcode up among the return codes/ },
};

/** Every errcode that WeChat documents for its login, and some that it does not. */
const errcodes: Partial<Record<WeChatApiErrorCode, number[]>> = {
  ERR_WECHAT_INVALID_CODE: [40029, 42003, 41008],
  ERR_WECHAT_ACCESS_TOKEN_EXPIRED: [40014, 42001, 41001, 48012],
  ERR_WECHAT_REFRESH_TOKEN_EXPIRED: [40030, 42002, 41003, 42007],
  ERR_WECHAT_INVALID_OPENID: [40003, 41009, 49003],
  ERR_WECHAT_USER_BLOCKED: [40226],
  ERR_WECHAT_PERMISSION_DENIED: [48001, 48002, 48003, 48004, 50001, 50003, 50004, 50005, 43004, 43104],
  ERR_WECHAT_CONFIG: [40013, 40125, 41002, 41004, 40164, 40243, 50002, 61004, 45035, 40090, 89503, 89506, 89507],
  ERR_WECHAT_RATE_LIMITED: [45009, 45011],
  ERR_WECHAT_BUSY: [-1],
  ERR_WECHAT_API: [
    ...[40002, 40035, 40048, 40066, 40097, 43001, 43002, 43003, 47001, 61003, 61007, 61023, 61024],
    ...[-2, 1, 401, 4002, 10003, 40000, 400290, 48000, 48005, 50000, 50006, 99999, Number.MAX_SAFE_INTEGER],
  ],
};

/** What an operator is told about one errcode, where the advice of its kind is too general. */
const particulars: Record<number, RegExp> = {
  40013: /Check appId for a typing error/,
  40125: /Copy the current one from the WeChat platform into appSecret/,
  40164: /Add it on the WeChat platform/,
  40243: /Unfreeze it on the WeChat platform/,
  50002: /Look at its page on the WeChat platform/,
};

function expectedCode(errcode: number, endpoint: Endpoint, mayHaveSpentCode: boolean): WeChatApiErrorCode {
  if (errcode === 40163) return mayHaveSpentCode ? 'ERR_WECHAT_LOGIN_LOST' : 'ERR_WECHAT_CODE_USED';
  if (errcode === 40001) return exchanges.includes(endpoint) ? 'ERR_WECHAT_CONFIG' : 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED';
  const [code] = Object.entries(errcodes).find(([, listed]) => listed.includes(errcode)) ?? [];
  return code as WeChatApiErrorCode;
}

describe('an errcode', () => {
  for (const errcode of [40163, 40001, ...Object.values(errcodes).flat()]) {
    const kinds = endpoints.flatMap((endpoint) => [false, true].map((spent) => expectedCode(errcode, endpoint, spent)));
    it(`${errcode} is ${[...new Set(kinds)].join(' or ')}, and says what to do`, () => {
      for (const endpoint of endpoints) {
        for (const mayHaveSpentCode of [false, true]) {
          const code = expectedCode(errcode, endpoint, mayHaveSpentCode);
          const { status, retryable: later = false, advice } = reactions[code];
          // WeChat did not look at the code, but an earlier request may have used it up.
          const lost = code === 'ERR_WECHAT_RATE_LIMITED' && mayHaveSpentCode && exchanges.includes(endpoint);
          const retryable = later && !lost;
          const error = refuse({ endpoint, errcode, mayHaveSpentCode, attempts: 2, errmsg: 'the text, rid: 1-2-3' });
          const { message, stack } = error;
          assert.deepEqual(Object.fromEntries(Object.entries(error)), {
            code,
            endpoint,
            retryable,
            attempts: 2,
            status,
            statusCode: status,
            errcode,
            errmsg: 'the text, rid: 1-2-3',
          });
          assert.ok(error instanceof WeChatApiError && error instanceof WeChatError && error instanceof Error);
          assert.equal(error.name, 'WeChatApiError');
          assert.equal(error.cause, undefined);

          const sentence = /^WeChat answered (\S+) with errcode (-?\d+)\. ([A-Z][^\n]+)\.$/.exec(message);
          assert.deepEqual(sentence?.slice(1, 3), [endpoint, String(errcode)], message);
          assert.match(sentence[3] ?? '', particulars[errcode] ?? advice);
          assert.equal(sentence[3]?.endsWith('start the login again for a new one'), lost);
          assert.ok(stack?.startsWith(`WeChatApiError: ${message}\n`), stack);
        }
      }
    });
  }

  it('leads to every code there is', () => {
    const reached = [...Object.keys(errcodes), 'ERR_WECHAT_CODE_USED', 'ERR_WECHAT_LOGIN_LOST'];
    assert.deepEqual(reached.sort(), Object.keys(reactions).sort());
  });

  it('of a fixture is in the table', () => {
    for (const file of readdirSync(new URL('fixtures/wechat/', import.meta.url))) {
      const errcode = /^error\.(-?\d+)\./.exec(file)?.[1];
      if (errcode !== undefined) assert.ok(expectedCode(Number(errcode), exchange, false), file);
    }
  });

  it('is told with the number of requests that were made', () => {
    assert.equal(refuse({ attempts: 1 }).attempts, 1);
    assert.equal(refuse({ attempts: 4 }).attempts, 4);
  });
});

describe('the rid of a refusal', () => {
  const fixture = (file: string): string => {
    const text = readFileSync(new URL(`fixtures/wechat/${file}`, import.meta.url), 'utf8');
    return (JSON.parse(text) as { errmsg: string }).errmsg;
  };
  const rid = '65c17d8c-5cf05990-781aabe9';
  const found: [string, string][] = [
    ['after a comma', fixture('error.40029.rid.json')],
    ['without a comma', fixture('error.40013.nocomma.json')],
    ['after a line break', fixture('error.40002.newline.json')],
    ['after addresses', fixture('error.40164.ip.json')],
    ['after a hint', `invalid code, hint: [1234_a] rid: ${rid}`],
    ['after more text than is kept', `${'x'.repeat(300)}, rid: ${rid}`],
    ['alone', `rid: ${rid}`],
  ];
  for (const [where, errmsg] of found) {
    it(`is found ${where}`, () => {
      assert.equal(refuse({ errmsg }).rid, rid);
    });
  }

  const absent: [string, string][] = [
    ['there is only a req_id', fixture('error.40029.hints.json')],
    ['there is only a req_id with a dot', fixture('error.42001.hints.json')],
    ['there is only the text', fixture('error.40029.bare.json')],
    ['there is no text', ''],
    ['it is cut', 'invalid code, rid: 65c17d8c-5cf05990-781aabe'],
    ['it goes on', `invalid code, rid: ${rid}0`],
    ['it is no hexadecimal number', 'invalid code, rid: 65c17d8g-5cf05990-781aabe9'],
    ['it is the end of another word', `invalid code, grid: ${rid}`],
  ];
  for (const [why, errmsg] of absent) {
    it(`is no property when ${why}`, () => {
      const error = refuse({ errmsg });
      assert.equal('rid' in error, false);
      assert.equal(error.errmsg, errmsg);
    });
  }

  it('of every fixture is either found or not there', () => {
    for (const file of readdirSync(new URL('fixtures/wechat/', import.meta.url))) {
      if (!/^(?:error\.-?\d+|auth\.bad)/.test(file)) continue;
      const errmsg = fixture(file);
      assert.equal(refuse({ errmsg }).rid, errmsg.includes('rid:') ? rid : undefined, file);
    }
  });

  it('is kept when the text is not', () => {
    const error = refuse({ errmsg: `bad S3cr%2bt%2f%3d, rid: ${rid}`, secrets: ['S3cr+t/='] });
    assert.deepEqual([error.errmsg, error.rid], ['[REDACTED]', rid]);
  });

  it('is not taken from a secret that is formed like one', () => {
    const error = refuse({ errmsg: `invalid code, rid: ${rid}`, secrets: [rid] });
    assert.equal('rid' in error, false);
    assert.equal(error.errmsg, '[REDACTED]');
  });
});

describe('the errmsg of a refusal', () => {
  const cleaned: [string, string, string][] = [
    ['keeps text in any language', '不合法的 code "é" 😀 <b> \\', '不合法的 code "é" 😀 <b> \\'],
    ['has a space for every C0 control character', 'a\u0000b\tc\r\nd\u001be\u001ff', 'a b c  d e f'],
    ['has a space for DEL and C1 control characters', 'a\u007fb\u0085c\u009fd', 'a b c d'],
    ['has a space for line and paragraph separators', 'a\u2028b\u2029c', 'a b c'],
    [
      'has a space for everything that changes the direction',
      'a\u200eb\u200fc\u061cd\u202ae\u202bf\u202cg\u202dh\u202ei\u2066j\u2067k\u2068l\u2069m',
      'a b c d e f g h i j k l m',
    ],
    ['has a space for invisible characters', 'a\u200bb\ufeffc\u00add', 'a b c d'],
    ['has a replacement for a lone surrogate', 'a\ud800b\udc00c', 'a\ufffdb\ufffdc'],
    ['is cut after 200 characters', 'x'.repeat(5000), 'x'.repeat(200)],
    ['is not cut at 200 characters', 'x'.repeat(200), 'x'.repeat(200)],
    ['is not cut in the middle of a character', `${'x'.repeat(199)}😀`, `${'x'.repeat(199)}\ufffd`],
  ];
  for (const [does, errmsg, expected] of cleaned) {
    it(does, () => {
      assert.equal(refuse({ errmsg }).errmsg, expected);
    });
  }

  const secret = 'S3cr+t/=&%?#ü';
  const encoded = encodeURIComponent(secret);
  const other = 'c0de-of-the-visitor';
  const guarded = [secret, "it's-me", 'in\u200bvisible', 'with a space', 'a b c d e', '登录凭证登录凭证'];
  const echoes: [string, string][] = [
    ['as it is', `bad secret ${secret}, rid: 1`],
    ['URL-encoded', `bad url ?secret=${encoded}&x`],
    ['more than once', `${secret}${encoded} ${secret}`],
    ['beside another', `${other} ${secret} ${other}`],
    ['without its end', `${secret.slice(0, -2)}... `],
    ['without its beginning', `...${other.slice(-8)}, rid: 1`],
    ['with an invisible character in it', `${other.slice(0, 4)}\u200b${other.slice(4)}`],
    ['whose invisible character becomes a space', 'bad in\u200bvisible'],
    ['which the space for a line break makes', 'bad with\na space'],
    ['encoded in lower case', `bad S${encoded.slice(1).toLowerCase()}`],
    ['as a form encodes it', `bad ${new URLSearchParams({ x: secret }).toString()}`],
    ['as JSON in JSON', 'bad S3cr+t\\/=&%?#ü'],
    ['with more encoded than needs to be', "an apostrophe's code: it%27s-me"],
    ['of spaces as a form encodes them', 'bad a+b+c+d+e'],
    ['of Chinese, encoded in lower case', `bad ${encodeURIComponent('登录凭证登录凭证').toLowerCase()}`],
    ['where the text is cut', `${'x'.repeat(190)}${secret}${other}`],
  ];
  for (const [where, errmsg] of echoes) {
    it(`is dropped when it holds a secret ${where}`, () => {
      const error = refuse({ errmsg, secrets: [...guarded, other] });
      assert.equal(error.errmsg, '[REDACTED]');
      const shown = [inspect(error, { showHidden: true, depth: Infinity }), JSON.stringify(error), error.stack];
      for (const text of [secret, encoded, other]) assert.ok(!shown.join().includes(text));
    });
  }

  it('keeps words that are as short as the secrets of a test may be, and its rid', () => {
    const text = 'invalid code, access_token of c1, rid: 65c17d8c-5cf05990-781aabe9';
    const error = refuse({ errmsg: text, secrets: ['code', 'c1', 'token', 'access', '1'] });
    assert.deepEqual([error.errmsg, error.rid], [text, '65c17d8c-5cf05990-781aabe9']);
  });

  it('is dropped when a short secret stands in it as a word', () => {
    for (const errmsg of ['bad s3cr3t', 's3cr3t, rid: 1', 'bad (s3cr3t)', 'xs3cr3t s3cr3t', 'bad=s3cr3t&']) {
      assert.equal(refuse({ errmsg, secrets: ['s3cr3t'] }).errmsg, '[REDACTED]', errmsg);
    }
  });

  it('keeps seven characters of a secret, which say nothing', () => {
    const errmsg = `...${other.slice(-7)}`;
    assert.equal(refuse({ errmsg, secrets: [secret, other] }).errmsg, errmsg);
  });

  it('is looked at for no longer than WeChat may need, and no secret beyond that is shown', () => {
    const near = `${'x'.repeat(900)}${other}`;
    const far = `${'x'.repeat(1_000)}${other}`;
    assert.equal(refuse({ errmsg: near, secrets: [other] }).errmsg, '[REDACTED]');
    assert.equal(refuse({ errmsg: far, secrets: [other] }).errmsg, 'x'.repeat(200));
  });

  it('is no part of the message, nor of the stack', () => {
    for (const errcode of [40029, 40164, -1, 99999]) {
      const error = refuse({ errcode, errmsg: 'invalid ip 203.0.113.7, rid: 65c17d8c-5cf05990-781aabe9' });
      assert.doesNotMatch(`${error.message} ${error.stack ?? ''}`, /203\.0|invalid ip|65c17d8c/);
      assert.doesNotMatch(String(error), /203\.0|invalid ip|65c17d8c/);
    }
  });
});

describe('the code of an error', () => {
  it('is known to the type checker on every class', () => {
    function reaction(error: WeChatError): string {
      // A code that does not exist would be no case here, and one that is left out no string.
      switch (error.code) {
        case 'ERR_WECHAT_INVALID_CODE':
        case 'ERR_WECHAT_CODE_USED':
        case 'ERR_WECHAT_LOGIN_LOST':
        case 'ERR_WECHAT_REFRESH_TOKEN_EXPIRED':
          return 'log in again';
        case 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED':
          return 'refresh';
        case 'ERR_WECHAT_INVALID_OPENID':
        case 'ERR_WECHAT_USER_BLOCKED':
        case 'ERR_WECHAT_PERMISSION_DENIED':
        case 'ERR_WECHAT_CONFIG':
        case 'ERR_WECHAT_API':
        case 'ERR_WECHAT_RESPONSE':
          return 'give up';
        case 'ERR_WECHAT_RATE_LIMITED':
        case 'ERR_WECHAT_BUSY':
        case 'ERR_WECHAT_TIMEOUT':
        case 'ERR_WECHAT_NETWORK':
        case 'ERR_WECHAT_ABORTED':
          return 'try later';
      }
    }
    const error: unknown = refuse({ endpoint: '/sns/userinfo', errcode: 42001 });
    assert(error instanceof WeChatError);
    assert.equal(reaction(error), 'refresh');
    // @ts-expect-error: after instanceof the code is still one of the codes
    assert.notEqual(error.code, 5 satisfies typeof error.code);
  });
});
