import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import process from 'node:process';

import { tokens, userInfo } from '../support/calls.js';
import { type Haste, killLoad, LoadProcess, type Measurement, type Outcomes } from '../support/load.js';
import {
  answer,
  answerBytes,
  closeServers,
  end,
  flood,
  forEver,
  hang,
  json,
  raw,
  type ReceivedRequest,
  reset,
  type ScriptedServer,
  startServer,
  type Step,
  wait,
} from '../support/scripted-server.js';
import { transports } from '../support/transports.js';

/** `npm run test:soak` sets how long each transport is under load. Without it a few seconds' worth of logins is made. */
const minutes = Number(process.env['SOAK_MINUTES'] ?? 0);
const WORKERS = 64;
const MEBIBYTE = 2 ** 20;

/** One kind of login: what WeChat does, and how it must end. */
interface Kind {
  /** How many of a hundred logins. */
  share: number;
  /** What comes of the exchange, by how often this code has been sent. */
  exchange: (code: string, time: number) => readonly Step[];
  /** What comes of the call for the user's information, unless it is as it should be. */
  userInfo?: (code: string) => readonly Step[];
  /** How it ends when nobody answers. */
  haste?: Haste;
  outcome: string;
}

const tokensOf = (code: string, scope = 'snsapi_userinfo'): object => ({
  ...tokens,
  access_token: `token-${code}`,
  openid: `o${code}`,
  scope,
});
const userInfoOf = (code: string): object => ({ ...userInfo, openid: `o${code}`, nickname: code });
const errcode = (number: number): Step => json({ errcode: number, errmsg: `text, rid: 1-2-3` });
const cut = (code: string): Step => raw(answerBytes(200, JSON.stringify(tokensOf(code))).subarray(0, -9));
const good = (code: string): readonly Step[] => [json(tokensOf(code))];

function inPieces(code: string): readonly Step[] {
  const bytes = answerBytes(200, JSON.stringify(tokensOf(code)));
  return [0, 40, 80, 120].flatMap((from) => [raw(bytes.subarray(from, from === 120 ? undefined : from + 40)), wait(5)]);
}

const kinds: Readonly<Record<string, Kind>> = {
  named: { share: 25, exchange: good, outcome: 'logged in with a name' },
  base: { share: 12, exchange: (code) => [json(tokensOf(code, 'snsapi_base'))], outcome: 'logged in' },
  slow: { share: 4, exchange: (code) => [wait(30), ...good(code)], outcome: 'logged in with a name' },
  pieces: { share: 2, exchange: inPieces, outcome: 'logged in with a name' },
  closing: {
    share: 4,
    exchange: (code) => [json(tokensOf(code), { connection: 'close' }), end],
    outcome: 'logged in with a name',
  },
  stray: {
    share: 5,
    exchange: (code) => {
      const bytes = [tokensOf(code), tokensOf('mallory')].map((body) => answerBytes(200, JSON.stringify(body)));
      return [raw(Buffer.concat(bytes))];
    },
    outcome: 'logged in with a name',
  },
  rescued: {
    share: 5,
    exchange: (code, time) => (time === 1 ? [reset] : good(code)),
    outcome: 'logged in with a name',
  },
  busy: {
    share: 4,
    exchange: (code, time) => (time <= 2 ? [errcode(-1)] : good(code)),
    outcome: 'logged in with a name',
  },
  used: { share: 6, exchange: () => [errcode(40163)], outcome: 'fail 401 ERR_WECHAT_CODE_USED' },
  invalid: { share: 6, exchange: () => [errcode(40029)], outcome: 'fail 401 ERR_WECHAT_INVALID_CODE' },
  blocked: { share: 2, exchange: () => [errcode(40226)], outcome: 'fail 403 ERR_WECHAT_USER_BLOCKED' },
  lost: {
    share: 4,
    exchange: (_, time) => [time === 1 ? reset : errcode(40163)],
    outcome: 'error 503 ERR_WECHAT_LOGIN_LOST',
  },
  reset: { share: 3, exchange: () => [reset], outcome: 'error 502 ERR_WECHAT_NETWORK' },
  cut: { share: 3, exchange: (code) => [cut(code), end], outcome: 'error 502 ERR_WECHAT_NETWORK' },
  gateway: { share: 3, exchange: () => [answer(503, 'busy')], outcome: 'error 502 ERR_WECHAT_RESPONSE' },
  broken: { share: 2, exchange: () => [answer(500, '<html>')], outcome: 'error 502 ERR_WECHAT_RESPONSE' },
  html: { share: 2, exchange: () => [answer(200, '<html>')], outcome: 'error 502 ERR_WECHAT_RESPONSE' },
  huge: {
    share: 1,
    exchange: () => [raw('HTTP/1.1 200 OK\r\n\r\n'), flood(Buffer.alloc(16_384, ' '), 64), end],
    outcome: 'error 502 ERR_WECHAT_RESPONSE',
  },
  stranger: {
    share: 3,
    exchange: good,
    userInfo: () => [json(userInfoOf('mallory'))],
    outcome: 'error 502 ERR_WECHAT_RESPONSE',
  },
  aborted: { share: 2, exchange: () => [hang], haste: 'abort', outcome: 'error 502 ERR_WECHAT_ABORTED' },
  silent: { share: 1, exchange: () => [hang], haste: 'timeout', outcome: 'error 504 ERR_WECHAT_TIMEOUT' },
  endless: {
    share: 1,
    exchange: () => [raw('HTTP/1.1 200 OK\r\n\r\n'), forEver(raw(' '), 100)],
    haste: 'timeout',
    outcome: 'error 504 ERR_WECHAT_TIMEOUT',
  },
};

