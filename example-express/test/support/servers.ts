import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

import pg from 'pg';

const NOBODY = 65_534;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server that can be taken away and brought back, with its data and its address. */
export class Server {
  readonly url: string;
  readonly #command: readonly [string, ...string[]];
  readonly #ready: RegExp;
  #child: ChildProcess | undefined;

  constructor(url: string, ready: RegExp, ...command: [string, ...string[]]) {
    this.url = url;
    this.#ready = ready;
    this.#command = command;
  }

  /** Settles when it takes connections. */
  async start(): Promise<void> {
    const [file, ...args] = this.#command;
    const child = spawn(file, args, { ...unprivileged(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    running.add(child);
    let output = '';
    await new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (this.#ready.test(output)) resolve();
        });
      }
      child.once('error', reject);
      child.once('exit', () => {
        running.delete(child);
        this.#child = undefined;
        reject(new Error(`${file} ended:\n${output}`));
      });
    });
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    if (this.#child === undefined) return;
    const gone = once(this.#child, 'exit');
    this.#signal('SIGKILL');
    await gone;
  }

  /** Makes it silent: connections stay, nothing is answered. */
  freeze(): void {
    this.#signal('SIGSTOP');
  }

  thaw(): void {
    this.#signal('SIGCONT');
  }

  /** To the server and its children: PostgreSQL has one for each connection. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    process.kill(pid, signal);
    spawnSync('pkill', ['--signal', signal, '--parent', String(pid)]);
  }
}

/** The PostgreSQL and the Redis of all suites. A suite may take them away, if it brings them back. */
export interface Servers {
  readonly postgres: Server;
  readonly redis: Server;
  /** The settings that make a service use them: with a database of its own in each, empty. */
  readonly env: { DATABASE_URL: string; REDIS_URL: string };
}

const missing = ['initdb', 'postgres', 'redis-server'].filter((name) => tryFind(name) === undefined);
const DATABASES = 64;
let started: ReturnType<typeof startServers> | undefined;
let databases = 0;

// Of the whole run: starting them for each suite would take longer than most suites.
after(async () => {
  await (await started)?.stop();
});

/** Databases for one suite, on servers that are started for the first one. */
async function openServers(): Promise<Servers> {
  const { postgres, redis } = await (started ??= startServers());
  databases += 1;
  assert.ok(databases < DATABASES);
  const name = `suite${databases}`;
  const client = new pg.Client(`${postgres.url}/postgres`);
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return {
    postgres,
    redis,
    env: { DATABASE_URL: `${postgres.url}/${name}`, REDIS_URL: `${redis.url}/${databases}` },
  };
}

/** Stores for a suite that is not about them: real ones where they are installed, because they start in no time. */
export async function anyStores(): Promise<Record<string, string>> {
  return missing.length > 0 ? {} : (await openServers()).env;
}

async function startServers(): Promise<{ postgres: Server; redis: Server; stop: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'example-express-'));
  const { uid, gid } = unprivileged();
  if (uid !== undefined && gid !== undefined) await chown(directory, uid, gid);

  const data = join(directory, 'postgres');
  const initdb = [
    '--pgdata',
    data,
    '--username=postgres',
    '--auth=trust',
    '--no-sync',
    '--encoding=UTF8',
    '--locale=C',
  ];
  execFileSync(find('initdb'), initdb, { ...unprivileged(), stdio: ['ignore', 'ignore', 'pipe'] });
  const [postgresPort, redisPort] = [await freePort(), await freePort()];
  const settings = { port: postgresPort, listen_addresses: '127.0.0.1', unix_socket_directories: '', fsync: 'off' };
  const postgres = new Server(
    `postgres://postgres@127.0.0.1:${postgresPort}`,
    /database system is ready to accept connections/,
    find('postgres'),
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  );
  const redis = new Server(
    `redis://127.0.0.1:${redisPort}`,
    /Ready to accept connections/,
    find('redis-server'),
    ...[
      '--port',
      String(redisPort),
      '--bind',
      '127.0.0.1',
      '--dir',
      directory,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--databases',
      String(DATABASES),
    ],
  );
  const stop = async (): Promise<void> => {
    await Promise.all([postgres.kill(), redis.kill()]);
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    await Promise.all([postgres.start(), redis.start()]);
  } catch (error) {
    await stop(); // or the other one would keep the run of the tests from ending
    throw error;
  }
  return { postgres, redis, stop };
}

/** Tests that need real servers. Where there are none they are left out, and the report says why; in CI that is a failure. */
export function describeWithServers(title: string, tests: (servers: () => Servers) => void): void {
  const leftOut = missing.length > 0 && process.env['CI'] !== 'true';
  const reason = leftOut ? ` (left out, because these are not installed: ${missing.join(', ')})` : '';
  (leftOut ? describe.skip : describe)(title + reason, () => {
    let servers: Servers | undefined;
    before(async function () {
      this.timeout(60_000);
      servers = await openServers();
    });
    tests(() => {
      if (servers === undefined) throw new Error('The servers are there from before() on');
      return servers;
    });
  });
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  return process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
}

function find(name: string): string {
  const path = tryFind(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

function tryFind(name: string): string | undefined {
  // Debian keeps PostgreSQL's programs out of PATH, one folder for each version.
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, 'bin')) : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...versions];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/**
 * A port that is free, and stays so while a server is away that comes back on it: it is below those which systems give
 * out by themselves.
 */
async function freePort(): Promise<number> {
  const server = createServer();
  for (;;) {
    try {
      await once(server.listen(randomInt(12_000, 32_000), '127.0.0.1'), 'listening');
    } catch {
      continue; // somebody has it
    }
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  }
}
