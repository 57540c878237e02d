/**
 * A transport on undici, in place of the one on got.
 *
 * @module passport-wechat-code/undici
 */

import net from 'node:net';
import tls from 'node:tls';
import { brotliDecompressSync, unzipSync } from 'node:zlib';

import { type buildConnector, Client, type Dispatcher } from 'undici';

import { checkFunction, checkObject } from './checks.js';
import type { Sent } from './errors.js';
import {
  afterReading,
  MAX_CONNECTIONS,
  MAX_IDLE,
  type Transport,
  type TransportAnswer,
  type TransportFailure,
  type TransportRequest,
  wasClosedWhileIdle,
} from './transport.js';

/** What {@link undiciTransport} takes. */
export interface UndiciTransportOptions {
  /** The CA certificates to trust in place of Node.js's, in PEM format: for a gateway of your own, say. */
  ca?: string | Buffer | (string | Buffer)[] | undefined;
  /** Looks names up in place of `dns.lookup`: for a cache, say. */
  lookup?: net.LookupFunction | undefined;
}

/**
 * A transport on undici, for services where the CPU time of a login matters:
 *
 * ```ts
 * import { undiciTransport } from 'passport-wechat-code/undici';
 *
 * const client = new WeChatClient({ appId, appSecret, http: { transport: undiciTransport() } });
 * ```
 *
 * It promises all that the default promises: at most 128 connections to a host, kept for 4 s while they are idle and
 * ended when something arrives on them unasked, TLS 1.2 or later, certificates always checked, no redirect, no proxy, no
 * variable of the environment. Its connections are its own, and no dispatcher of undici's, global or not, takes part.
 *
 * Two answers that WeChat never gives are lost connections here: `100 Continue` and `101 Switching Protocols`.
 *
 * @throws TypeError when an option is wrong.
 */
export function undiciTransport(options: UndiciTransportOptions = {}): Transport {
  checkObject('options', options);
  const { ca, lookup } = options;
  if (lookup !== undefined) checkFunction('lookup', lookup);
  const secureContext = tls.createSecureContext({ minVersion: 'TLSv1.2', ca });
  const hosts = new Map<string, Connections>();

  return (request) =>
    new Promise((resolve) => {
      afterReading(() => {
        const { origin, pathname, search } = new URL(request.url);
        const connections = hosts.get(origin) ?? new Connections(origin, { secureContext, lookup });
        hosts.set(origin, connections);
        if (request.signal.aborted) resolve({ sent: 'no', reason: 'ABORT_ERR' });
        else get(connections, pathname + search, request, resolve);
      });
    });
}

function get(
  connections: Connections,
  path: string,
  { headers, signal, connectTimeout, maxBytes }: TransportRequest,
  resolve: (result: TransportAnswer | TransportFailure) => void,
): void {
  let connection: Connection | undefined;
  let sent: Sent = 'no';
  let reusedSocket = false;
  let bytesReadBefore = 0;
  let retryAfter: string | undefined;
  let encoding: string | undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let settled = false;

  const connectTimer = setTimeout(() => {
    fail('ETIMEDOUT');
  }, connectTimeout);
  const onAbort = (): void => {
    fail('ABORT_ERR');
  };
  signal.addEventListener('abort', onAbort);

  const handler: Dispatcher.DispatchHandler = {
    // Called just before the request is written to a connection that stands.
    onRequestStart() {
      sent = 'unknown';
      reusedSocket = connection?.served ?? false;
      bytesReadBefore = connection?.socket?.bytesRead ?? 0;
      if (connection) connection.busy = true;
      clearTimeout(connectTimer);
    },
    onResponseStart(_controller, status, fields) {
      if (status < 200) return; // the answer itself is still to come
      sent = 'yes';
      retryAfter = textOf(fields['retry-after']);
      encoding = textOf(fields['content-encoding'])?.toLowerCase();
      if (status !== 200) answer(status, undefined);
    },
    onResponseData(_controller, chunk) {
      chunks.push(chunk);
      size += chunk.byteLength;
      if (size > maxBytes) answer(200, undefined);
    },
    onResponseEnd() {
      answer(200, decompress(Buffer.concat(chunks, size), encoding, maxBytes));
    },
    onResponseError(_controller, error) {
      fail(reasonOf(error));
    },
  };

  const use = (given: Connection): void => {
    connection = given;
    given.client.dispatch({ method: 'GET', path, headers: { 'accept-encoding': 'identity', ...headers } }, handler);
  };
  connections.take(use);

  function answer(status: number, body: Uint8Array | undefined): void {
    const discard = (): void => {
      if (connection) connections.drop(connection);
    };
    settle(body !== undefined, { status, retryAfter, body, discard });
  }

  function fail(reason: string): void {
    // Half a status line is no response yet, but it shows that the server has read the request.
    const read = connection?.socket?.bytesRead ?? 0;
    if (sent === 'unknown' && read > bytesReadBefore) sent = 'yes';
    settle(false, { sent, reason, reusedSocket });
  }

  function settle(keep: boolean, result: TransportAnswer | TransportFailure): void {
    if (settled) return;
    settled = true;
    clearTimeout(connectTimer);
    signal.removeEventListener('abort', onAbort);
    if (connection === undefined) connections.leave(use);
    else if (keep) connections.giveBack(connection);
    else connections.drop(connection);
    if ('reason' in result && wasClosedWhileIdle(result)) connections.dropIdle();
    resolve(result);
  }
}

