/**
 * What goes wrong between the client and WeChat, and what each call makes of it. Written by hand from what a failure
 * proves about the code, never from what the client does: where the two differ, one of them is wrong.
 *
 * "The exchange" is every call that uses a code up; "the others" change nothing at WeChat, so they may be sent again.
 */
import type { LookupFunction } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import type { HttpOptions, Sent, WeChatErrorCode } from '../../src/index.js';
import { accessToken, appSecret, code, methods, refreshToken } from '../support/calls.js';
import {
  answer,
  answerBytes,
  certificate,
  drip,
  end,
  flood,
  forEver,
  hang,
  json,
  raw,
  reset,
  type ServerOptions,
  type Step,
  untilBytesCome,
  wait,
} from '../support/scripted-server.js';

/** How a call ends. */
export interface Ending {
  /** `right` is what the server's good answer says. */
  result?: 'right' | false;
  error?: {
    name: string;
    code: WeChatErrorCode;
    status: number;
    retryable: boolean;
    attempts: number;
    /** A pattern where the versions of Node.js or the parsers of the transports differ. */
    reason?: string | RegExp;
    sent?: Sent;
    httpStatus?: number;
    errcode?: number;
  };
  /** How many requests with the code or the token came to any server. */
  requests: number;
}

export interface Row {
  fault: string;
  /** What the server does for the first request, the second and so on; the last entry serves all that follow. */
  answers?: readonly (readonly Step[])[];
  /** What it does with each connection, by its number from 1, before it reads anything. */
  greet?: (connection: number) => readonly Step[];
  tls?: ServerOptions['tls'] & { cert: Buffer };
  /** Whether the client trusts the certificate. */
  trusted?: true;
  lookup?: LookupFunction;
  /** Where the client goes, when that is not just the server. `spare` is another one, which answers well. */
  hosts?: readonly ('server' | 'spare' | `http${string}`)[];
  /** What the server does to the idle connection of an earlier call, before this one is made. */
  idle?: readonly Step[];
  http?: Omit<HttpOptions, 'baseUrl'>;
  exchange?: Ending;
  others?: Ending;
  /** Where `validateToken` differs from the others. */
  validateToken?: Ending;
  /** Where undici differs: statuses 100 and 101, which WeChat never sends, are lost connections to it. */
  onUndici?: Pick<Row, 'exchange' | 'others'>;
}

// ---- endings

/** What is left to say about an error: `requests` are as many as `attempts`, unless something was lost before. */
interface Rest {
  attempts: number;
  retryable: boolean;
  requests?: number;
}

const failed = (error: Omit<NonNullable<Ending['error']>, 'attempts' | 'retryable'>, rest: Rest): Ending => {
  const { requests = rest.attempts, ...counts } = rest;
  return { error: { ...error, ...counts }, requests };
};
const network = (reason: string | RegExp, sent: Sent, rest: Rest): Ending =>
  failed({ name: 'WeChatNetworkError', code: 'ERR_WECHAT_NETWORK', status: 502, reason, sent }, rest);
const timeout = (sent: Sent, rest: Rest): Ending =>
  failed({ name: 'WeChatNetworkError', code: 'ERR_WECHAT_TIMEOUT', status: 504, reason: 'ETIMEDOUT', sent }, rest);
const response = (httpStatus: number, rest: Rest): Ending =>
  failed({ name: 'WeChatResponseError', code: 'ERR_WECHAT_RESPONSE', status: 502, httpStatus }, rest);
const api = (errcode: number, code: WeChatErrorCode, status: number, rest: Rest): Ending =>
  failed({ name: 'WeChatApiError', code, status, errcode }, rest);

const right = (requests: number): Ending => ({ result: 'right', requests });
const invalid: Ending = { result: false, requests: 1 };

const once = { attempts: 1, retryable: false };
const onceForNow = { attempts: 1, retryable: true };

// ---- what a failed attempt proves, and so what each call makes of a failure that lasts

/** The request never reached WeChat: the code is still good, and every call is tried again as often as may be. */
const neverSent = (reason: string | RegExp): Pick<Row, 'exchange' | 'others'> => {
  const ending = network(reason, 'no', { attempts: 4, retryable: true, requests: 0 });
  return { exchange: ending, others: ending };
};

/** A certificate was refused: nothing was sent, and it will not get better. */
const refusedCertificate = (reason: string): Pick<Row, 'exchange' | 'others'> => {
  const ending = network(reason, 'no', { ...once, requests: 0 });
  return { exchange: ending, others: ending };
};

/** The connection was lost after the request: nobody knows whether the code was used up. */
const lost: Pick<Row, 'exchange' | 'others'> = {
  exchange: network('ECONNRESET', 'unknown', { attempts: 2, retryable: false }),
  others: network('ECONNRESET', 'unknown', { attempts: 4, retryable: true }),
};

/** The same, and no server has read the request. */
const lostUnread: Pick<Row, 'exchange' | 'others'> = {
  exchange: network('ECONNRESET', 'unknown', { attempts: 2, retryable: false, requests: 0 }),
  others: network('ECONNRESET', 'unknown', { attempts: 4, retryable: true, requests: 0 }),
};

