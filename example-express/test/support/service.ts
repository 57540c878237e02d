import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const server = fileURLToPath(new URL('../../src/server.ts', import.meta.url));
const loader = import.meta.resolve('ts-blank-space/register');

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The service in a process of its own. */
export interface Service {
  /** What it printed as its address. */
  readonly url: string;
  /** Everything it wrote so far, to stdout and stderr. */
  readonly output: string;
  /** Settles when the process is gone. */
  readonly exited: Promise<Exit>;
  /** Asks it to stop, and waits until it has. */
  stop(): Promise<Exit>;
  /** Ends it at once, as a crash of the machine would. */
  kill(): Promise<Exit>;
}

/** Starts the service with these settings and no others, on a free port. Rejects with what it printed if it ends instead. */
export async function startService(env: Record<string, string> = {}): Promise<Service> {
  const run = runService(env);
  const { child, exited } = run;
  const url = await new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const address = /^The service is at (http\S+)/m.exec(run.output)?.[1];
      if (address !== undefined) resolve(address);
    };
    child.stdout.on('data', look);
    void exited.then(({ code }) => {
      reject(new Error(`The service ended with ${code}:\n${run.output}`));
    });
  });
  const end = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exited;
  };
  return {
    url,
    get output() {
      return run.output;
    },
    exited,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** Runs the service with these settings and no others. */
export function runService(env: Record<string, string>) {
  // DEP0205: the loader of the TypeScript files still uses module.register(), which Node 26 warns about.
  const child = spawn(process.execPath, ['--disable-warning=DEP0205', '--import', loader, server], {
    // NODE_OPTIONS is how a run of the tests asks for another version of a package.
    // Coverage, which Node hands on unasked, is about the library: measuring it here only makes the service slow.
    env: { PORT: '0', NODE_OPTIONS: process.env['NODE_OPTIONS'] ?? '', NODE_V8_COVERAGE: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exited = once(child, 'close').then((end): Exit => {
    const [code, signal] = end as [Exit['code'], Exit['signal']];
    return { code, signal };
  });
  return {
    child,
    exited,
    get output() {
      return output;
    },
  };
}
