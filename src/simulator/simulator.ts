import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkAuthorizeRequest, pageOf } from './authorize.js';
import { FaultQueue } from './faults.js';
import type { Fault } from './faults.js';
import { refuseStray, resolveOptions, scopesOf } from './options.js';
import type { NonEmpty, Scope, SimulatedApp, SimulatedUser, SimulatorOptions } from './options.js';
import { WeChatRules } from './rules.js';
import type { Endpoint } from './rules.js';
import { createWeChatServer } from './server.js';
import type { Call } from './server.js';

/** The last moment that a date can say, in ms. */
const LAST_MOMENT = 8.64e15;

/** What `authorizeUrl` makes an address from. */
export interface AuthorizeUrlOptions {
  /** Default: the first app. */
  readonly appId?: string;
  /** Where the browser comes back to: an http or https address. */
  readonly redirectUri: string;
  /** Default: `snsapi_login` for websites, `snsapi_userinfo` for official accounts. */
  readonly scope?: Scope;
  /** Comes back with the code. Official accounts: at most 128 letters and digits. Default: `''`. */
  readonly state?: string;
  /** The language of WeChat's QR page, which other apps do not have. The simulator's pages are in both languages anyway. */
  readonly lang?: 'cn' | 'en';
  /** Who logs in: the id of a user, or `''` for somebody who refuses. The address then answers 302 at once. Default: the page asks. */
  readonly user?: string;
}

/** What `createCode` makes a code for. */
export interface CreateCodeOptions {
  /** Default: the first app. */
  readonly appId?: string;
  /** The id of a user. Default: the first user. */
  readonly user?: string;
  /** Default: `snsapi_login` for websites, `snsapi_userinfo` for official accounts and mobile apps. Mini programs have none. */
  readonly scope?: Scope;
}

/** A running simulator. */
export interface WeChatSimulator {
  /** For example `http://127.0.0.1:49152`: the `http.baseUrl` of a client. */
  readonly url: string;
  /** The apps it knows, secrets included. */
  readonly apps: NonEmpty<SimulatedApp>;
  /** The users it knows. */
  readonly users: NonEmpty<SimulatedUser>;
  /** The latest requests to the five endpoints, oldest first, at most 10 000. The array is live. No secret, code or token is in it. */
  readonly calls: readonly Call[];
  /**
   * The address of the page on which a person picks a user and is sent back to `redirectUri` with a code. A program adds
   * `user` and gets the redirect (302) at once. Throws a TypeError for whatever WeChat's page would refuse.
   */
  authorizeUrl(options: AuthorizeUrlOptions): string;
  /**
   * A code without a page, as WeChat would hand out; for a mini program what `wx.login` gives. It works once, for its app
   * only, and for five minutes, as WeChat says; it gives websites and mobile apps ten, and here they have the stricter five.
   * Throws a TypeError for an unknown app or user and for a scope the app cannot ask for.
   */
  createCode(options?: CreateCodeOptions): string;
  /**
   * Makes the next request to an endpoint go wrong. Faults wait in line: a request takes the first that fits its endpoint.
   *
   * @param endpoint - which requests; `any` for all five.
   * @param fault - what happens, see {@link Fault}.
   * @param options - `times`: how many requests, default 1; `Infinity`: all until `behave()`.
   * @throws TypeError if the fault is not one.
   */
  misbehave(endpoint: Endpoint | 'any', fault: Fault, options?: { readonly times?: number }): void;
  /** Forgets all faults that are still waiting. */
  behave(): void;
  /** Moves the simulator's clock forward by so many milliseconds, so that codes and tokens expire without waiting. */
  advance(milliseconds: number): void;
  /** Stops listening and closes all connections, open requests included. A second call does no harm. */
  close(): Promise<void>;
}

/**
 * Starts WeChat's login on a local port, for tests and demos: the five calls of a back end, the authorize pages for people,
 * and on demand the ways in which WeChat and the network misbehave. It logs nothing and keeps everything in memory.
 *
 * Rejects with a TypeError for wrong options, and with `EADDRINUSE` as `code` if the port is taken.
 *
 * @example
 * const wechat = await startWeChatSimulator();
 * const [app] = wechat.apps;
 * // new WeChatClient({ appId: app.appId, appSecret: app.appSecret, http: { baseUrl: wechat.url } })
 * const code = wechat.createCode({ user: 'alice' });
 * wechat.misbehave('userinfo', { status: 503, headers: { 'Retry-After': '1' } });
 * await wechat.close();
 */