/** A gateway answered: nobody knows whether WeChat had the request. */
const gateway = (status: number): Pick<Row, 'exchange' | 'others'> => ({
  exchange: response(status, { attempts: 2, retryable: false }),
  others: response(status, { attempts: 4, retryable: true }),
});

/** A gateway answered, and asks for a longer wait than the call has time. */
const gatewayForLong = (status: number): Pick<Row, 'exchange' | 'others'> => ({
  exchange: response(status, once),
  others: response(status, onceForNow),
});

/** No answer in time. An exchange is not sent again: the visitor already waits. */
const late = (sent: Sent): Pick<Row, 'exchange' | 'others' | 'http'> => ({
  http: { timeout: 2_000 },
  exchange: timeout(sent, once),
  others: timeout(sent, { attempts: 2, retryable: true }),
});

/** An answer began and broke off, or is no HTTP: WeChat has used the code up. */
const broken = (reason: string | RegExp): Pick<Row, 'exchange' | 'others'> => ({
  exchange: network(reason, 'yes', once),
  others: network(reason, 'yes', { attempts: 2, retryable: true }),
});

/** A whole answer came that is of no use: WeChat has used the code up. */
const unusable: Pick<Row, 'exchange' | 'others'> = {
  exchange: response(200, once),
  others: response(200, { attempts: 2, retryable: false }),
};

/** Another status than 200, which nothing will change. */
const finalStatus = (status: number): Pick<Row, 'exchange' | 'others'> => ({
  exchange: response(status, once),
  others: response(status, once),
});

const finalErrcode = (errcode: number, code: WeChatErrorCode, status: number): Pick<Row, 'exchange' | 'others'> => ({
  exchange: api(errcode, code, status, once),
  others: api(errcode, code, status, once),
});

// ---- what servers do

/** What is right for every call. */
const everything: Readonly<Record<string, unknown>> = Object.fromEntries(
  methods.flatMap((method) => Object.entries(method.good)),
);
const text = JSON.stringify(everything);
const whole = answerBytes(200, text);
export const good = answer(200, text);
/** Right in form, but for somebody else. */
const mallory = Buffer.from(answerBytes(200, text.replaceAll('Alice', 'Mally')));

const busy = json({ errcode: -1, errmsg: 'system error' });
const used = json({ errcode: 40163, errmsg: 'code been used' });
const garbage = answer(200, '<html>busy</html>');
/** What an answer may echo. */
const query = `secret=${appSecret}&code=${code}&access_token=${accessToken}&refresh_token=${refreshToken}`;
const bytes = (...values: number[]): Buffer => Buffer.from(values);
const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const encoded = (encoding: string, body: Uint8Array): Step => answer(200, body, { 'content-encoding': encoding });
const damaged = (body: Buffer): Buffer =>
  Buffer.concat([body.subarray(0, 12), Buffer.alloc(8, 0xff), body.subarray(20)]);
const thirtyMegabytes = Buffer.alloc(30 * 2 ** 20, ' ');
const block = thirtyMegabytes.subarray(0, 65_536);

/** Lets the client read what was sent, which is in this process too: a reset takes away what it has not read. */
const whileItIsRead: Step = async () => {
  await sleep(20);
  await nextTurn();
  await nextTurn();
};

const { key, cert } = certificate('localhost');
const secure = { tls: { key, cert }, trusted: true } as const;
const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
const handshake = (...steps: Step[]): Pick<Row, 'tls' | 'trusted' | 'greet'> => ({
  ...secure,
  greet: () => [...steps, hang],
});
/** Nothing listens there. */
const nowhere = 'http://127.0.0.1:1';
const inTurn =
  (...all: (readonly Step[])[]) =>
  (connection: number): readonly Step[] =>
    all[connection - 1] ?? [];

// ---- the rows

