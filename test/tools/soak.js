/**
 * Runs the tests of trust for as long as one likes: each transport is under load for the minutes that are given, and
 * every property gets many runs. Mocha's options may follow.
 *
 *     npm run test:soak              five minutes for each transport
 *     npm run test:soak -- 60        an hour
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const [first = '', ...rest] = process.argv.slice(2);
const minutes = /^\d+(?:\.\d+)?$/.test(first) ? first : '5';
const options = minutes === first ? rest : process.argv.slice(2);

const args = ['--no-config', '--import=ts-blank-space/register', '--require=./test/tools/network-guard.js'];
args.push('--timeout=3600000', '--fail-zero', ...options, 'test/trust/**/*.test.ts');

const { status } = spawnSync(process.execPath, ['node_modules/mocha/bin/mocha.js', ...args], {
  cwd: fileURLToPath(new URL('../..', import.meta.url)),
  env: { TRUST_RUNS: '10000', ...process.env, SOAK_MINUTES: minutes },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
