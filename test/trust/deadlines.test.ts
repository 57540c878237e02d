import assert from 'node:assert/strict';

import { openid, tokens } from '../support/calls.js';
import { killClients, type Order, startClient } from '../support/client-process.js';
import {
  answer,
  certificate,
  closeServers,
  forEver,
  hang,
  json,
  raw,
  startServer,
  type Step,
} from '../support/scripted-server.js';
import { transports } from '../support/transports.js';

/** Not even a busy machine is so late, and every other deadline is later still. */
const LATE = 10_000;
const FAR = 30_000;

interface Case {
  what: string;
  /** For the first and the second request. */
  steps: readonly (readonly Step[])[];
  order: Omit<Order, 'code' | 'transport'>;
  /** The `code` of the error; without it the login succeeds. */
  error?: string;
  /** How long it takes at least, in ms. */
  least: number;
  /** Does this to new connections, before anything is read. */
  greet?: readonly Step[];
}

const gateway = (retryAfter: string): readonly Step[] => [answer(503, '', { 'retry-after': retryAfter })];
const interim = forEver(raw('HTTP/1.1 102 Processing\r\n\r\n'), 20);
const patient = { timeout: FAR, connectTimeout: FAR };

const cases: readonly Case[] = [
  {
    what: 'the time of a call that nobody answers',
    steps: [[hang]],
    order: { http: { ...patient, timeout: 300 } },
    error: 'ERR_WECHAT_TIMEOUT',
    least: 290,
  },
  {
    what: 'the time of a call that gets nothing but interim answers',
    steps: [[interim]],
    order: { http: { ...patient, timeout: 300 } },
    error: 'ERR_WECHAT_TIMEOUT',
    least: 290,
  },
  {
    what: 'the time of a call that is made again after a wait',
    steps: [[answer(503)], [hang]],
    order: { http: { ...patient, timeout: 1_500, retryDelay: 100 } },
    error: 'ERR_WECHAT_TIMEOUT',
    least: 1_490,
  },
  {
    what: 'the time to connect',
    steps: [],
    greet: [hang],
    order: { http: { ...patient, connectTimeout: 300, maxRetries: 0 } },
    error: 'ERR_WECHAT_TIMEOUT',
    least: 290,
  },
  {
    what: 'a signal',
    steps: [[hang]],
    order: { http: patient, abortAfter: 300 },
    error: 'ERR_WECHAT_ABORTED',
    least: 290,
  },
  {
    what: 'a signal that nobody else holds',
    steps: [[hang]],
    order: { http: patient, abortAfter: 300, abandoned: true },
    error: 'ERR_WECHAT_ABORTED',
    least: 290,
  },
  {
    what: 'a signal in the wait for another attempt',
    steps: [gateway('20')],
    order: { http: patient, abortAfter: 300 },
    error: 'ERR_WECHAT_ABORTED',
    least: 290,
  },
  {
    what: 'a signal that nobody else holds, in the wait for another attempt',
    steps: [gateway('20')],
    order: { http: patient, abortAfter: 300, abandoned: true },
    error: 'ERR_WECHAT_ABORTED',
    least: 290,
  },
  {
    what: 'the wait that Retry-After asks for',
    steps: [gateway('1'), [json(tokens)]],
    order: { http: patient },
    least: 990,
  },
];

describe('garbage collection all the time', () => {
  afterEach(async () => {
    killClients();
    await closeServers();
  });

  for (const transport of transports) {
    it(`loses no deadline on ${transport.name}`, async function () {
      this.timeout(60_000);
      const left = cases.values();
      // Each process is busy with its garbage while a deadline comes nearer, so two share the cases.
      const share = async (): Promise<void> => {
        const client = startClient({}, ['--expose-gc']);
        for (const { what, steps, greet, order, error, least } of left) {
          const server = await startServer(steps, {
            ...(greet && { tls: certificate('localhost'), greet: () => greet }),
          });
          const http = { ...order.http, baseUrl: server.url };
          const report = await client.exchange({ ...order, http, transport: transport.name, code: 'code', gc: true });
          assert.equal(report.error?.['code'], error, what);
          assert.equal(report.openid, error === undefined ? openid : undefined, what);
          assert.ok(report.milliseconds >= least, `${what}: it took ${report.milliseconds} ms`);
          assert.ok(report.milliseconds < LATE, `${what}: it took ${report.milliseconds} ms`);
          if (error !== undefined) assert.equal(report.error?.['attempts'], Math.max(steps.length, 1), what);
        }
        await client.end();
      };
      await Promise.all([share(), share()]);
    });
  }
});