const beforeTheRequest: readonly Row[] = [
  { fault: 'a connection that is refused', hosts: [nowhere], ...neverSent('ECONNREFUSED') },
  { fault: 'connections that two hosts refuse', hosts: [nowhere, nowhere], ...neverSent('ECONNREFUSED') },
  {
    fault: 'a connection that every address of a host refuses',
    hosts: ['https://wechat.invalid:1'],
    lookup: (_name, _options, done) => {
      process.nextTick(done, null, [
        { address: '127.0.0.1', family: 4 },
        { address: '127.0.0.2', family: 4 },
      ]);
    },
    ...neverSent('ECONNREFUSED'),
  },
  ...['ENOTFOUND', 'EAI_AGAIN'].map((reason) => ({
    fault: `a name look-up that fails with ${reason}`,
    hosts: ['https://wechat.invalid'] as const,
    lookup: ((_name, _options, done) => {
      process.nextTick(done, Object.assign(new Error('no such name'), { code: reason }), []);
    }) satisfies LookupFunction,
    ...neverSent(reason),
  })),
  {
    fault: 'a name look-up that hangs',
    hosts: ['https://wechat.invalid'],
    lookup: () => {},
    http: { connectTimeout: 50 },
    exchange: timeout('no', { attempts: 4, retryable: true, requests: 0 }),
    others: timeout('no', { attempts: 4, retryable: true, requests: 0 }),
  },
  { fault: 'a reset before the TLS handshake', ...handshake(reset), ...neverSent('ECONNRESET') },
  { fault: 'an end of stream before the TLS handshake', ...handshake(end), ...neverSent('ECONNRESET') },
  { fault: 'a reset in the TLS handshake', ...handshake(untilBytesCome, reset), ...neverSent('ECONNRESET') },
  { fault: 'an end of stream in the TLS handshake', ...handshake(untilBytesCome, end), ...neverSent('ECONNRESET') },
  {
    fault: 'a TLS handshake that is cut in the middle of a record',
    ...handshake(untilBytesCome, raw(bytes(0x16, 3, 3, 0, 0x7a, 2, 0)), end),
    ...neverSent('ECONNRESET'),
  },
  {
    fault: 'a TLS alert instead of a handshake',
    ...handshake(untilBytesCome, raw(bytes(0x15, 3, 3, 0, 2, 2, 0x28)), end),
    // Newer OpenSSL has a slash in the name of its error, which no code of Node.js has.
    ...neverSent(/^(?:EPROTO|ERR_SSL_\w+|UNKNOWN)$/),
  },
  {
    fault: 'plain HTTP on the port of TLS',
    ...handshake(untilBytesCome, answer(400, 'The plain HTTP request was sent to HTTPS port'), end),
    ...neverSent(/^E(?:PROTO|RR_SSL_\w+)$/),
  },
  {
    fault: 'garbage instead of a TLS handshake',
    ...handshake(untilBytesCome, raw(Buffer.alloc(100, 0xff)), end),
    ...neverSent(/^E(?:PROTO|RR_SSL_\w+)$/),
  },
  {
    fault: 'a server that knows nothing newer than TLS 1.1',
    tls: { key, cert, ...old },
    trusted: true,
    ...neverSent(/^E(?:CONNRESET|PROTO|RR_SSL_\w+)$/),
  },
  ...(
    [
      ['hangs', hang],
      ['drips', drip(bytes(0x16, 3, 3, 0x40, 0, ...Array.from({ length: 500 }, () => 0)), 20)],
    ] as const
  ).map(([does, step]) => ({
    fault: `a TLS handshake that ${does}`,
    ...handshake(untilBytesCome, step),
    http: { connectTimeout: 150 },
    exchange: timeout('no', { attempts: 4, retryable: true, requests: 0 }),
    others: timeout('no', { attempts: 4, retryable: true, requests: 0 }),
  })),
  {
    fault: 'a certificate that nobody vouches for',
    tls: { key, cert },
    ...refusedCertificate('DEPTH_ZERO_SELF_SIGNED_CERT'),
  },
  {
    fault: 'a certificate that has expired',
    tls: certificate('expired'),
    trusted: true,
    ...refusedCertificate('CERT_HAS_EXPIRED'),
  },
  {
    fault: 'a certificate of another host',
    tls: certificate('wrong-host'),
    trusted: true,
    ...refusedCertificate('ERR_TLS_CERT_ALTNAME_INVALID'),
  },
  {
    fault: 'a certificate that nobody vouches for, though another host is fine',
    tls: { key, cert },
    hosts: ['server', 'spare'],
    ...refusedCertificate('DEPTH_ZERO_SELF_SIGNED_CERT'),
  },
];

const afterTheRequest: readonly Row[] = [
  {
    fault: 'a reset when the request has come but is not read',
    greet: () => [untilBytesCome, reset],
    ...lostUnread,
  },
  {
    fault: 'an end of stream when the request has come but is not read',
    greet: () => [untilBytesCome, end, hang],
    ...lostUnread,
  },
  { fault: 'a reset after the request', answers: [[reset]], ...lost },
  { fault: 'a reset after the request over TLS', ...secure, answers: [[reset]], ...lost },
  { fault: 'an end of stream after the request', answers: [[end]], ...lost },
  { fault: 'an end of stream after the request over TLS', ...secure, answers: [[end]], ...lost },

  { fault: 'no answer', answers: [[hang]], ...late('unknown') },
  { fault: 'no answer over TLS', ...secure, answers: [[hang]], ...late('unknown') },
  {
    fault: 'a request that is never read',
    greet: () => [hang],
    http: { timeout: 2_000 },
    exchange: timeout('unknown', { attempts: 1, retryable: false, requests: 0 }),
    others: timeout('unknown', { attempts: 2, retryable: true, requests: 0 }),
  },
  { fault: 'a status line that drips', answers: [[drip(whole, 100)]], ...late('yes') },
  {
    fault: 'headers that drip',
    answers: [[raw('HTTP/1.1 200 OK\r\n'), drip(`x-long: ${'x'.repeat(500)}`, 20)]],
    ...late('yes'),
  },
  {
    fault: 'a body that drips',
    answers: [[raw(whole.subarray(0, -60)), drip(whole.subarray(-60), 50)]],
    ...late('yes'),
  },
  { fault: 'a body that hangs', answers: [[raw(whole.subarray(0, -10)), hang]], ...late('yes') },
  { fault: 'a body that hangs over TLS', ...secure, answers: [[raw(whole.subarray(0, -10)), hang]], ...late('yes') },
  {
    fault: 'a body that never begins',
    answers: [[raw(answerBytes(200, '', { 'content-length': '500' }))]],
    ...late('yes'),
  },
  { fault: 'a chunked body that has no end', answers: [[raw(`${chunked}2\r\n{"\r\n`), hang]], ...late('yes') },
  {
    fault: 'trailers that drip',
    answers: [[raw(`${chunked}2\r\n{}\r\n0\r\n`), drip('x'.repeat(500), 20)]],
    ...late('yes'),
  },
  {
    fault: 'a body without a length whose connection stays open',
    answers: [[answer(200, text, { 'content-length': undefined, connection: 'close' }), hang]],
    ...late('yes'),
  },
  ...[100, 102, 103].flatMap((status) => [
    {
      fault: `status ${status} for ever`,
      answers: [[forEver(raw(`HTTP/1.1 ${status} Wait\r\n\r\n`), 20)]],
      ...late('yes'),
      ...(status === 100 && { onUndici: broken('ECONNRESET') }),
    },
    {
      fault: `status ${status} and no more`,
      answers: [[raw(`HTTP/1.1 ${status} Wait\r\n\r\n`), hang]],
      ...late('yes'),
      ...(status === 100 && { onUndici: broken('ECONNRESET') }),
    },
  ]),
];

