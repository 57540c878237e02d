/**
 * Measures what a login costs, here and elsewhere, against one mock of WeChat over TLS on this machine:
 *
 *     npm run bench                  everything, some eight minutes: writes results-node-*.md, the same as JSON, and a plot
 *     npm run bench -- undici        what has this in its name, and the floor: writes nothing
 *     npm run bench -- --smoke       a moment of each, to see that it works: writes nothing
 *
 * Each subject runs in a process of its own, and they take turns: what the machine does meanwhile meets all of them.
 * Other packages than ours are measured when they are installed: `npm ci --prefix test/benchmark`.
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

import { plot } from './plot.js';
import { table } from './report.js';
import { floor, subjects } from './subjects.js';

/** @typedef {import('./worker.js').Order} Order */
/** @typedef {import('./worker.js').Report} Report */
/** @typedef {{ middle: number, least: number, most: number }} Spread */
/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} version
 * @property {Spread} cpu ms of CPU time for a login, 16 at once
 * @property {Spread} timesFloor the same as a multiple of the first subject's in the same round
 * @property {Record<string, Spread>} perSecond logins in a second, by how many are under way at once
 * @property {Spread} p50 ms, 16 at once
 * @property {Spread} p99 ms, 16 at once
 * @property {number} handshakes for a login, warm
 * @property {number} peak of memory, in MB
 * @property {Spread} importTime ms
 * @property {number} slowNetwork p50 in ms when every round trip takes 50 ms, 4 at once
 */

const smoke = process.argv.includes('--smoke');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const rounds = smoke ? 1 : 3;
/** Of one measurement, in ms. */
const duration = smoke ? 40 : 500;
/** Logins at once, for the throughput. */
const levels = [1, 16, 64, 512];
const plain = { ...process.env, NODE_V8_COVERAGE: undefined, NODE_OPTIONS: undefined };

/** @param {any[]} values @returns {Spread} */
function spread(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return { middle: sorted[Math.floor(sorted.length / 2)], least: sorted[0], most: sorted.at(-1) };
}

/**
 * Starts a module of this folder as a process, and waits for its first message.
 *
 * @param {string} name
 * @param {string[]} [args]
 * @param {import('node:child_process').ForkOptions} [options]
 */
