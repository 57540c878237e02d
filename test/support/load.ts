import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** How a login ends that nobody answers, and soon: the others have more time than they need on any machine. */
export type Haste = 'abort' | 'timeout';

/** Logins to make. The part of a code before its hyphen is its kind. */
export interface Logins {
  codes: string[];
  /** How many are made at the same time. */
  workers: number;
  /** The kinds that have little time. */
  hasty: Record<string, Haste>;
}

/** For each kind of login what came of it, and how often. */
export type Outcomes = Record<string, Record<string, number>>;

/** What is left in the process while nobody is logging in. */
export interface Measurement {
  /** Of the heap, after a garbage collection, and of buffers outside of it. */
  bytes: number;
  /** Open file descriptors. Only known on Linux. */
  files: number | undefined;
  /** Connections to WeChat that are still open. */
  sockets: number;
  /** What Node.js waits for: timers, sockets, requests. */
  resources: string[];
  /** On the signal that served every login. */
  signalListeners: number;
  processListeners: number;
  /** The most listeners that one event of one socket ever had. */
  mostListeners: number;
  warnings: string[];
}

export interface Order {
  prepare?: {
    baseUrl: string;
    transport: string;
    /** How much time is little, in ms. */
    haste: Record<Haste, number>;
  };
  logins?: Logins;
}

const running = new Set<ChildProcess>();

/** A process of its own that logs visitors in, so that what it leaks can be told from what the tests use. */
export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<undefined>;

  constructor() {
    const script = fileURLToPath(new URL('load-main.ts', import.meta.url));
    // The loader of TypeScript still uses what Node.js 26 warns about.
    const execArgv = ['--expose-gc', '--disable-warning=DEP0205', '--import=ts-blank-space/register'];
    this.#child = fork(script, { execArgv });
    this.#ended = once(this.#child, 'exit').then(() => undefined);
    running.add(this.#child);
  }

  /** Makes the client and the strategy, and measures what there is before the first login. */
  prepare(settings: NonNullable<Order['prepare']>): Promise<Measurement> {
    return this.#carryOut<Measurement>({ prepare: settings });
  }

  logIn(logins: Logins): Promise<Outcomes> {
    return this.#carryOut<Outcomes>({ logins });
  }

  /** To be called when the server has closed the idle connections. */
  measure(): Promise<Measurement> {
    return this.#carryOut<Measurement>({});
  }

  async #carryOut<Report>(order: Order): Promise<Report> {
    this.#child.send(order);
    const report = await Promise.race([once(this.#child, 'message') as Promise<[Report]>, this.#ended]);
    assert.ok(report, 'the process that logs in has ended');
    return report[0];
  }
}

export function killLoad(): void {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
}
