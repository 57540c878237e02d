import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const guides = readdirSync(new URL('docs/', root))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);

describe('the guides', () => {
  const recipes = readdirSync(new URL('docs/recipes/', root), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:js|mjs|cjs|ts|mts)$/.test(name) && !name.endsWith('.d.ts'))
    .map((name) => name.replaceAll('\\', '/'));

  for (const recipe of recipes) {
    it(`show the recipe ${recipe} as it is tested`, () => {
      const link = `(recipes/${recipe})`;
      const shown = guides.filter((guide) => read(guide).includes(link));
      assert.ok(shown.length > 0, 'no guide links to it');
      for (const guide of shown) {
        const [, after = ''] = read(guide).split(link);
        assert.equal(/^[^\n]*\n\n```\w+\n(.*?)^```$/ms.exec(after)?.[1], read(`docs/recipes/${recipe}`), guide);
      }
    });
  }
});

describe('the API reference', function () {
  this.timeout(120_000);

  it('documents all that is public, and is as the docstrings are: if not, run `npm run docs`', async () => {
    const out = mkdtempSync(join(tmpdir(), 'passport-wechat-code-api-'));
    try {
      // With warnings as errors: something public without a docstring is one.
      await node(['node_modules/typedoc/bin/typedoc', '--out', out]);
      assert.deepEqual(filesIn(pathToFileURL(`${out}/`)), filesIn(new URL('docs/api/', root)));
    } finally {
      rmSync(out, { recursive: true, maxRetries: 3 });
    }
  });
});

function filesIn(folder: URL): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'));
  return Object.fromEntries(
    names.sort().map((name) => [name.replaceAll('\\', '/'), readFileSync(new URL(name, folder), 'utf8')]),
  );
}

/** Runs a program in the root of the package; if it fails, so does this, with all that it printed. */
function node(args: string[]): Promise<void> {
  const options = { cwd: root, env: { ...process.env, NODE_V8_COVERAGE: undefined } };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
      else resolve();
    });
  });
}