async function start(name, args = [], options = {}) {
  const child = fork(fileURLToPath(new URL(name, import.meta.url)), args, { env: plain, ...options });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${[name, ...args].join(' ')} has ended`);
  });
  ended.catch(() => undefined); // when it is stopped, nobody waits for it
  const next = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  return {
    message: await next(),
    /** Sends a message, and waits for the answer. @param {any} question */
    ask: (question) => {
      child.send(question);
      return next();
    },
    stop: () => child.kill(),
  };
}

/** The version of a package, or undefined when it is not installed. @param {string} specifier */
function versionOf(specifier) {
  if (specifier.startsWith('node:')) return process.version;
  if (specifier.startsWith('file:')) return createRequire(import.meta.url)('../../package.json').version;
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    try {
      return createRequire(import.meta.url)(`${folder}/${name}/package.json`).version;
    } catch {
      // Perhaps in the next one.
    }
  }
  return undefined;
}

/** How long an import takes, in ms, in a process that has imported nothing. @param {string} specifier */
function importTime(specifier) {
  const code = `const start = performance.now(); await import(${JSON.stringify(specifier)}); console.log(performance.now() - start)`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: plain,
    encoding: 'utf8',
  });
  return Number(stdout);
}

const installed = subjects.filter(({ package: specifier }) => versionOf(specifier) !== undefined);
for (const { name } of subjects.filter((subject) => !installed.includes(subject))) {
  console.log(`left out, because it is not installed (npm ci --prefix test/benchmark): ${name}`);
}

const wechat = await start('wechat.js');
const redirect = new URL('redirect.js', import.meta.url).href;
const env = {
  ...plain,
  MOCK_PORT: String(wechat.message),
  NODE_EXTRA_CA_CERTS: fileURLToPath(new URL('cert.pem', import.meta.url)),
};
const startWorker = (/** @type {string} */ name, /** @type {string[]} */ ...flags) =>
  start('worker.js', [name], { env, execArgv: [`--import=${redirect}`, ...flags] });

/** Lets each subject do something in turn, in another order each round. */
async function inTurn(/** @type {number} */ times, /** @type {(subject: Running) => Promise<void>} */ act) {
  for (let round = 0; round < times; round += 1) {
    for (let n = 0; n < running.length; n += 1) {
      const subject = running[(n + round) % running.length];
      if (subject) await act(subject);
    }
    process.stdout.write('.');
  }
}

/** @typedef {{ name: string, version: string, package: string, ask: (order: Order) => Promise<Report>, stop: () => void, logins: Report[], perSecond: Record<number, number[]>, handshakes: number[], slow: Report[] }} Running */
/** @type {Running[]} */
const running = await Promise.all(
  installed
    .filter(({ name }) => wanted.length === 0 || name === floor || wanted.some((part) => name.includes(part)))
    .map(async ({ name, package: specifier }) => ({
      name,
      version: versionOf(specifier),
      package: specifier,
      ...(await startWorker(name)),
      logins: [],
      perSecond: {},
      handshakes: [],
      slow: [],
    })),
);

// While the others take their turns a subject closes its connections, and the garbage collector throws away its compiled
// code: got then costs three times as much for two seconds. No busy service is in that state, so each turn begins with
// more than that.
await inTurn(rounds, async ({ ask, logins, handshakes, perSecond }) => {
  await ask({ atOnce: 16, cpu: 6 * duration });
  const before = (await wechat.ask(0)).handshakes;
  const report = await ask({ atOnce: 16, cpu: duration });
  handshakes.push(((await wechat.ask(0)).handshakes - before) / report.logins);
  logins.push(report);
  for (const atOnce of levels) {
    await ask({ atOnce, duration: duration / 4 });
    (perSecond[atOnce] ??= []).push((await ask({ atOnce, duration })).perSecond);
  }
});

await inTurn(1, async ({ ask, slow }) => {
  await ask({ atOnce: 16, cpu: 6 * duration });
  await wechat.ask(50);
  await ask({ atOnce: 4, logins: 4 });
  slow.push(await ask({ atOnce: 4, duration: smoke ? 150 : 2_000 }));
  await wechat.ask(0);
});
const peaks = [];
for (const { ask } of running) peaks.push((await ask({ atOnce: 1, logins: 1 })).peak);
for (const { stop } of running) stop();

const floorCpu = (running[0]?.logins ?? []).map(({ cpu }) => cpu);
/** @type {Map<string, number[]>} */
const importTimes = new Map(running.map(({ package: specifier }) => [specifier, []]));
for (let round = 0; round < (smoke ? 1 : 15); round += 1) {
  for (const [specifier, times] of importTimes) times.push(importTime(specifier));
}
/** @type {Result[]} */
const results = [];
for (const [n, { name, version, package: specifier, logins, perSecond, handshakes, slow }] of running.entries()) {
  const of = (/** @type {keyof Report} */ key) => logins.map((report) => report[key]);
  results.push({
    name,
    version,
    cpu: spread(of('cpu')),
    timesFloor: spread(of('cpu').map((cpu, round) => cpu / (floorCpu[round] ?? NaN))),
    perSecond: Object.fromEntries(levels.map((atOnce) => [atOnce, spread(perSecond[atOnce] ?? [])])),
    p50: spread(of('p50')),
    p99: spread(of('p99')),
    handshakes: spread(handshakes).middle,
    peak: peaks[n] ?? NaN,
    importTime: spread(importTimes.get(specifier) ?? []),
    slowNetwork: slow[0]?.p50 ?? NaN,
  });
}

const ours = wanted.length > 0 ? [] : ['passport-wechat-code on undici', 'passport-wechat-code'];
/** How the cost moves with the number of logins at once, in fresh processes. */
const scaling = [];
for (const name of ours) {
  for (const atOnce of smoke ? [1] : [1, 10, 100, 1000]) {
    const worker = await startWorker(name);
    await worker.ask({ atOnce, logins: smoke ? atOnce : 1_000 });
    const { cpu, peak } = await worker.ask({ atOnce, logins: smoke ? atOnce : 3_000 });
    scaling.push({ name, atOnce, cpu, peak });
    worker.stop();
  }
}
/** And whether anything is left of many logins. */
const endurance = [];
for (const name of ours) {
  const worker = await startWorker(name, '--expose-gc');
  for (const logins of smoke ? [50, 50] : [1_000, 99_000]) {
    const { heap } = await worker.ask({ atOnce: 64, logins });
    endurance.push({ name, logins, heap, connections: (await wechat.ask(0)).open });
    process.stdout.write('.');
  }
  worker.stop();
}
wechat.stop();
const tracing = await start('tracing.js', smoke ? ['--smoke'] : []);
tracing.stop();

const machine = {
  node: process.version,
  cpu: os.cpus()[0]?.model ?? '',
  cores: os.availableParallelism(),
  platform: `${os.platform()} ${os.arch()}`,
};
const measured = { machine, results, scaling, endurance, tracing: tracing.message };
const text = table(measured);
console.log(`\n\n${text}`);
if (!smoke && wanted.length === 0) {
  const write = (/** @type {string} */ path, /** @type {string} */ content) =>
    writeFileSync(new URL(path, import.meta.url), content);
  const name = `node-${process.versions.node.split('.')[0]}`;
  write(`results-${name}.md`, text);
  write(`results-${name}.json`, `${JSON.stringify(measured, undefined, 2)}\n`);
  mkdirSync(new URL('../../docs/images/', import.meta.url), { recursive: true });
  write(`../../docs/images/benchmark-${name}.svg`, plot(results));
}