const brokenAnswers: readonly Row[] = [
  ...(
    [
      ['a status line', 'HTTP/1.1 20'],
      ['a header', 'HTTP/1.1 200 OK\r\ncontent-le'],
      ['headers', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n'],
      ['a body', whole.subarray(0, -10)],
      ['a body after its first byte', answerBytes(200, '{', { 'content-length': '500' })],
      ['the size of a chunk', `${chunked}5`],
      ['a chunk', `${chunked}50\r\n{"err`],
      ['a chunked body', `${chunked}2\r\n{}\r\n`],
    ] as const
  ).flatMap(([what, sent]) => [
    { fault: `${what} that an end of stream cuts`, answers: [[raw(sent), end]], ...broken('ECONNRESET') },
    { fault: `${what} that a reset cuts`, answers: [[raw(sent), whileItIsRead, reset]], ...broken('ECONNRESET') },
  ]),
  {
    fault: 'a status line that is cut over TLS',
    ...secure,
    answers: [[raw('HTTP/1.1 20'), end]],
    ...broken('ECONNRESET'),
  },
  {
    fault: 'a body that is cut over TLS',
    ...secure,
    answers: [[raw(whole.subarray(0, -10)), end]],
    ...broken('ECONNRESET'),
  },
  ...Object.entries({
    'what is no HTTP': 'SSH-2.0-OpenSSH_9.2\r\n',
    'a body without a head': text,
    'a frame of HTTP/2': bytes(0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100),
    'a TLS alert without TLS': bytes(0x15, 3, 3, 0, 2, 2, 0x28),
    'a status that is no number': 'HTTP/1.1 2OO OK\r\n\r\n',
    'a version of HTTP that is none': 'HTTP/x.1 200 OK\r\n\r\n',
    'a header without a colon': 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
    'a header with a NUL': 'HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n',
    'a header name with a space': 'HTTP/1.1 200 OK\r\nx y: a\r\n\r\n',
    'headers without an end': `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(40_000)}`,
    'a negative length': 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}',
    'a length that is no number': 'HTTP/1.1 200 OK\r\ncontent-length: all\r\n\r\n{}',
    'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
    'a length that overflows': 'HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n{}',
    'a chunk whose size is no number': `${chunked}zz\r\n{}\r\n0\r\n\r\n`,
    'a chunk whose size overflows': `${chunked}fffffffffffffffffff\r\n{}\r\n0\r\n\r\n`,
    'a chunk that is longer than its size': `${chunked}1\r\n{}\r\n0\r\n\r\n`,
  }).map(([fault, sent]) => ({ fault, answers: [[raw(sent), hang]], ...broken(/^(?:HPE_[A-Z_]+|ECONNRESET)$/) })),
];

const oddAnswers: readonly Row[] = [
  ...Object.entries({
    'in pieces': [0, 20, 60, 120].flatMap((start, n, starts) => [raw(whole.subarray(start, starts[n + 1])), wait(0)]),
    'of 64 KiB': [answer(200, text.padEnd(65_536))],
    'of 64 KiB when decompressed': [encoded('gzip', gzipSync(text.padEnd(65_536)))],
    'in gzip, which was not asked for': [encoded('gzip', gzipSync(text))],
    'in chunks': [raw(`${chunked}1\r\n{\r\n${(text.length - 1).toString(16)}\r\n${text.slice(1)}\r\n0\r\n\r\n`)],
    'with trailers': [raw(`${chunked}${text.length.toString(16)}\r\n${text}\r\n0\r\nx: y\r\n\r\n`)],
    'that the end of the connection ends': [
      answer(200, text, { 'content-length': undefined, connection: 'close' }),
      end,
    ],
    'in HTTP/1.0': [raw(`HTTP/1.0 200 OK\r\n\r\n${text}`), end],
    'of another type and charset': [answer(200, text, { 'content-type': 'text/html; charset=gbk' })],
    'without a type': [answer(200, text, { 'content-type': undefined })],
    'with a redirect that has no meaning': [answer(200, text, { location: `/?${query}` })],
    'with a Retry-After that has no meaning': [answer(200, text, { 'retry-after': '3600' })],
    'after a while': [wait(300), good],
    'after status 102 and 103': [...[102, 103].map((status) => raw(`HTTP/1.1 ${status} Wait\r\n\r\n`)), good],
  }).map(([how, steps]) => ({
    fault: `a right answer ${how}`,
    answers: [steps],
    exchange: right(1),
    others: right(1),
  })),
  {
    fault: 'a right answer after status 100',
    answers: [[raw('HTTP/1.1 100 Continue\r\n\r\n'), good]],
    exchange: right(1),
    others: right(1),
    onUndici: broken('ECONNRESET'),
  },
];

