import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

const root = new URL('../../', import.meta.url);
const folder = new URL('docs/recipes/', root);

/** A recipe that runs as a program of its own. */
export interface RunningRecipe {
  readonly url: string;
  /** All that it has printed so far. */
  readonly printed: () => string;
  /** Waits until it has printed a text: an answer can come before the line about it. */
  readonly prints: (text: string) => Promise<void>;
}

const children = new Set<ChildProcess>();

/** Runs a recipe, on any free port. `stopRecipes` ends it. */
export async function runRecipe(
  name: string,
  options: {
    env: Readonly<Record<string, string>>;
    flags?: readonly string[];
    /** What its guide says that one may write otherwise. */
    change?: (text: string) => string;
  },
): Promise<RunningRecipe> {
  const child = spawn(
    process.execPath,
    [
      '--import=ts-blank-space/register',
      ...(options.flags ?? []),
      fileURLToPath(new URL('recipe-main.ts', import.meta.url)),
      (name === 'nestjs.ts' ? compile(name, options.change) : new URL(name, folder)).href,
    ],
    {
      // They are no part of the coverage.
      env: { ...process.env, NODE_V8_COVERAGE: undefined, PORT: '0', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(child, 'close').then(() => assert.fail(`the recipe ended: ${output}`));
  ended.catch(() => undefined); // when it is stopped, nobody waits for it
  const [port] = (await Promise.race([once(child, 'message'), ended])) as [number];
  return {
    url: `http://localhost:${String(port)}`,
    printed: () => output,
    prints: async (text) => {
      const deadline = Date.now() + 10_000;
      while (!output.includes(text) && Date.now() < deadline) await sleep(10);
      assert.ok(output.includes(text), output);
    },
  };
}

/** Ends all recipes. */
export async function stopRecipes(): Promise<void> {
  for (const child of children) {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
  }
  children.clear();
}

/** Decorators are more than types, so this recipe is compiled, as its own tsconfig.json says, with all that begins alike. */
function compile(name: string, change = (text: string) => text): URL {
  const config = ts.getParsedCommandLineOfConfigFile(
    fileURLToPath(new URL('tsconfig.json', folder)),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (problem) =>
        assert.fail(ts.flattenDiagnosticMessageText(problem.messageText, '\n')),
    },
  );
  assert.ok(config);
  // Beneath node_modules, so that it imports what a user imports: the built package, by its name.
  const output = new URL(`node_modules/.cache/recipes/${process.pid}/`, root);
  mkdirSync(output, { recursive: true });
  writeFileSync(new URL('package.json', output), '{ "type": "module" }');
  for (const file of readdirSync(folder).filter((each) => each.startsWith(name.replace('.ts', '')))) {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const { outputText } = ts.transpileModule(file === name ? change(text) : text, {
      fileName: file.replace('.ts', '.mts'), // nobody looks for a package.json that says that it is a module
      compilerOptions: config.options,
    });
    writeFileSync(new URL(file.replace('.ts', '.js'), output), outputText);
  }
  return new URL(name.replace('.ts', '.js'), output);
}
