import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

import { WeChatError } from '../../src/index.js';
import {
  accessToken,
  appSecret,
  clientOf,
  code,
  exchanges,
  exposed,
  factsOf,
  inTurns,
  type Method,
  methods,
  refreshToken,
} from '../support/calls.js';
import { closeServers, ScriptedServer, startServer } from '../support/scripted-server.js';
import { type NamedTransport, transports, undici } from '../support/transports.js';
import { type Ending, good, type Row, table } from './fault-table.js';

/** Far more than a call needs that is not meant to run out of time, in ms. */
const timeout = 15_000;
/** How much later than its deadline a call may end where the machine is busy, in ms. */
const slack = 2_000;

/** Mutation testing wants each test to make its own calls. Otherwise they are made at once, which is much faster. */
const oneByOne = process.env['TRUST_ONE_BY_ONE'] === '1';

const rows = table.flatMap((part) => part.rows);
const secrets = [appSecret, code, accessToken, refreshToken];

/** How a call ended, and what was wrong with it whatever the table says. */
interface Observed {
  result?: unknown;
  error?: Readonly<Record<string, unknown>>;
  requests: number;
  problem?: string;
}

/** What the table says of a call; undefined when it says nothing. */
function endingOf(row: Row, method: Method, transport: NamedTransport): Ending | undefined {
  if (method.name === 'validateToken' && row.validateToken) return row.validateToken;
  const { exchange, others } = transport === undici ? { ...row, ...row.onUndici } : row;
  return exchanges.includes(method) ? exchange : others;
}

/** Lets a call meet a fault, and tells in the words of the table how it ended. */
async function meet(row: Row, method: Method, transport: NamedTransport): Promise<Observed> {
  const { answers = [[good]], greet, tls, trusted, lookup, hosts = ['server'], idle } = row;
  const earlier = idle === undefined ? [] : [[good]];
  const server = new ScriptedServer([...earlier, ...answers], { ...(greet && { greet }), ...(tls && { tls }) });
  const spare = new ScriptedServer([[good]], {});
  await Promise.all([server.listen(), spare.listen()]);
  const network = { ...(trusted && tls && { ca: tls.cert }), ...(lookup && { lookup }) };
  const http = { timeout, ...transport.http(trusted || lookup ? network : undefined), ...row.http };
  const urls = { server: server.url, spare: spare.url };
  const client = clientOf(
    hosts.map((host) => (host === 'server' || host === 'spare' ? urls[host] : host)),
    http,
  );

  try {
    if (idle !== undefined) {
      await method.call(client);
      await server.interfere(1, idle);
      // Not for ever: a client that keeps such a connection is to be caught by what it makes of the next call.
      if (idle.length > 0) await Promise.race([server.closed(1), sleep(1_000, undefined, { ref: false })]);
    }
    const start = performance.now();
    const never = sleep((http.timeout ?? 0) + 2 * slack, { problem: 'it never ended' }, { ref: false });
    const ending = await Promise.race([
      method.call(client).then((value) => ({ result: exposed(value) }), toError),
      never,
    ]);
    const took = performance.now() - start;
    const requests = [...server.requests.slice(earlier.length), ...spare.requests];
    const reused = idle !== undefined && idle.length > 0 && requests.some(({ connection }) => connection === 1);
    return {
      ...ending,
      requests: requests.length,
      ...(reused && { problem: 'it went over a connection that something had happened to' }),
      ...(took > (http.timeout ?? 0) + slack && { problem: `it took ${took} ms` }),
    };
  } catch (error) {
    return { requests: server.requests.length, problem: `the call before it failed: ${String(error)}` };
  } finally {
    await Promise.all([server.close(), spare.close()]);
  }
}

/** What an error says that the table is about, and what no error may do. */
function toError(error: unknown): Omit<Observed, 'requests'> {
  if (!(error instanceof WeChatError)) return { error: { error }, problem: 'it is no WeChatError' };
  const shown = `${error.message} ${error.stack} ${inspect(error, { showHidden: true, depth: Infinity })}`;
  const facts = Object.fromEntries(Object.entries(factsOf(error)).filter(([name]) => name !== 'errmsg'));
  if (secrets.some((secret) => shown.includes(secret))) return { error: facts, problem: 'it shows a secret' };
  return { error: facts };
}

/** What the table says, in full. A pattern that fits what came is replaced by it. */
function expectation(ending: Ending, method: Method, right: unknown, came: Observed): Observed {
  const { result, error, requests } = ending;
  if (error === undefined) return { result: result === 'right' ? right : result, requests };
  const { reason, ...facts } = error;
  const cameReason = came.error?.['reason'];
  const fits = reason instanceof RegExp && typeof cameReason === 'string' && reason.test(cameReason);
  return {
    error: {
      ...facts,
      endpoint: method.endpoint,
      statusCode: error.status,
      ...(reason !== undefined && { reason: fits ? cameReason : reason }),
    },
    requests,
  };
}

describe('the fault matrix', () => {
  it('has no fault twice', () => {
    assert.equal(new Set(rows.map(({ fault }) => fault)).size, rows.length);
  });

  for (const transport of transports) {
    describe(`on ${transport.name}`, () => {
      const meetings = rows.flatMap((row) =>
        methods.flatMap((method) => {
          const ending = endingOf(row, method, transport);
          return ending ? [{ row, method, ending }] : [];
        }),
      );
      /** What came of each row, and what should have, by method. */
      const came = new Map<Row, Record<string, Observed>>(rows.map((row) => [row, {}]));
      const expected = new Map<Row, Record<string, Observed>>(rows.map((row) => [row, {}]));

      let rightResults: Map<Method, unknown>;
      const run = async ({ row, method, ending }: (typeof meetings)[number]): Promise<void> => {
        const observed = await meet(row, method, transport);
        Object.assign(came.get(row) ?? {}, { [method.name]: observed });
        const full = expectation(ending, method, rightResults.get(method), observed);
        Object.assign(expected.get(row) ?? {}, { [method.name]: full });
      };

      before(async function () {
        this.timeout(120_000);
        rightResults = await undisturbed(transport);
        if (oneByOne) return;
        // Calls that run out of time only wait, so many of them can do that at once.
        const waits = ({ row }: (typeof meetings)[number]): boolean => row.http?.timeout !== undefined;
        await inTurns(
          meetings.filter((meeting) => !waits(meeting)),
          16,
          run,
        );
        await inTurns(meetings.filter(waits), 64, run);
      });
      after(closeServers);

      it('has at least 100 faults for each method', () => {
        for (const { name } of methods) {
          assert.ok(meetings.filter(({ method }) => method.name === name).length >= 100, name);
        }
      });

      for (const { about, rows } of table) {
        describe(about, () => {
          for (const row of rows) {
            it(row.fault, async () => {
              if (oneByOne) await Promise.all(meetings.filter((meeting) => meeting.row === row).map(run));
              assert.deepEqual(came.get(row), expected.get(row));
            });
          }
        });
      }
    });
  }
});

/** What each method gives when nothing is wrong. */
async function undisturbed(transport: NamedTransport): Promise<Map<Method, unknown>> {
  const server = await startServer([[good]]);
  const results = new Map<Method, unknown>();
  for (const method of methods) {
    results.set(method, exposed(await method.call(clientOf(server.url, transport.http()))));
  }
  await closeServers();
  return results;
}
