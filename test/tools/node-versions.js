/**
 * Runs the test suite, and nothing but it, on every Node version that is supported, each taken from the npm registry;
 * and the part that is about the library with got 16 in place of got 14, which a user can force with an override.
 * `package.json`, the lock file and the installed packages stay as they are. The tests of the page, the documents, the
 * package and the benchmark are left out: they are not about Node.js, and `npm test` runs them. Four versions run at a
 * time, because the tests wait more than they compute.
 *
 *     node test/tools/node-versions.js                 everything
 *     node test/tools/node-versions.js 22 24+got16     some of it
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** @typedef {{ fullTitle: string, err: { message?: string, stack?: string } }} Failure */
/** @typedef {{ stats: { passes: number, failures: number, pending: number }, failures: Failure[] }} MochaReport */
/** @typedef {{ name: string, node: string, got: string, passed: number, failed: number, skipped: number, ok: boolean }} Row */

const everything = ['20', '22', '22+got16', '24', '24+got16', '26', '26+got16'];

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, 'node_modules', '.cache');
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const got16 = join(cache, 'got16');
const hook = new URL('got16-hook.js', import.meta.url).href;

/** @param {string[]} args @param {string} cwd */
function npm(args, cwd = root) {
  const cli = process.env['npm_execpath'];
  const [command, before] = cli?.endsWith('npm-cli.js') ? [process.execPath, [cli]] : ['npm', []];
  const shell = command === 'npm' && process.platform === 'win32'; // npm is a batch file there
  const { status, error, stdout, stderr } = spawnSync(command, [...before, ...args], { cwd, shell, encoding: 'utf8' });
  if (status !== 0) throw error ?? new Error(`npm ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout.trim();
}

/** @param {string} directory a project with got installed */
function gotVersion(directory) {
  /** @type {{ version: string }} */
  const { version } = JSON.parse(readFileSync(join(directory, 'node_modules', 'got', 'package.json'), 'utf8'));
  return version;
}

function installGot16() {
  mkdirSync(got16, { recursive: true });
  writeFileSync(join(got16, 'package.json'), '{ "private": true }\n');
  npm(['install', '--no-save', '--no-audit', '--no-fund', 'got@16'], got16);
}

/** @param {string} file @returns {MochaReport | undefined} */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Runs a program to its end, or for a quarter of an hour at most. Gives what it said last.
 *
 * @param {string} binary @param {string[]} args @param {string[]} nodeOptions
 * @returns {Promise<{ status: number | null, output: string }>}
 */
function execute(binary, args, nodeOptions) {
  return new Promise((resolve, reject) => {
    // Mocha starts a process of its own, hence the variable.
    const env = { ...process.env, NODE_OPTIONS: nodeOptions.join(' ') };
    const child = spawn(binary, args, { cwd: root, env, timeout: 15 * 60_000, killSignal: 'SIGINT' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => (output = (output + text).slice(-100_000)));
    }
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output }));
  });
}

/** @param {string} name @returns {Promise<Row>} */
async function run(name) {
  const [version, withGot16] = name.split('+');
  const reportFile = join(cache, `mocha-report-${name}.json`);
  const nodeOptions = [process.env['NODE_OPTIONS'] ?? ''];
  // The loader of the TypeScript files still uses module.register(), which Node 26 warns about.
  nodeOptions.push('--disable-warning=DEP0205');
  const left = [
    'example-express/test/page.test.ts',
    'test/documents.test.ts',
    'test/benchmark/**',
    'test/package.test.ts',
  ];
  if (withGot16) {
    nodeOptions.push(`--import=${hook}`);
    // The built package has the got that it declares, and nothing else here calls got.
    left.push('test/simulator/**', 'test/recipes/**', 'test/cli.test.ts', 'example-express/**');
  }
  const args = [mocha, '--fail-zero', '--reporter=json', `--reporter-option=output=${reportFile}`];
  args.push(...left.map((pattern) => `--ignore=${pattern}`));
  const binary = npm(['exec', '--yes', `--package=node@${version}`, '--', 'node', '-p', 'process.execPath']);
  const node = spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout.trim();
  const got = gotVersion(withGot16 ? got16 : root);
  console.log(`Node ${node} with got ${got} ...`);

  rmSync(reportFile, { force: true });
  const { status, output } = await execute(binary, args, nodeOptions);
  const report = readReport(reportFile);
  const { passes = 0, failures = 0, pending = 0 } = report?.stats ?? {};
  const ok = status === 0 && passes > 0 && failures === 0;
  if (!ok) {
    console.log(`\nNode ${node} with got ${got}: exit code ${status}`);
    for (const { fullTitle, err } of report?.failures ?? []) {
      console.log(`\n  failed: ${fullTitle}\n${err.stack ?? err.message ?? ''}`);
    }
    console.log(output);
  }
  // A run that broke off without a failed test counts as one.
  return { name, node, got, passed: passes, failed: ok ? 0 : Math.max(failures, 1), skipped: pending, ok };
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : everything;
const unknown = chosen.filter((name) => !everything.includes(name));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. There are: ${everything.join(', ')}.`);
  process.exit(2);
}

mkdirSync(cache, { recursive: true });
if (chosen.some((name) => name.includes('+'))) installGot16();
/** @type {Row[]} */
const rows = [];
const waiting = chosen.values();
const work = async () => {
  for (const name of waiting) rows.push(await run(name));
};
await Promise.all([work(), work(), work(), work()]);
rows.sort((one, other) => chosen.indexOf(one.name) - chosen.indexOf(other.name));
console.log();
console.table(
  Object.fromEntries(
    rows.map(({ name, ok, ...row }) => [`Node ${name}`, { ...row, result: ok ? 'passed' : 'FAILED' }]),
  ),
);
/** @param {'passed' | 'failed' | 'skipped'} key */
const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
const skipped = sum('skipped');
console.log(`${sum('passed')} passed, ${sum('failed')} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