export async function startWeChatSimulator(options: SimulatorOptions = {}): Promise<WeChatSimulator> {
  const { port, host, apps, users } = resolveOptions(options);
  let offset = 0;
  const now = (): number => Date.now() + offset;
  const rules = new WeChatRules(apps, users, now);
  const faults = new FaultQueue();
  const calls: Call[] = [];
  const createCode: WeChatSimulator['createCode'] = (options = {}) => {
    refuseStray(options, ['appId', 'user', 'scope'], 'createCode');
    const { appId, user, scope } = options;
    const app = find(apps, 'appId', appId, 'apps');
    const scopes = scopesOf(app.kind);
    const granted = scope ?? scopes[0];
    if (granted !== undefined && !scopes.includes(granted)) {
      const allowed = scopes.length > 0 ? `be ${scopes.join(' or ')}` : 'be left out';
      throw new TypeError(`scope must ${allowed} for an app of the kind ${app.kind}`);
    }
    return rules.createCode(app, find(users, 'id', user, 'users'), granted);
  };
  const server = createWeChatServer({ apps, users, rules, faults, calls, createCode, now });
  const url = await listen(server, port, host);
  let closed: Promise<void> | undefined;

  return {
    url,
    apps,
    users,
    calls,
    authorizeUrl(options) {
      refuseStray(options, ['appId', 'redirectUri', 'scope', 'state', 'lang', 'user'], 'authorizeUrl');
      const { appId, redirectUri, scope, state = '', lang, user } = options;
      const app = find(apps, 'appId', appId, 'apps');
      const page = pageOf(app);
      if (!page) {
        throw new TypeError(`a ${app.kind} app has no authorize page: take a code from createCode()`);
      }
      const query = new URLSearchParams({
        appid: app.appId,
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: scope ?? scopesOf(app.kind)[0] ?? '',
        state,
        ...(lang !== undefined && page === '/connect/qrconnect' && { lang }),
      });
      const request = checkAuthorizeRequest(page, query, apps);
      if ('problem' in request) {
        throw new TypeError(`WeChat would refuse this address: ${request.problem.en}`);
      }
      if (user !== undefined) {
        query.set('user', user === '' ? '' : find(users, 'id', user, 'users').id);
      }
      return `${url}${page}?${query.toString()}#wechat_redirect`;
    },
    createCode,
    misbehave(endpoint, fault, { times = 1 } = {}) {
      faults.add(endpoint, fault, times);
    },
    behave() {
      faults.clear();
    },
    advance(milliseconds) {
      if (!Number.isFinite(milliseconds) || milliseconds < 0) {
        throw new TypeError('advance takes milliseconds, 0 or more: the clock does not go back');
      }
      if (now() + milliseconds > LAST_MOMENT) throw new TypeError('advance goes no further than the year 275760');
      offset += milliseconds;
    },
    close() {
      closed ??= new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

/** The entry with this id, the first one without an id. */
function find<Key extends string, Entry extends Readonly<Record<Key, string>>>(
  entries: readonly Entry[],
  key: Key,
  id: string | undefined,
  list: string,
): Entry {
  const entry = id === undefined ? entries[0] : entries.find((candidate) => candidate[key] === id);
  if (!entry) {
    // The id itself stays out: somebody may have mixed it up with a secret.
    const known = entries.map((candidate) => candidate[key]).join(', ');
    throw new TypeError(`${list} has no entry with this ${key}; it has ${known}`);
  }
  return entry;
}

async function listen(server: Server, port: number, host: string): Promise<string> {
  const listening = once(server, 'listening');
  server.listen(port, host);
  try {
    await listening;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      const message = `port ${String(port)} of ${host} is taken: stop what uses it, or leave port out to take any free one`;
      throw Object.assign(new Error(message, { cause: error }), { code: error.code });
    }
    throw error;
  }
  const { address, family, port: actualPort } = server.address() as AddressInfo;
  // "All addresses" is nowhere a client could connect to.
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[address] ?? address;
  return `http://${family === 'IPv6' ? `[${reachable}]` : reachable}:${String(actualPort)}`;
}