const uselessAnswers: readonly Row[] = [
  ...Object.entries({
    'an empty body': answer(200),
    'an empty chunked body': raw(`${chunked}0\r\n\r\n`),
    'a page of HTML': garbage,
    'JSON that is cut': answer(200, text.slice(0, -5)),
    'JSON that is followed by something': answer(200, `${text}x`),
    'JSON twice': answer(200, text + text),
    'an empty object': answer(200, '{}'),
    null: answer(200, 'null'),
    'an array': answer(200, `[${text}]`),
    'a string': answer(200, JSON.stringify(text)),
    'JSON in UTF-16': answer(200, Buffer.from(text, 'utf16le')),
    'a body of 64 KiB and one byte': answer(200, text.padEnd(65_537)),
    'broken gzip': encoded('gzip', damaged(gzipSync(text))),
    'gzip that is cut': encoded('gzip', gzipSync(text).subarray(0, -12)),
    'gzip that is none': encoded('gzip', Buffer.from(text)),
    'broken deflate': encoded('deflate', damaged(deflateSync(text))),
    'deflate that is cut': encoded('deflate', deflateSync(text).subarray(0, -12)),
    'broken Brotli': encoded('br', damaged(brotliCompressSync(text))),
    'Brotli that is cut': encoded('br', brotliCompressSync(text).subarray(0, -12)),
    'Brotli that is none': encoded('br', Buffer.from(text)),
    'a decompression bomb in gzip': encoded('gzip', gzipSync(thirtyMegabytes)),
    'a decompression bomb in deflate': encoded('deflate', deflateSync(thirtyMegabytes)),
    'a decompression bomb in Brotli': encoded('br', brotliCompressSync(thirtyMegabytes)),
  }).map(([fault, step]) => ({ fault, answers: [[step]], ...unusable })),
  ...Object.entries({
    '30 MB': answerBytes(200, '', { 'content-length': String(thirtyMegabytes.length) }),
    '30 MB without a length': answerBytes(200, '', { 'content-length': undefined, connection: 'close' }),
    '30 MB in one chunk': `${chunked}${thirtyMegabytes.length.toString(16)}\r\n`,
  }).map(([fault, head]) => ({ fault, answers: [[raw(head), flood(block, 480)]], ...unusable })),
];

const switching = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
const bodiless = [204, 304];
const finalStatuses = [
  ...[201, 202, 203, 204, 205, 206, 207, 208, 226, 299],
  ...[300, 301, 302, 303, 304, 305, 306, 307, 308, 399],
  ...[
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424,
  ],
  ...[425, 426, 428, 431, 444, 451, 499],
  ...[500, 501, 505, 506, 507, 508, 510, 511, 520, 521, 522, 523, 524, 525, 526, 527, 530, 599],
];

const statuses: readonly Row[] = [
  ...finalStatuses.map((status) => ({
    fault: `status ${status} with the right body`,
    answers: [[answer(status, bodiless.includes(status) ? '' : text)]],
    ...finalStatus(status),
  })),
  { fault: 'status 101', answers: [[raw(switching), hang]], ...finalStatus(101), onUndici: broken('ECONNRESET') },
  {
    fault: 'status 101 and then an answer',
    answers: [[raw(switching), good]],
    ...finalStatus(101),
    onUndici: broken('ECONNRESET'),
  },
  ...[301, 302, 303, 307, 308].flatMap((status) => [
    {
      fault: `status ${status} that echoes the query`,
      answers: [[answer(status, '', { location: `/sns/auth?${query}` })], [good]],
      ...finalStatus(status),
    },
    {
      fault: `status ${status} to nowhere`,
      answers: [[answer(status, '', { location: 'http://[' })], [good]],
      ...finalStatus(status),
    },
  ]),
  {
    fault: 'status 404 with 30 MB',
    answers: [[answer(404, '', { 'content-length': '31457280' }), flood(block, 480)]],
    ...finalStatus(404),
  },
  { fault: 'status 500 that asks to wait', answers: [[answer(500, '', { 'retry-after': '1' })]], ...finalStatus(500) },

  ...[429, 502, 503, 504].flatMap((status) => [
    { fault: `status ${status}`, answers: [[answer(status, '<html>busy</html>')]], ...gateway(status) },
    { fault: `status ${status} with the right body`, answers: [[answer(status, text)]], ...gateway(status) },
    {
      fault: `status ${status} that asks to wait an hour`,
      answers: [[answer(status, '', { 'retry-after': '3600' })]],
      ...gatewayForLong(status),
    },
  ]),
  {
    fault: 'status 503 without its body',
    answers: [[answer(503, '', { 'content-length': '9' }), hang]],
    ...gateway(503),
  },
  {
    fault: 'status 502 with 30 MB',
    answers: [[answer(502, '', { 'content-length': '31457280' }), flood(block, 480)]],
    ...gateway(502),
  },
  ...['Fri, 01 Jan 2100 00:00:00 GMT', '86400', '9'.repeat(400)].map((value) => ({
    fault: `status 503 that asks to wait until ${value.slice(0, 40)}`,
    answers: [[answer(503, '', { 'retry-after': value })]],
    ...gatewayForLong(503),
  })),
  ...['0', '-5', 'soon', '1.5', '', '0x10', '1e9', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Fri, 31 Feb'].map((value) => ({
    fault: `status 503 that asks to wait until '${value}'`,
    answers: [[answer(503, '', { 'retry-after': value })]],
    ...gateway(503),
  })),
];