/** A hundred kinds in a fixed order that mixes them. */
const mixture = Object.entries(kinds)
  .flatMap(([kind, { share }]) => Array.from({ length: share }, (_, n) => ({ kind, place: (n + 0.5) / share })))
  .toSorted((one, other) => one.place - other.place)
  .map(({ kind }) => kind);

const hasty = Object.fromEntries(
  Object.entries(kinds).flatMap(([kind, { haste }]) => (haste === undefined ? [] : [[kind, haste]])),
);

/** A WeChat that does to each code what its kind says. */
function startWeChat(): Promise<ScriptedServer> {
  const times = new Map<string, number>();
  return startServer(({ path, query }: ReceivedRequest) => {
    if (path === '/sns/userinfo') {
      const code = (query.get('access_token') ?? '').replace('token-', '');
      return kindOf(code).userInfo?.(code) ?? [json(userInfoOf(code))];
    }
    const code = query.get('code') ?? '';
    const time = (times.get(code) ?? 0) + 1;
    times.set(code, time);
    return kindOf(code).exchange(code, time);
  });
}

function kindOf(code: string): Kind {
  const kind = kinds[code.split('-')[0] ?? ''];
  assert.ok(kind, 'a code that nobody sent');
  return kind;
}

/** How so many logins must end. */
function expectedOutcomes(logins: number): Outcomes {
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, { share, outcome }]) => [kind, { [outcome]: (share * logins) / 100 }]),
  );
}

describe('under load', () => {
  afterEach(async () => {
    killLoad();
    await closeServers();
  });

  for (const transport of transports) {
    it(`on ${transport.name}, each of many logins at once has its own outcome, and nothing is left behind`, async function () {
      this.timeout((minutes + 2) * 60_000);
      const server = await startWeChat();
      const load = new LoadProcess();
      let made = 0;
      const logIn = async (count: number): Promise<Measurement> => {
        const codes = Array.from({ length: count }, () => `${mixture[made % 100] ?? ''}-${(made += 1)}`);
        const outcomes = await load.logIn({ codes, workers: WORKERS, hasty });
        assert.deepEqual(outcomes, expectedOutcomes(count));
        for (const connection of server.open) await server.interfere(connection, [end]);
        server.requests.length = 0;
        return load.measure();
      };

      const haste = { abort: 20, timeout: 300 };
      const before = await load.prepare({ baseUrl: server.url, transport: transport.name, haste });
      // The first logins load code and fill caches: the heap has its size after some hundreds.
      const warm = await logIn(300);
      const start = performance.now();
      let after: Measurement;
      do after = await logIn(700);
      while (performance.now() - start < minutes * 60_000);

      const growth = after.bytes - warm.bytes;
      if (minutes > 0)
        console.log(`      ${made} logins left ${growth} bytes behind, on ${server.peak} connections at most`);
      assert.ok(growth < 2 * MEBIBYTE, `${growth} bytes were left behind by ${made} logins`);
      assert.deepEqual(after.warnings, []);
      assert.equal(after.sockets, 0);
      assert.deepEqual(after.resources, before.resources);
      assert.equal(after.files, warm.files);
      assert.equal(after.signalListeners, 0);
      assert.equal(after.processListeners, before.processListeners);
      assert.ok(after.mostListeners <= 10, `one event of a socket had ${after.mostListeners} listeners`);
      assert.ok(server.peak <= WORKERS * 2, `there were ${server.peak} connections at once`);
    });
  }
});
