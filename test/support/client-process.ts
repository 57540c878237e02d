import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { HttpOptions } from '../../src/index.js';

/** An exchange that the process is to make. */
export interface Order {
  /** Of the client: the same options on the same transport are the same client. */
  http: HttpOptions;
  /** The name of its transport. */
  transport: string;
  code: string;
  /** Aborts it after so many ms, by a signal of the caller. */
  abortAfter?: number;
  /** Whether that signal is one that nobody holds but the call itself. */
  abandoned?: boolean;
  /** Collects the garbage all the time meanwhile. */
  gc?: boolean;
}

/** How it ended. */
export interface Report {
  openid?: string;
  error?: Readonly<Record<string, unknown>>;
  milliseconds: number;
}

/** A process of its own with clients in it, for what depends on the environment or the command line. */
export class ClientProcess {
  readonly #child: ChildProcess;
  readonly #reports: AsyncIterator<string>;
  #stderr = '';

  constructor(env: Readonly<Record<string, string>> = {}, flags: readonly string[] = []) {
    const script = fileURLToPath(new URL('client-process-main.ts', import.meta.url));
    const args = [...flags, '--import=ts-blank-space/register', script];
    this.#child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    const { stdout, stderr } = this.#child;
    assert.ok(stdout !== null && stderr !== null);
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#reports = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Makes an exchange. */
  async exchange(order: Order): Promise<Report> {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
    const line = await this.#reports.next();
    assert.ok(line.done !== true, `the process has ended: ${this.#stderr}`);
    return JSON.parse(line.value) as Report;
  }

  /** Gives the process nothing more to do, and waits for its end. Fails unless it ends well. */
  async end(): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const [status] = (await exit) as [number | null];
    assert.equal(status, 0, this.#stderr);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const running = new Set<ClientProcess>();

/** Starts a process that `killClients` ends. */
export function startClient(...parameters: ConstructorParameters<typeof ClientProcess>): ClientProcess {
  const client = new ClientProcess(...parameters);
  running.add(client);
  return client;
}

export function killClients(): void {
  for (const client of running) client.kill();
  running.clear();
}