/** A client of undici that never has more than one socket and one request. It connects when it needs to. */
interface Connection {
  client: Client;
  /** The newest: it may be connecting, or closed. */
  socket?: net.Socket;
  /** Whether the socket has carried an answer. */
  served: boolean;
  /** Whether an answer is being waited for. */
  busy: boolean;
  /** What the server gave to make the next handshake a short one. */
  session?: Buffer;
}

/**
 * The connections to one host. They are not left to a pool of undici's, which keeps what is given up in its queue, and
 * tells nobody which socket a request is on.
 */
class Connections {
  readonly #origin: string;
  readonly #options: tls.ConnectionOptions;
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<(connection: Connection) => void>();
  /** The newest, of a connection that has carried a whole answer. */
  #session: Buffer | undefined;
  #open = 0;

  constructor(origin: string, options: tls.ConnectionOptions) {
    this.#origin = origin;
    this.#options = options;
  }

  /** Has a connection used, as soon as there is one. */
  take(use: (connection: Connection) => void): void {
    const idle = this.#idle.pop();
    if (idle) use(idle);
    else if (this.#open < MAX_CONNECTIONS) use(this.#add());
    else this.#waiting.add(use);
  }

  /** Waits for a connection no longer. */
  leave(use: (connection: Connection) => void): void {
    this.#waiting.delete(use);
  }

  /** Takes a connection back that carried a whole answer, unless it is dropped in the same turn of the event loop. */
  giveBack(connection: Connection): void {
    connection.served = true;
    this.#session = connection.session ?? this.#session;
    setImmediate(() => {
      connection.busy = false;
      if (connection.client.destroyed) return;
      if (connection.socket?.destroyed !== false) {
        this.drop(connection);
        return;
      }
      const [next] = this.#waiting;
      if (!next) {
        this.#idle.push(connection);
        return;
      }
      this.#waiting.delete(next);
      next(connection);
    });
  }

  /** Ends a connection, whatever it is doing. */
  drop(connection: Connection): void {
    if (connection.client.destroyed) return;
    connection.socket?.destroy();
    void connection.client.destroy();
    this.#open -= 1;
    const [next] = this.#waiting;
    if (!next) return;
    this.#waiting.delete(next);
    next(this.#add());
  }

  /** Ends every idle connection. */
  dropIdle(): void {
    for (const connection of this.#idle.splice(0)) this.drop(connection);
  }

  #add(): Connection {
    this.#open += 1;
    const connect: buildConnector.connector = (target, callback) => {
      connection.served = false;
      const onOutcome: buildConnector.Callback = (...outcome) => {
        if (outcome[0]) this.#session = undefined; // perhaps it is what the server did not like
        callback(...outcome);
      };
      connection.socket = open(target, { ...this.#options, session: this.#session }, onOutcome);
      connection.socket.on('session', (session: Buffer) => {
        connection.session = session;
      });
    };
    const client = new Client(this.#origin, {
      connect,
      pipelining: 1,
      keepAliveTimeout: MAX_IDLE,
      keepAliveMaxTimeout: MAX_IDLE,
      keepAliveTimeoutThreshold: 1_000,
      // The signal's business.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const connection: Connection = { client, served: false, busy: false };
    client.on('connect', () => {
      // Nobody asked for what comes while it is idle, so it would be taken for the answer to the next request: one
      // visitor would be logged in as another.
      connection.socket?.on('readable', () => {
        if (!connection.busy) connection.socket?.destroy();
      });
    });
    return connection;
  }
}

function open(
  { protocol, hostname, port }: buildConnector.Options,
  options: tls.ConnectionOptions,
  callback: buildConnector.Callback,
): net.Socket {
  const secure = protocol === 'https:';
  const target = { ...options, host: hostname, port: Number(port) || (secure ? 443 : 80) };
  const servername = net.isIP(hostname) === 0 ? hostname : '';
  const socket = secure ? tls.connect({ ...target, servername, rejectUnauthorized: true }) : net.connect(target);
  let connecting = true;
  return socket
    .setNoDelay(true)
    .setKeepAlive(true, 60_000)
    .once(secure ? 'secureConnect' : 'connect', () => {
      connecting = false;
      callback(null, socket);
    })
    .on('error', (error: Error) => {
      if (connecting) callback(error, null);
      connecting = false;
    });
}

/** Nobody asked for compression, but some gateways do it all the same. */
function decompress(body: Buffer, encoding: string | undefined, maxOutputLength: number): Uint8Array | undefined {
  try {
    if (encoding === 'gzip' || encoding === 'deflate') return unzipSync(body, { maxOutputLength });
    return encoding === 'br' ? brotliDecompressSync(body, { maxOutputLength }) : body;
  } catch {
    return undefined;
  }
}

/** A repeated header counts once. */
function textOf(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field[0] : field;
}

/** Node.js's code for what undici has codes of its own for, or none. */
function reasonOf(error: Error): string {
  if (!('code' in error) || typeof error.code !== 'string') {
    return error.name === 'HTTPParserError' ? 'HPE_UNKNOWN' : '';
  }
  return nodeCodes[error.code] ?? error.code;
}

const nodeCodes: Readonly<Record<string, string>> = {
  UND_ERR_SOCKET: 'ECONNRESET',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'ECONNRESET',
  UND_ERR_HEADERS_OVERFLOW: 'HPE_HEADER_OVERFLOW',
};