const errcodes: readonly Row[] = [
  {
    fault: 'errcode -1',
    answers: [[busy]],
    exchange: api(-1, 'ERR_WECHAT_BUSY', 503, { attempts: 3, retryable: true }),
    others: api(-1, 'ERR_WECHAT_BUSY', 503, { attempts: 4, retryable: true }),
  },
  {
    fault: 'errcode 40001',
    answers: [[json({ errcode: 40001, errmsg: 'invalid credential' })]],
    exchange: api(40001, 'ERR_WECHAT_CONFIG', 500, once),
    others: api(40001, 'ERR_WECHAT_ACCESS_TOKEN_EXPIRED', 502, once),
    validateToken: invalid,
  },
  ...(
    [
      ['ERR_WECHAT_INVALID_CODE', 401, [40029, 42003, 41008]],
      ['ERR_WECHAT_CODE_USED', 401, [40163]],
      ['ERR_WECHAT_ACCESS_TOKEN_EXPIRED', 502, [41001]],
      ['ERR_WECHAT_REFRESH_TOKEN_EXPIRED', 502, [40030, 42002, 41003]],
      ['ERR_WECHAT_INVALID_OPENID', 502, [41009]],
      ['ERR_WECHAT_USER_BLOCKED', 403, [40226]],
      ['ERR_WECHAT_PERMISSION_DENIED', 500, [48001, 48002, 48003, 48004, 50001, 50003, 50004, 50005, 43004, 43104]],
      [
        'ERR_WECHAT_CONFIG',
        500,
        [40013, 40125, 41002, 41004, 40164, 40243, 50002, 61004, 45035, 40090, 89503, 89506, 89507],
      ],
      ['ERR_WECHAT_API', 502, [40002, 40035, 40048, 40066, 40097, 43001, 43002, 43003, 47001]],
      ['ERR_WECHAT_API', 502, [61003, 61007, 61023, 61024, -2, 1, 99_999]],
    ] as const
  ).flatMap(([code, status, listed]) =>
    listed.map((errcode) => ({
      fault: `errcode ${errcode}`,
      answers: [[json({ errcode, errmsg: 'why' })]],
      ...finalErrcode(errcode, code, status),
    })),
  ),
  ...(
    [
      ['ERR_WECHAT_ACCESS_TOKEN_EXPIRED', [40014, 42001, 48012]],
      ['ERR_WECHAT_REFRESH_TOKEN_EXPIRED', [42007]],
      ['ERR_WECHAT_INVALID_OPENID', [40003, 49003]],
    ] as const
  ).flatMap(([code, listed]) =>
    listed.map((errcode) => ({
      fault: `errcode ${errcode}`,
      answers: [[json({ errcode, errmsg: 'why' })]],
      ...finalErrcode(errcode, code, 502),
      validateToken: invalid,
    })),
  ),
  ...[45009, 45011].map((errcode) => ({
    fault: `errcode ${errcode}`,
    answers: [[json({ errcode, errmsg: 'why' })]],
    exchange: api(errcode, 'ERR_WECHAT_RATE_LIMITED', 503, onceForNow),
    others: api(errcode, 'ERR_WECHAT_RATE_LIMITED', 503, onceForNow),
  })),
  {
    fault: 'an errcode that is a text',
    answers: [[json({ errcode: '40029', errmsg: 'why' })]],
    ...finalErrcode(40029, 'ERR_WECHAT_INVALID_CODE', 401),
  },
  {
    fault: 'an errcode beside a right answer',
    answers: [[json({ ...everything, errcode: 40029 })]],
    ...finalErrcode(40029, 'ERR_WECHAT_INVALID_CODE', 401),
  },
];

const keptConnections: readonly Row[] = [
  { fault: 'a server that ends an idle connection', idle: [end], exchange: right(1), others: right(1) },
  { fault: 'a server that resets an idle connection', idle: [reset], exchange: right(1), others: right(1) },
  ...Object.entries({
    'an answer for somebody else': mallory,
    'half an answer for somebody else': mallory.subarray(0, 90),
    'two answers for somebody else': Buffer.concat([mallory, mallory]),
    'status 408': answerBytes(408),
    'one byte': bytes(10),
    garbage: bytes(0, 255, 0),
  }).map(([what, stray]) => ({
    fault: `${what} on an idle connection`,
    idle: [raw(stray)],
    exchange: right(1),
    others: right(1),
  })),
  {
    fault: 'an answer for somebody else on an idle connection, and its end',
    idle: [raw(mallory), end],
    exchange: right(1),
    others: right(1),
  },
  ...(
    [
      ['a reset', reset],
      ['an end of stream', end],
    ] as const
  ).flatMap(([what, step]) => [
    {
      fault: `${what} on a connection that is used again, then fine`,
      idle: [],
      answers: [[step], [good]],
      exchange: right(2),
      others: right(2),
    },
    {
      fault: `${what} on a connection that is used again, then code used`,
      idle: [],
      answers: [[step], [used]],
      exchange: api(40163, 'ERR_WECHAT_LOGIN_LOST', 503, { attempts: 2, retryable: false }),
    },
    {
      fault: `${what} on a connection that is used again and on all that follow`,
      idle: [],
      answers: [[step]],
      ...lost,
    },
  ]),
  {
    fault: 'an answer that is cut on a connection that is used again',
    idle: [],
    answers: [[raw(whole.subarray(0, -10)), whileItIsRead, reset]],
    ...broken('ECONNRESET'),
  },
  {
    fault: 'no answer on a connection that is used again',
    idle: [],
    answers: [[hang]],
    ...late('unknown'),
    http: { timeout: 4_000 },
  },
];

