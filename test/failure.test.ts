import assert from 'node:assert/strict';

import type { Transport, TransportAnswer, TransportFailure, WeChatError } from '../src/index.js';
import { accessToken, clientOf, code, factsOf, failureOf, openid, tokens } from './support/calls.js';

type Result = TransportAnswer | TransportFailure;

const exchange = '/sns/oauth2/access_token';
const userInfo = '/sns/userinfo';
const spent = 'The code may be used up: start the login again for a new one.';
const neverSent = 'No request reached WeChat: check network, DNS and firewall, then try again.';
const proxies = 'check baseUrl and the proxies on the way.';

const lost = (sent: TransportFailure['sent'], reason = 'ECONNRESET'): TransportFailure => ({ sent, reason });
const status = (status: number, retryAfter?: string): TransportAnswer => ({ status, retryAfter, body: undefined });
const text = (body: string): TransportAnswer => ({ status: 200, body: Buffer.from(body) });
const busy = text('{"errcode":-1,"errmsg":"system error"}');
const good = text(JSON.stringify(tokens));

/** The error of a call whose attempts have these results: the last one again and again. */
function errorAfter(endpoint: typeof exchange | typeof userInfo, ...results: Result[]): Promise<WeChatError> {
  const left = [...results];
  const transport: Transport = () => Promise.resolve((left.length > 1 ? left.shift() : left[0]) ?? assert.fail());
  const client = clientOf('https://wechat.example', { transport });
  return failureOf(endpoint === exchange ? client.exchangeCode(code) : client.getUserInfo(accessToken, openid));
}

describe('the error of a call', () => {
  const cases: [endpoint: typeof exchange | typeof userInfo, result: Result, message: string, retryable: boolean][] = [
    [
      exchange,
      lost('no', 'ECONNREFUSED'),
      `The connection to WeChat failed at ${exchange} (ECONNREFUSED). ${neverSent}`,
      true,
    ],
    [exchange, lost('unknown'), `The connection to WeChat failed at ${exchange} (ECONNRESET). ${spent}`, false],
    [
      exchange,
      lost('yes', 'HPE_INVALID_CONSTANT'),
      `The connection to WeChat failed at ${exchange} (HPE_INVALID_CONSTANT). ${spent}`,
      false,
    ],
    [userInfo, lost('unknown'), `The connection to WeChat failed at ${userInfo} (ECONNRESET). Try again later.`, true],
    [
      exchange,
      lost('no', 'ETIMEDOUT'),
      `WeChat did not answer ${exchange} in time: the call may take 5000 ms. ${neverSent}`,
      true,
    ],
    [
      exchange,
      lost('unknown', 'ETIMEDOUT'),
      `WeChat did not answer ${exchange} in time: the call may take 5000 ms. ${spent}`,
      false,
    ],
    [
      userInfo,
      lost('unknown', 'ETIMEDOUT'),
      `WeChat did not answer ${userInfo} in time: the call may take 5000 ms. Try again later.`,
      true,
    ],
    [exchange, lost('unknown', 'ABORT_ERR'), `The call to ${exchange} was aborted by its signal. ${spent}`, false],
    [
      userInfo,
      lost('unknown', 'ABORT_ERR'),
      `The call to ${userInfo} was aborted by its signal. Try again later.`,
      true,
    ],
    [
      exchange,
      lost('no', 'CERT_HAS_EXPIRED'),
      `The connection to WeChat failed at ${exchange} (CERT_HAS_EXPIRED). Check the clock and the CA certificates of this machine, and whether a proxy intercepts HTTPS (NODE_EXTRA_CA_CERTS adds its CA).`,
      false,
    ],
    ...[300, 302, 399].map((redirect): [typeof exchange, Result, string, boolean] => [
      exchange,
      status(redirect),
      `The answer to ${exchange} is not usable: its HTTP status is ${redirect}, and WeChat only answers with 200. Redirects are never followed, because the URL holds secrets: ${proxies} ${spent}`,
      false,
    ]),
    ...[201, 299, 400, 500].map((other): [typeof exchange, Result, string, boolean] => [
      exchange,
      status(other),
      `The answer to ${exchange} is not usable: its HTTP status is ${other}, and WeChat only answers with 200. Something between this server and WeChat answered: ${proxies} ${spent}`,
      false,
    ]),
    [
      exchange,
      status(503),
      `The answer to ${exchange} is not usable: its HTTP status is 503, and WeChat only answers with 200. Something between this server and WeChat answered: ${proxies} ${spent}`,
      false,
    ],
    [
      userInfo,
      status(503),
      `The answer to ${userInfo} is not usable: its HTTP status is 503, and WeChat only answers with 200. Something between this server and WeChat answered: ${proxies} Try again later.`,
      true,
    ],
    [
      userInfo,
      status(500),
      `The answer to ${userInfo} is not usable: its HTTP status is 500, and WeChat only answers with 200. Something between this server and WeChat answered: ${proxies} Try again later.`,
      false,
    ],
    [
      exchange,
      text('<html>'),
      `The answer to ${exchange} is not usable: it is not a JSON object. If it happens again, ${proxies} ${spent}`,
      false,
    ],
    [
      userInfo,
      text('<html>'),
      `The answer to ${userInfo} is not usable: it is not a JSON object. If it happens again, ${proxies} Try again later.`,
      false,
    ],
    [
      exchange,
      { status: 200, body: undefined },
      `The answer to ${exchange} is not usable: its body is larger than 64 KiB or badly compressed. If it happens again, ${proxies} ${spent}`,
      false,
    ],
  ];
  for (const [endpoint, result, message, retryable] of cases) {
    const what = 'reason' in result ? `${result.reason}, sent: ${result.sent}` : `status ${result.status}`;
    it(`to ${endpoint} says what to do after ${what}${'body' in result && result.body ? ` and ${Buffer.from(result.body).toString()}` : ''}`, async () => {
      const error = await errorAfter(endpoint, result);
      assert.deepEqual([error.message, error.retryable], [message, retryable]);
    });
  }

  it('tells how many attempts it was worth', async () => {
    const garbage = text('<html>');
    for (const [result, ofExchange, ofOthers] of [
      [lost('no'), 4, 4],
      [lost('no', 'ETIMEDOUT'), 4, 4],
      [lost('unknown'), 2, 4],
      [lost('unknown', 'ETIMEDOUT'), 1, 2],
      [lost('yes', 'ETIMEDOUT'), 1, 2],
      [lost('unknown', 'ABORT_ERR'), 1, 1],
      [lost('no', 'ABORT_ERR'), 1, 1],
      [lost('yes'), 1, 2],
      [busy, 3, 4],
      [status(503), 2, 4],
      [status(500), 1, 1],
      [garbage, 1, 2],
    ] as const) {
      const attempts = [await errorAfter(exchange, result), await errorAfter(userInfo, result)].map(
        (error) => error.attempts,
      );
      assert.deepEqual(attempts, [ofExchange, ofOthers], JSON.stringify(result));
    }
  });

  it('is that of a used code only when no earlier attempt can have used it', async () => {
    const used = text('{"errcode":40163,"errmsg":"code been used"}');
    assert.equal((await errorAfter(exchange, lost('no'), used)).code, 'ERR_WECHAT_CODE_USED');
    assert.equal((await errorAfter(exchange, lost('unknown'), used)).code, 'ERR_WECHAT_LOGIN_LOST');
  });

  it('says how far the request of any attempt came', async () => {
    const garbage = text('<html>');
    for (const [expected, ...results] of [
      ['no', lost('no')],
      ['unknown', lost('unknown'), lost('no')],
      ['unknown', status(503), lost('no')],
      ['yes', busy, lost('no')],
      ['yes', busy, lost('unknown')],
      ['yes', garbage, lost('unknown')],
      ['yes', lost('unknown'), lost('yes', 'HPE_INVALID_CONSTANT')],
    ] as const) {
      assert.equal(factsOf(await errorAfter(userInfo, ...results))['sent'], expected, JSON.stringify(results));
    }
  });
});

