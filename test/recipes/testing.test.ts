import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { executablePath, leftOut } from '../../example-express/test/support/chromium-path.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
const vitestFolder = join(root, 'node_modules', '.cache', 'vitest3');
const vitest = join(vitestFolder, 'node_modules', 'vitest', 'vitest.mjs');

/** Runs a program, and gives what it printed, whether it succeeded or not. */
async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; shell?: boolean } = {},
): Promise<{ ok: boolean; printed: string }> {
  // It is no part of the coverage, and colours would hide what it says.
  const env = { ...process.env, NODE_V8_COVERAGE: undefined, FORCE_COLOR: undefined, NO_COLOR: '1', ...options.env };
  return new Promise((resolve) => {
    const { cwd = root, shell = false } = options;
    execFile(command, args, { cwd, env, shell }, (error, stdout, stderr) => {
      resolve({ ok: error === null, printed: `${stdout}${stderr}` });
    });
  });
}

/** vitest has binaries for each platform, which one lock file cannot hold for all; so it comes when it is needed. */
async function installVitest(): Promise<void> {
  if (existsSync(vitest)) return;
  mkdirSync(vitestFolder, { recursive: true });
  writeFileSync(join(vitestFolder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', 'vitest@3'];
  const cli = process.env['npm_execpath'];
  // It asks its registry, which the network guard of the tests would refuse.
  const options = { cwd: vitestFolder, env: { NODE_OPTIONS: '' } };
  const { ok, printed } = cli?.endsWith('npm-cli.js')
    ? await run(process.execPath, [cli, ...args], options)
    : await run('npm', args, { ...options, shell: process.platform === 'win32' });
  assert.ok(ok, printed);
}

describe("the recipes for a user's own tests", function () {
  this.timeout(180_000);

  const recipe = (name: string): string => `docs/recipes/testing/login.${name}.test.mjs`;
  const runMocha = async (name: string, env: NodeJS.ProcessEnv = {}): ReturnType<typeof run> =>
    run(process.execPath, [mocha, '--no-config', recipe(name)], { env });

  it('pass in mocha', async () => {
    const { ok, printed } = await runMocha('mocha');
    assert.match(printed, /2 passing/);
    assert.ok(ok, printed);
  });

  it('pass in a browser', async function () {
    if (leftOut !== undefined || executablePath === undefined) {
      console.log(`    left out: ${leftOut ?? ''}`);
      this.skip();
    }
    const { ok, printed } = await runMocha('playwright', { CHROMIUM_PATH: executablePath });
    assert.match(printed, /1 passing/);
    assert.ok(ok, printed);
  });

  it('pass in vitest', async function () {
    if (!process.env['CI'] && !existsSync(vitest)) {
      console.log('    left out: vitest is installed for this test when CI is set');
      this.skip();
    }
    await installVitest();
    const { ok, printed } = await run(process.execPath, [vitest, 'run', recipe('vitest')]);
    assert.match(printed, /Tests {2}2 passed/);
    assert.ok(ok, printed);
  });
});