const loginLost = (attempts: number): Ending =>
  api(40163, 'ERR_WECHAT_LOGIN_LOST', 503, { attempts, retryable: false });
const codeUsed = (attempts: number): Ending =>
  api(40163, 'ERR_WECHAT_CODE_USED', 401, { attempts, retryable: false, requests: 1 });

const sequences: readonly Row[] = [
  { fault: 'lost, then fine', answers: [[reset], [good]], exchange: right(2), others: right(2) },
  { fault: 'lost unread, then fine', greet: inTurn([untilBytesCome, reset]), exchange: right(1), others: right(1) },
  { fault: 'ended, then fine', answers: [[end], [good]], exchange: right(2), others: right(2) },
  { fault: 'busy, then fine', answers: [[busy], [good]], exchange: right(2), others: right(2) },
  { fault: 'busy twice, then fine', answers: [[busy], [busy], [good]], exchange: right(3), others: right(3) },
  {
    fault: 'busy three times, then fine',
    answers: [[busy], [busy], [busy], [good]],
    exchange: api(-1, 'ERR_WECHAT_BUSY', 503, { attempts: 3, retryable: true }),
    others: right(4),
  },
  {
    fault: 'busy, lost, busy, then fine',
    answers: [[busy], [reset], [busy], [good]],
    exchange: right(4),
    others: right(4),
  },
  {
    fault: 'busy, lost, busy, gateway, then fine',
    answers: [[busy], [reset], [busy], [answer(503)], [good]],
    exchange: response(503, { attempts: 4, retryable: false }),
    others: response(503, { attempts: 4, retryable: true }),
  },
  ...[429, 502, 503, 504].flatMap((status) => [
    { fault: `status ${status}, then fine`, answers: [[answer(status)], [good]], exchange: right(2), others: right(2) },
    { fault: `status ${status}, then code used`, answers: [[answer(status)], [used]], exchange: loginLost(2) },
  ]),
  {
    fault: 'lost, gateway, then fine',
    answers: [[reset], [answer(502)], [good]],
    exchange: response(502, { attempts: 2, retryable: false }),
    others: right(3),
  },
  {
    fault: 'gateway, lost, then fine',
    answers: [[answer(502)], [reset], [good]],
    exchange: network('ECONNRESET', 'unknown', { attempts: 2, retryable: false }),
    others: right(3),
  },
  { fault: 'lost, then code used', answers: [[reset], [used]], exchange: loginLost(2) },
  { fault: 'ended, then code used', answers: [[end], [used]], exchange: loginLost(2) },
  { fault: 'busy, then code used', answers: [[busy], [used]], exchange: loginLost(2) },
  { fault: 'busy twice, then code used', answers: [[busy], [busy], [used]], exchange: loginLost(3) },
  { fault: 'busy, lost, then code used', answers: [[busy], [reset], [used]], exchange: loginLost(3) },
  {
    fault: 'lost, then a TLS handshake that is cut, then code used',
    ...secure,
    answers: [[reset], [used]],
    greet: inTurn([], [reset]),
    exchange: api(40163, 'ERR_WECHAT_LOGIN_LOST', 503, { attempts: 3, retryable: false, requests: 2 }),
  },
  {
    fault: 'two TLS handshakes that are cut, then code used',
    ...secure,
    answers: [[used]],
    greet: inTurn([reset], [reset]),
    exchange: codeUsed(3),
  },
  {
    fault: 'two TLS handshakes that are cut, then fine',
    ...secure,
    greet: inTurn([reset], [reset]),
    exchange: right(1),
    others: right(1),
  },
  {
    fault: 'lost, then invalid code',
    answers: [[reset], [json({ errcode: 40029, errmsg: 'invalid code' })]],
    exchange: api(40029, 'ERR_WECHAT_INVALID_CODE', 401, { attempts: 2, retryable: false }),
  },
  {
    fault: 'gateway, then an app secret that is wrong',
    answers: [[answer(503)], [json({ errcode: 40125, errmsg: 'invalid appsecret' })]],
    exchange: api(40125, 'ERR_WECHAT_CONFIG', 500, { attempts: 2, retryable: false }),
    others: api(40125, 'ERR_WECHAT_CONFIG', 500, { attempts: 2, retryable: false }),
  },
  {
    fault: 'lost, then nobody listens',
    answers: [[reset]],
    hosts: ['server', nowhere],
    exchange: network('ECONNRESET', 'unknown', { attempts: 2, retryable: false }),
    others: network('ECONNREFUSED', 'unknown', { attempts: 4, retryable: true, requests: 2 }),
  },
  {
    fault: 'gateway, then no answer',
    answers: [[answer(503)], [hang]],
    http: { timeout: 2_000 },
    exchange: timeout('unknown', { attempts: 2, retryable: false }),
    others: timeout('unknown', { attempts: 3, retryable: true }),
  },
  {
    fault: 'busy, then no answer',
    answers: [[busy], [hang]],
    http: { timeout: 2_000 },
    exchange: timeout('yes', { attempts: 2, retryable: false }),
    others: timeout('yes', { attempts: 3, retryable: true }),
  },
  {
    fault: 'busy, then lost for good',
    answers: [[busy], [reset]],
    exchange: network('ECONNRESET', 'yes', { attempts: 3, retryable: false }),
    others: network('ECONNRESET', 'yes', { attempts: 4, retryable: true }),
  },
  {
    fault: 'no answer, then fine',
    answers: [[hang], [good]],
    http: { timeout: 2_000 },
    exchange: timeout('unknown', once),
    others: right(2),
  },
  {
    fault: 'no answer to the first host',
    answers: [[hang]],
    hosts: ['server', 'spare'],
    http: { timeout: 2_000 },
    exchange: timeout('unknown', once),
    others: right(2),
  },
  { fault: 'garbage, then fine', answers: [[garbage], [good]], exchange: response(200, once), others: right(2) },
  {
    fault: 'a body that is cut, then fine',
    answers: [[raw(whole.subarray(0, -10)), whileItIsRead, reset], [good]],
    exchange: network('ECONNRESET', 'yes', once),
    others: right(2),
  },
  {
    fault: 'garbage, gateway, lost, then fine',
    answers: [[garbage], [answer(429)], [reset], [good]],
    exchange: response(200, once),
    others: right(4),
  },
  {
    fault: 'garbage, then no answer',
    answers: [[garbage], [hang]],
    http: { timeout: 2_000 },
    exchange: response(200, once),
    others: timeout('yes', { attempts: 3, retryable: true }),
  },
  ...[500, 302, 404, 201].map((status) => ({
    fault: `status ${status}, then fine`,
    answers: [[answer(status)], [good]],
    ...finalStatus(status),
  })),
  {
    fault: 'a quota that is used up, then fine',
    answers: [[json({ errcode: 45011, errmsg: 'why' })], [good]],
    exchange: api(45011, 'ERR_WECHAT_RATE_LIMITED', 503, onceForNow),
    others: api(45011, 'ERR_WECHAT_RATE_LIMITED', 503, onceForNow),
  },
  { fault: 'code used, then fine', answers: [[used], [good]], exchange: codeUsed(1) },

  { fault: 'refused, then fine on the second host', hosts: [nowhere, 'server'], exchange: right(1), others: right(1) },
  {
    fault: 'refused twice, then fine on the third host',
    hosts: [nowhere, nowhere, 'server'],
    exchange: right(1),
    others: right(1),
  },
  {
    fault: 'refused, then code used on the second host',
    answers: [[used]],
    hosts: [nowhere, 'server'],
    exchange: codeUsed(2),
  },
  {
    fault: 'refused, then lost on the second host',
    answers: [[reset]],
    hosts: [nowhere, 'server'],
    exchange: network('ECONNRESET', 'unknown', { attempts: 3, retryable: false, requests: 2 }),
    others: network('ECONNRESET', 'unknown', { attempts: 4, retryable: true, requests: 2 }),
  },
  {
    fault: 'a TLS handshake that is cut by the first host',
    ...handshake(reset),
    hosts: ['server', 'spare'],
    exchange: right(1),
    others: right(1),
  },
  {
    fault: 'lost by the first host',
    answers: [[reset]],
    hosts: ['server', 'spare'],
    exchange: network('ECONNRESET', 'unknown', { attempts: 2, retryable: false }),
    others: right(2),
  },
  {
    fault: 'gateway at the first host',
    answers: [[answer(503)]],
    hosts: ['server', 'spare'],
    exchange: response(503, { attempts: 2, retryable: false }),
    others: right(2),
  },
  {
    fault: 'busy at the first host',
    answers: [[busy]],
    hosts: ['server', 'spare'],
    exchange: api(-1, 'ERR_WECHAT_BUSY', 503, { attempts: 3, retryable: true }),
    others: right(2),
  },
  {
    fault: 'garbage from the first host',
    answers: [[garbage]],
    hosts: ['server', 'spare'],
    exchange: response(200, once),
    others: right(2),
  },
];

export const table: readonly { about: string; rows: readonly Row[] }[] = [
  { about: 'before the request', rows: beforeTheRequest },
  { about: 'after the request', rows: afterTheRequest },
  { about: 'an answer that is broken', rows: brokenAnswers },
  { about: 'an answer that is odd but right', rows: oddAnswers },
  { about: 'an answer that is of no use', rows: uselessAnswers },
  { about: 'an HTTP status', rows: statuses },
  { about: 'an errcode', rows: errcodes },
  { about: 'a connection that is kept', rows: keptConnections },
  { about: 'one after the other', rows: sequences },
];
