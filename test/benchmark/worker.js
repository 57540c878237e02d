/**
 * Runs one subject, in a process of its own. Says that it is ready, and then obeys orders: it logs in, so many at once,
 * for so long, and reports what that took.
 */
import { performance } from 'node:perf_hooks';
import process from 'node:process';

import { subjects } from './subjects.js';

/**
 * @typedef {object} Order
 * @property {number} atOnce
 * @property {number} [cpu] the end after so many ms of CPU time, which other programs on the machine do not change
 * @property {number} [duration] the end after so many ms
 * @property {number} [logins] the end after so many
 */
/** @typedef {{ logins: number, perSecond: number, cpu: number, p50: number, p99: number, heap: number, peak: number }} Report */

const subject = subjects.find(({ name }) => name === process.argv[2]);
if (!subject) throw new Error(`There is no ${String(process.argv[2])}`);
const login = await subject.load(await import(subject.package));

let count = 0;
async function logIn() {
  count += 1;
  const openid = await login(`code${count.toString(36).padStart(28, '0')}`);
  if (openid !== 'oLVPpjqs9BhvzwPj5A-vTYAX3GLc') throw new Error(`logged in as ${String(openid)}`);
}

/** In ms. @param {NodeJS.CpuUsage} before */
function cpuSince(before) {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** @param {Order} order @returns {Promise<Report>} */
async function carryOut({ atOnce, cpu = Infinity, duration = Infinity, logins = Infinity }) {
  /** @type {number[]} */
  const took = [];
  const start = performance.now();
  const cpuBefore = process.cpuUsage();
  let made = 0;
  let ended = false;
  let lastLook = start;
  const one = async () => {
    for (;;) {
      const now = performance.now();
      ended ||= made >= logins || now - start >= duration;
      // To look at the CPU time is dear.
      if (now - lastLook > 50) {
        lastLook = now;
        ended ||= cpuSince(cpuBefore) >= cpu;
      }
      if (ended) return;
      made += 1;
      await logIn();
      took.push(performance.now() - now);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  const cpuTime = cpuSince(cpuBefore);
  const seconds = (performance.now() - start) / 1000;
  took.sort((a, b) => a - b);
  globalThis.gc?.();
  return {
    logins: took.length,
    perSecond: took.length / seconds,
    cpu: cpuTime / took.length,
    p50: took[Math.floor(took.length * 0.5)] ?? NaN,
    p99: took[Math.floor(took.length * 0.99)] ?? NaN,
    heap: process.memoryUsage().heapUsed / 2 ** 20,
    peak: process.resourceUsage().maxRSS / 1024,
  };
}

await logIn();
process.on('message', async (order) => process.send?.(await carryOut(/** @type {Order} */ (order))));
process.on('disconnect', () => process.exit());
process.send?.('ready');
