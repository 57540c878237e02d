import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import got, { type Got, type Response } from 'got';

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

/** Agents of the caller's own, for a proxy say. */
export interface Agents {
  /** For a `baseUrl` that is http, on loopback. */
  http?: http.Agent | undefined;
  /** For a `baseUrl` that is https. It must check certificates. */
  https?: https.Agent | undefined;
}

/** What zlib, Brotli, Zstandard and got 16 call a body that cannot be decompressed. */
const UNREADABLE = /^(?:Z_|ERR__|ZSTD_|ERR_READING_RESPONSE_STREAM$)/;
/** Resolves when the answer that came last on a connection has been judged. */
const judgements = new WeakMap<Socket, Promise<void>>();

/** A transport on got, which keeps its connections alive between calls. */
export function gotTransport(agents: Agents): Transport {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: MAX_IDLE };
  const own = {
    http: guardSockets(new http.Agent(options)),
    https: guardSockets(new https.Agent({ ...options, minVersion: 'TLSv1.2' })),
  };
  const plain = agents.http ?? own.http;
  const secure = agents.https ?? own.https;
  const client = got.extend({
    // All that differs from Node.js's defaults. got would pass forty options, and Node.js would copy them twice.
    request: (url, { headers }, callback) => {
      for (const agent of Object.values(own)) forgetDestroyed(agent);
      return url.protocol === 'https:'
        ? https.request(url, { agent: secure, rejectUnauthorized: true, headers }, callback)
        : http.request(url, { agent: plain, headers }, callback);
    },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    // Node.js notices a body that was cut by itself; got 16 would report it as something else.
    strictContentLength: false,
  });

  return (request) =>
    new Promise((resolve) => {
      const finish = (result: TransportAnswer | TransportFailure): void => {
        if ('reason' in result && wasClosedWhileIdle(result)) for (const agent of Object.values(own)) endIdle(agent);
        resolve(result);
      };
      afterReading(() => {
        if (request.signal.aborted) resolve({ sent: 'no', reason: 'ABORT_ERR' });
        else get(client, request, finish);
      });
    });
}

function get(
  client: Got,
  { url, headers, signal, connectTimeout, maxBytes }: TransportRequest,
  resolve: (result: TransportAnswer | TransportFailure) => void,
): void {
  let sent: Sent = 'no';
  let reusedSocket = false;
  let socket: Socket | undefined;
  let bytesReadBefore = 0;
  let retryAfter: string | undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let settled = false;
  let release = (): void => undefined;
  const judged = new Promise<void>((resolve) => (release = resolve));

  // As a stream, because only a stream can be given up in the middle of a body that is too large.
  const stream = client.stream(url, { headers: { 'accept-encoding': 'identity', ...headers } });
  const connectTimer = setTimeout(() => {
    fail('ETIMEDOUT');
  }, connectTimeout);
  const onAbort = (): void => {
    fail('ABORT_ERR');
  };
  signal.addEventListener('abort', onAbort);

  stream.once('request', (request: http.ClientRequest) => {
    request.once('socket', (assigned: Socket) => {
      socket = assigned;
      judgements.set(assigned, judged);
      reusedSocket = request.reusedSocket;
      const secure = assigned instanceof TLSSocket;
      const onReady = (): void => {
        sent = 'unknown';
        bytesReadBefore = assigned.bytesRead;
        clearTimeout(connectTimer);
      };
      if (secure ? assigned.authorized : !assigned.connecting) onReady();
      else assigned.once(secure ? 'secureConnect' : 'connect', onReady);
    });
  });
  stream.once('response', ({ statusCode, headers }: Response) => {
    sent = 'yes';
    retryAfter = headers['retry-after'];
    if (statusCode !== 200) answer(statusCode, undefined);
  });
  // Without this listener got waits for ever after "101 Switching Protocols".
  stream.once('upgrade', () => {
    answer(101, undefined);
  });
  stream.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) answer(200, undefined);
  });
  stream.once('end', () => {
    answer(200, Buffer.concat(chunks, size));
  });
  // Not once: what fails after the attempt was given up must not become an uncaught exception.
  stream.on('error', ({ code }: { code?: unknown }) => {
    const name = typeof code === 'string' ? code : '';
    if (UNREADABLE.test(name)) answer(200, undefined);
    else fail(name);
  });

  function answer(status: number, body: Uint8Array | undefined): void {
    settle(body === undefined, { status, retryAfter, body, discard: () => socket?.destroy() });
  }

  function fail(reason: string): void {
    // Half a status line is no response yet, but it shows that the server has read the request.
    if (socket !== undefined && socket.bytesRead > bytesReadBefore) sent = 'yes';
    settle(true, { sent, reason, reusedSocket });
  }

  function settle(destroy: boolean, result: TransportAnswer | TransportFailure): void {
    if (settled) return;
    settled = true;
    clearTimeout(connectTimer);
    signal.removeEventListener('abort', onAbort);
    if (destroy) {
      stream.destroy();
      socket?.destroy();
    }
    resolve(result);
    setImmediate(release);
  }
}

