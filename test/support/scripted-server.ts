import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';

/** One thing the server does to a connection. The next step follows when it is done. */
export type Step = (connection: Connection) => unknown;

export interface Connection {
  /** What the client's bytes come from and the server's go to: TLS, or the same as `tcp`. */
  stream: net.Socket;
  tcp: net.Socket;
  /** Resolves when the connection is closed, by whichever side. */
  closed: Promise<unknown>;
}

export interface ReceivedRequest {
  method: string;
  /** Path and query as they were sent. */
  target: string;
  path: string;
  query: URLSearchParams;
  headers: Readonly<Record<string, string>>;
  /** Which connection it came on, from 1. */
  connection: number;
  /** When its last byte came, by `performance.now()`. */
  at: number;
}

/** What is done for each request: by its number, where the last entry serves all that follow, or by what it is. */
export type Script = readonly (readonly Step[])[] | ((request: ReceivedRequest) => readonly Step[]);

export interface ServerOptions {
  tls?: tls.SecureContextOptions;
  /** What is done with a new connection before anything is read from it, by the number of the connection from 1. */
  greet?: (connection: number) => readonly Step[];
}

const folder = new URL('../fixtures/tls/', import.meta.url);

/** A self-signed certificate of the fixtures with its key: `localhost`, `wrong-host` or `expired`. */
export function certificate(name: 'localhost' | 'wrong-host' | 'expired'): { cert: Buffer; key: Buffer } {
  const read = (kind: string): Buffer => readFileSync(new URL(`${name}.${kind}.pem`, folder));
  return { cert: read('cert'), key: read('key') };
}

/** Sends bytes as they are. */
export function raw(bytes: string | Uint8Array): Step {
  return ({ stream }) => {
    stream.write(bytes);
  };
}

/** Sends a whole answer. `content-length` is right unless it is given; undefined leaves a header out. */
export function answer(
  status: number,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string | undefined>> = {},
): Step {
  return raw(answerBytes(status, body, headers));
}

/** Sends a JSON text with the headers of WeChat. */
export function json(body: unknown, headers: Readonly<Record<string, string | undefined>> = {}): Step {
  return answer(200, JSON.stringify(body), headers);
}

