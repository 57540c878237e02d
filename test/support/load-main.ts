// Forked by load.ts: logs visitors in, many at a time, and measures what is left of that in this process.
import { subscribe } from 'node:diagnostics_channel';
import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import process from 'node:process';
import { setImmediate as nextTurn } from 'node:timers/promises';

import passport, { type AuthenticateCallback } from 'passport';

import { type LoginClient, WeChatClient, WeChatCodeStrategy, WeChatError } from '../../src/index.js';
import { appId, appSecret } from './calls.js';
import type { Haste, Logins, Measurement, Order, Outcomes } from './load.js';
import { transports } from './transports.js';

interface Visit {
  body: { code: string };
  query: object;
  /** How long to wait for an answer, if not long. */
  haste: Haste | undefined;
}

interface Visitor {
  openid: string;
  name: string | undefined;
  accessToken: string;
}

const warnings: string[] = [];
process.on('warning', (warning: NodeJS.ErrnoException) => {
  // The loader of the TypeScript files still uses module.register(), which Node 26 warns about.
  if (warning.code !== 'DEP0205') warnings.push(warning.stack ?? warning.message);
});

/** Every socket that this process opened and that is not closed yet. */
const sockets = new Set<Socket>();
let mostListeners = 0;
subscribe('net.client.socket', (message) => {
  const { socket } = message as { socket: Socket };
  sockets.add(socket);
  socket.once('close', () => {
    countListeners(socket);
    sockets.delete(socket);
  });
});

function countListeners(socket: Socket): void {
  const counts = socket.eventNames().map((event) => socket.listenerCount(event));
  mostListeners = Math.max(mostListeners, ...counts);
}

/** Serves every login, as the signal of a process that is shut down would. */
const { signal } = new AbortController();
let login: (code: string, haste: Haste | undefined) => Promise<string>;

function prepare(baseUrl: string, transport: string, haste: Record<Haste, number>): void {
  const own = transports.find(({ name }) => name === transport)?.http();
  const http = { ...own, baseUrl, retryDelay: 1 };
  const patient = new WeChatClient({ appId, appSecret, http });
  const impatient = new WeChatClient({ appId, appSecret, http: { ...http, timeout: haste.timeout } });
  const withSignal = (client: WeChatClient): LoginClient => ({
    appId: client.appId,
    exchangeCode: (code) => client.exchangeCode(code, { signal }),
    getUserInfo: (token, openid, options) => client.getUserInfo(token, openid, { ...options, signal }),
  });
  const aborting: LoginClient = {
    ...withSignal(patient),
    exchangeCode: async (code) => {
      const controller = new AbortController();
      const timer = setTimeout(() => {
        controller.abort();
      }, haste.abort);
      return patient.exchangeCode(code, { signal: controller.signal }).finally(() => {
        clearTimeout(timer);
      });
    },
  };
  const clients = { patient: withSignal(patient), timeout: withSignal(impatient), abort: aborting };

  const strategy = new WeChatCodeStrategy<Visit>(
    { client: ({ haste }) => clients[haste ?? 'patient'] },
    async (tokens, profile): Promise<Visitor> => {
      await nextTurn();
      return { openid: profile.openid, name: profile.displayName, accessToken: tokens.accessToken.exposeSecret() };
    },
  );
  const authenticator = new passport.Passport();
  authenticator.use(strategy);
  let visits = 0;

  login = (code, haste) =>
    new Promise((resolve) => {
      const req: Visit = { body: { code }, query: {}, haste };
      let outcome: string | undefined;
      const callback: AuthenticateCallback = (error, user, info, status) => {
        outcome = outcome === undefined ? describe(code, { error, user, info, status }) : 'more than one outcome';
        // Later, so that a second outcome would be seen.
        setImmediate(() => {
          resolve(outcome ?? '');
        });
      };
      // By turns the way that is documented, and the one in which overlapping logins share what is written to `this`.
      visits += 1;
      const layer = [strategy.name, strategy][visits % 2] as string;
      const authenticate = authenticator.authenticate(layer, callback) as (...parameters: unknown[]) => void;
      authenticate(req, {}, callback);
    });
}

function describe(code: string, seen: { error: unknown; user: unknown; info: unknown; status: unknown }): string {
  const { error, user, info, status } = seen;
  if (error instanceof WeChatError) return `error ${error.status} ${error.code}`;
  if (error instanceof Error) return `error ${error.message}`;
  if (user === false) return `fail ${String(status)} ${String((info as { code?: unknown }).code)}`;
  const { openid, name, accessToken } = user as Visitor;
  const own = openid === `o${code}` && accessToken === `token-${code}` && (name === undefined || name === code);
  return own ? `logged in${name === undefined ? '' : ' with a name'}` : "logged in as somebody else's user";
}

async function logIn({ codes, workers, hasty }: Logins): Promise<Outcomes> {
  const outcomes: Outcomes = {};
  const waiting = codes.values();
  const work = async (): Promise<void> => {
    for (const code of waiting) {
      const [kind = ''] = code.split('-');
      const outcome = await login(code, hasty[kind]);
      const counts = (outcomes[kind] ??= {});
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: workers }, work));
  return outcomes;
}

/** Waits until the connections are closed, or two seconds, and says what is still there. */
async function measure(): Promise<Measurement> {
  sockets.forEach(countListeners);
  const deadline = performance.now() + 2_000;
  while (sockets.size > 0 && performance.now() < deadline) await nextTurn();
  for (let time = 0; time < 4; time += 1) {
    globalThis.gc?.();
    await nextTurn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return {
    bytes: heapUsed + external,
    files: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : undefined,
    sockets: sockets.size,
    resources: process.getActiveResourcesInfo().toSorted(),
    signalListeners: getEventListeners(signal, 'abort').length,
    processListeners: process.eventNames().reduce((sum, event) => sum + process.listenerCount(event), 0),
    mostListeners,
    warnings,
  };
}

process.on('message', ({ prepare: settings, logins }: Order) => {
  void (async () => {
    if (settings) prepare(settings.baseUrl, settings.transport, settings.haste);
    process.send?.(logins ? await logIn(logins) : await measure());
  })();
});
