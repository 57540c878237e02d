/**
 * Does what a newcomer does: `npm start`, waits for the address it prints, opens it, and stops it again. Fails when one
 * of these does not happen in time. Needs process groups, which Windows does not have.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

const START_MS = 120_000; // it may build first
const STOP_MS = 15_000;

const child = spawn('npm', ['start'], {
  detached: true, // a process group of its own, so that stopping reaches what npm started
  env: { ...process.env, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const closed = once(child, 'close');
const group = -(child.pid ?? 0);

/** @returns {Promise<string>} the address */
const started = () =>
  new Promise((resolve, reject) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => {
      process.stdout.write(chunk);
      output += chunk;
      const address = /^The service is at (https?:\/\/\S+)/m.exec(output)?.[1];
      if (address) resolve(address);
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error('npm start ended without saying "The service is at ..."')));
  });

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @param {string} message
 */
async function within(ms, promise, message) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

try {
  const address = await within(START_MS, started(), 'npm start did not say where the service is');
  const answer = await fetch(new URL('/healthz', address), { signal: AbortSignal.timeout(10_000) });
  if (answer.status !== 200) throw new Error(`GET /healthz answered ${answer.status} ${await answer.text()}`);
  await answer.text(); // or the connection stays in use, and stopping waits for it
  process.kill(group, 'SIGTERM');
  await within(STOP_MS, closed, 'npm start did not stop after SIGTERM');
  console.log(`\nnpm start: served ${address} and stopped`);
} finally {
  try {
    process.kill(group, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}