describe('a certificate that is refused', () => {
  const refused = [
    ...['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED', 'CERT_UNTRUSTED', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ...['SELF_SIGNED_CERT_IN_CHAIN', 'ERR_TLS_CERT_ALTNAME_INVALID', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ...['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'UNABLE_TO_GET_CRL', 'CRL_HAS_EXPIRED', 'CRL_NOT_YET_VALID'],
    ...['INVALID_CA', 'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED', 'HOSTNAME_MISMATCH', 'UNSPECIFIED'],
  ];
  for (const reason of refused) {
    it(`is not tried again: ${reason}`, async () => {
      const error = await errorAfter(userInfo, lost('no', reason));
      assert.deepEqual([error.attempts, error.retryable], [1, false]);
      assert.match(error.message, /Check the clock and the CA certificates/);
    });
  }

  const others = ['ECONNRESET', 'EPROTO', 'OLD_CRL_', 'NOT_UNABLE_TO_', 'INVALID_CAR', 'INVALID_PURPOSES'];
  for (const reason of [...others, 'PATH_LENGTH_EXCEEDED_BY_FAR', 'HOSTNAME_MISMATCHES', 'IS_UNSPECIFIED']) {
    it(`is not what ${reason} is`, async () => {
      const error = await errorAfter(userInfo, lost('no', reason));
      assert.deepEqual([error.attempts, error.retryable], [4, true]);
    });
  }
});

describe('a Retry-After', () => {
  it('of several digits is a number of seconds', async () => {
    assert.equal((await errorAfter(exchange, status(503, '12'), good)).attempts, 1);
  });
});