/** Ends an idle connection, and takes it from its agent, which would give it to somebody until it is closed. */
function end(socket: Socket): void {
  socket.destroy();
  socket.emit('agentRemove');
}

/** Newer Node.js destroys connections by itself on which something comes, and its agents give them out until they are closed. */
function forgetDestroyed({ freeSockets }: http.Agent): void {
  for (const sockets of Object.values(freeSockets)) {
    for (const socket of sockets?.filter(({ destroyed }) => destroyed) ?? []) socket.emit('agentRemove');
  }
}

function endIdle({ freeSockets }: http.Agent): void {
  for (const socket of Object.values(freeSockets).flatMap((sockets) => [...(sockets ?? [])])) end(socket);
}

/**
 * Makes an agent give a connection to the next request only when the last answer was judged to be WeChat's, and end it
 * when something arrives before that. Nobody asked for it, so it would be taken for the answer to the next request: one
 * visitor would be logged in as another.
 */
function guardSockets<A extends http.Agent>(agent: A): A {
  // It says whether the socket is to be kept, which its type has forgotten.
  const keepSocketAlive = agent.keepSocketAlive.bind(agent) as (socket: Socket) => boolean;
  const reuseSocket = agent.reuseSocket.bind(agent);
  const onSurprise = function (this: Socket): void {
    if (watched.has(this)) end(this);
  };
  const known = new WeakSet<Socket>();
  const watched = new WeakSet<Socket>();
  const watch = (socket: Socket): void => {
    watched.add(socket);
    if (known.has(socket)) return;
    known.add(socket);
    // For good: to add and remove a listener for data makes a stream start and stop, for every request.
    for (const event of ['data', 'end', 'error']) socket.on(event, onSurprise);
  };
  const unwatch = (socket: Socket): void => void watched.delete(socket);
  agent.keepSocketAlive = (socket: Socket) => {
    watch(socket);
    return keepSocketAlive(socket);
  };
  agent.reuseSocket = (socket: Socket, request) => {
    unwatch(socket);
    reuseSocket(socket, request);
  };
  // What an agent does with a free socket it does in a listener of its own.
  const listeners = agent.listeners('free');
  agent.removeAllListeners('free').on('free', (socket: Socket, ...rest: unknown[]) => {
    const free = (): void => {
      unwatch(socket);
      for (const listener of listeners) Reflect.apply(listener, agent, [socket, ...rest]);
    };
    const judged = judgements.get(socket);
    if (judged === undefined) {
      free(); // a new one, for a request that waits: what becomes of it is that request's business
      return;
    }
    watch(socket);
    void judged.then(() => {
      // A request that waits for a connection gets this one at once, so what has arrived on it must be read before.
      if (Object.keys(agent.requests).length > 0) afterReading(free);
      else free();
    });
  });
  return agent;
}