export function answerBytes(
  status: number,
  body: string | Uint8Array = '',
  headers: Readonly<Record<string, string | undefined>> = {},
): Buffer {
  const all: Record<string, string | undefined> = {
    connection: 'keep-alive',
    'content-type': 'text/plain',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]));
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Test\r\n${lines.join('')}\r\n`), Buffer.from(body)]);
}

/** Cuts the connection with a TCP reset. */
export const reset: Step = ({ tcp, closed }) => {
  tcp.resetAndDestroy();
  return closed;
};

/** Ends the connection as a server does that has nothing more to say. */
export const end: Step = ({ stream }) => {
  stream.end();
};

/** Waits until bytes of the client have come, and leaves them unread. */
export const untilBytesCome: Step = ({ tcp, closed }) =>
  Promise.race([new Promise((resolve) => tcp.once('readable', resolve)), closed]);

/** Says nothing until the client gives up. */
export const hang: Step = ({ closed }) => closed;

export function wait(milliseconds: number): Step {
  return ({ closed }) => Promise.race([sleep(milliseconds, undefined, { ref: false }), closed]);
}

/** Does a step again and again until the client gives up. */
export function forEver(step: Step, pause: number): Step {
  return async (connection) => {
    while (!connection.tcp.destroyed) {
      await step(connection);
      await wait(pause)(connection);
    }
  };
}

/** Sends one byte at a time. */
export function drip(bytes: string | Uint8Array, pause: number): Step {
  return async (connection) => {
    for (const byte of Buffer.from(bytes)) {
      if (connection.tcp.destroyed) return;
      connection.stream.write(Buffer.of(byte));
      await wait(pause)(connection);
    }
  };
}

/** Sends a block again and again, as fast as the client reads, and tells `count` of every block that went out. */
export function flood(block: Uint8Array, times: number, count: (bytes: number) => void = () => {}): Step {
  return async ({ stream, tcp, closed }) => {
    for (let n = 0; n < times && !tcp.destroyed; n += 1) {
      count(block.byteLength);
      if (!stream.write(block)) await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), closed]);
    }
  };
}

/** A server on loopback that does to every request what its script says, byte by byte. */
export class ScriptedServer {
  readonly requests: ReceivedRequest[] = [];
  /** How many connections were made in all. */
  connections = 0;
  /** How many connections there were at the same time. */
  peak = 0;
  readonly #script: Script;
  readonly #options: ServerOptions;
  #secureContext: tls.SecureContext | undefined;
  readonly #events = new EventEmitter().setMaxListeners(0);
  readonly #connections = new Map<number, Connection>();
  readonly #server = net.createServer((socket) => {
    this.#accept(socket);
  });

  constructor(script: Script, options: ServerOptions) {
    this.#script = script;
    this.#options = options;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('The server is not listening');
    return address.port;
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  /** The numbers of the connections that are open. */
  get open(): number[] {
    return [...this.#connections.keys()];
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Resolves when so many requests have come. */
  async received(count: number): Promise<void> {
    while (this.requests.length < count) await once(this.#events, 'request');
  }

  /** Resolves when the connection of this number, from 1, is closed. */
  async closed(connection: number): Promise<void> {
    while (this.connections < connection || this.#connections.has(connection)) await once(this.#events, 'close');
  }

  /** Does something to a connection that is open, unasked. */
  async interfere(connection: number, steps: readonly Step[]): Promise<void> {
    const open = this.#connections.get(connection);
    if (open === undefined) throw new Error(`Connection ${connection} is not open`);
    await run(open, steps);
  }

  async close(): Promise<void> {
    for (const { tcp } of this.#connections.values()) tcp.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(tcp: net.Socket): void {
    const number = (this.connections += 1);
    // What the client does to a connection is for the tests to judge.
    tcp.on('error', () => {});
    const connection = { tcp, stream: tcp, closed: new Promise((resolve) => tcp.once('close', resolve)) };
    this.#connections.set(number, connection);
    this.peak = Math.max(this.peak, this.#connections.size);
    tcp.once('close', () => {
      this.#connections.delete(number);
      this.#events.emit('close');
    });
    void this.#serve(connection, number);
  }

  async #serve(connection: Connection, number: number): Promise<void> {
    await run(connection, this.#options.greet?.(number) ?? []);
    if (connection.tcp.destroyed) return;
    if (this.#options.tls !== undefined) {
      this.#secureContext ??= tls.createSecureContext(this.#options.tls); // one, so that sessions can be resumed
      connection.stream = new tls.TLSSocket(connection.tcp, { isServer: true, secureContext: this.#secureContext });
      connection.stream.on('error', () => {});
    }

    let text = '';
    let work: Promise<unknown> = Promise.resolve();
    connection.stream.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      for (let length = text.indexOf('\r\n\r\n'); length >= 0; length = text.indexOf('\r\n\r\n')) {
        const steps = this.#receive(text.slice(0, length), number);
        text = text.slice(length + 4);
        work = work.then(() => run(connection, steps));
      }
    });
  }

  #receive(head: string, connection: number): readonly Step[] {
    const [first = '', ...lines] = head.split('\r\n');
    const [method = '', target = ''] = first.split(' ');
    const { pathname, searchParams } = new URL(target, 'http://scripted');
    const headers = Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );
    const at = performance.now();
    const request = { method, target, path: pathname, query: searchParams, headers, connection, at };
    this.requests.push(request);
    this.#events.emit('request');
    if (typeof this.#script === 'function') return this.#script(request);
    return this.#script[this.requests.length - 1] ?? this.#script.at(-1) ?? [];
  }
}

async function run(connection: Connection, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (connection.tcp.destroyed) return;
    await step(connection);
  }
}

const running = new Set<ScriptedServer>();

/** Starts a server that `closeServers` closes. */
export async function startServer(script: Script, options: ServerOptions = {}): Promise<ScriptedServer> {
  const server = new ScriptedServer(script, options);
  await server.listen();
  running.add(server);
  return server;
}

/** Closes every server, and with it the idle connections of the clients. Fails when a socket is left open all the same. */
export async function closeServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.close()));
  running.clear();
  const deadline = performance.now() + 2_000;
  while (openSockets() > foreignSockets) {
    if (performance.now() > deadline) throw new Error(`${openSockets() - foreignSockets} sockets were left open`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Sockets that were there before any test: those of whoever runs the tests. */
const foreignSockets = openSockets();

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
}
