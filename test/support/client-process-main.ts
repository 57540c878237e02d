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

async function carryOut({ http, transport, code, abortAfter, gc }: Order): Promise<Report> {
  const start = performance.now();
  const controller = new AbortController();
  if (abortAfter !== undefined) {
    setTimeout(() => {
      controller.abort();
    }, abortAfter);
  }
  const collecting = gc === true ? setInterval(() => globalThis.gc?.(), 10) : undefined;
  try {
    const { openid } = await clientWith(http, transport).exchangeCode(
      code,
      abortAfter === undefined ? {} : { signal: controller.signal },
    );
    return { openid, milliseconds: performance.now() - start };
  } catch (error) {
    return { error: Object.fromEntries(Object.entries(error as Error)), milliseconds: performance.now() - start };
  } finally {
    clearInterval(collecting);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await carryOut(JSON.parse(line) as Order))}\n`);
}
