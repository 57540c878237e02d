import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import { blocksIn, problemsOf } from './support/fragments.js';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const documentsIn = (folder: string): string[] =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => folder + name);

const guides = documentsIn('docs/');
const documents = [...documentsIn('./').map((name) => name.slice(2)), ...guides, 'example-express/README.md'];

const recipes = readdirSync(new URL('docs/recipes/', root), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(?:js|mjs|cjs|ts|mts)$/.test(name) && !name.endsWith('.d.ts'))
  .map((name) => name.replaceAll('\\', '/'));

describe('the guides', () => {
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

describe('the code in the documents', function () {
  this.timeout(120_000);

  const tested = new Set(recipes.map((recipe) => read(`docs/recipes/${recipe}`)));
  const pieces = new Map<string, string>();
  for (const document of documents) {
    for (const { language, code, line } of blocksIn(read(document))) {
      const compiled = /^[cm]?[jt]s$/.test(language) && !tested.has(code);
      if (compiled) pieces.set(`${document}.${String(line)}.${language}`, code);
    }
  }
  let problems: Map<string, string[]>;

  before('compile it', () => {
    problems = problemsOf(pieces);
  });

  for (const [name] of pieces) {
    it(`compiles: ${name}`, () => {
      assert.deepEqual(problems.get(name), []);
    });
  }
});

describe('the two languages', () => {
  for (const english of documents) {
    const translation = english.replace(/\.md$/, '.zh-CN.md');
    if (!documents.includes(translation)) continue;

    it(`say the same: the same code, tables as long, and headings as many in ${english}`, () => {
      const [ours, theirs] = [read(english), read(translation)];
      const codeOf = (text: string): string[] => blocksIn(text).map(({ code }) => code.replace(/\s*(?:\/\/|#).*/g, ''));
      assert.deepEqual(codeOf(theirs), codeOf(ours));
      for (const pattern of [/^\|/gm, /^#+ /gm, /^- \*\*/gm]) {
        assert.equal(theirs.match(pattern)?.length, ours.match(pattern)?.length, String(pattern));
      }
    });
  }
});

describe('the links', () => {
  for (const document of documents) {
    it(`lead to what is there: ${document}`, () => {
      const links = [...read(document).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
      for (const [link, path = '', anchor] of links) {
        const target = path === '' ? document : new URL(path, new URL(document, root));
        assert.ok(path === '' || existsSync(target), `${link} leads nowhere`);
        if (anchor === undefined || !(path === '' || path.endsWith('.md'))) continue;
        const text = readFileSync(new URL(target, root), 'utf8');
        assert.ok(anchorsIn(text).includes(decodeURIComponent(anchor)), `${link} has no such heading`);
      }
    });
  }
});

/** As GitHub makes them of headings. */
function anchorsIn(document: string): string[] {
  const text = document.replace(/^ *```.*?^ *```$/gms, '');
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

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
