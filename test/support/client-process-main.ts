// Run by client-process.ts: reads orders line by line, and writes a report for each.
import process from 'node:process';
import { createInterface } from 'node:readline';

import type { HttpOptions, WeChatClient } from '../../src/index.js';
import { clientsOn } from './calls.js';
import type { Order, Report } from './client-process.js';
import { transports } from './transports.js';

const clients = new Map<string, WeChatClient>();

function clientWith(http: HttpOptions, name: string): WeChatClient {
  const transport = transports.find((each) => each.name === name);
  if (transport === undefined) throw new TypeError(`There is no transport ${name}`);
  const key = name + JSON.stringify(http);
  const client = clients.get(key) ?? clientsOn(transport)(http.baseUrl ?? '', http);
  clients.set(key, client);
  return client;
}

async function carryOut({ http, transport, code, abortAfter, abandoned, gc }: Order): Promise<Report> {
  const start = performance.now();
  const collecting = gc === true ? setInterval(() => globalThis.gc?.(), 10) : undefined;
  try {
    const options = abortAfter === undefined ? {} : { signal: signalAfter(abortAfter, abandoned === true) };
    const { openid } = await clientWith(http, transport).exchangeCode(code, options);
    return { openid, milliseconds: performance.now() - start };
  } catch (error) {
    return { error: Object.fromEntries(Object.entries(error as Error)), milliseconds: performance.now() - start };
  } finally {
    clearInterval(collecting);
  }
}

function signalAfter(milliseconds: number, abandoned: boolean): AbortSignal {
  if (abandoned) return AbortSignal.timeout(milliseconds);
  const controller = new AbortController();
  setTimeout(() => {
    controller.abort();
  }, milliseconds);
  return controller.signal;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line) as Order))}\n`);
}
