import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import { toApiError } from '../src/errcodes.js';
import { checkHttpOptions } from '../src/http-options.js';
import { blocksIn, problemsOf } from './support/fragments.js';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const documentsIn = (folder: string): string[] =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => folder + name);

const guides = documentsIn('docs/');
const documents = [...documentsIn('./').map((name) => name.slice(2)), ...guides, ...documentsIn('example-express/')];

const recipes = readdirSync(new URL('docs/recipes/', root), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(?:js|mjs|cjs|ts|mts)$/.test(name) && !name.endsWith('.d.ts'))
  .map((name) => name.replaceAll('\\', '/'));

const both = (name: string): string[] => [`${name}.md`, `${name}.zh-CN.md`];

/** The documents with a table of options, and what these are the options of. */
const tablesOfOptions = [
  ...both('README').map((name) => [name, 'ConstructorParameters<typeof WeChatCodeStrategy>[0]'] as const),
  ...both('docs/connections').map((name) => [name, "import('passport-wechat-code').HttpOptions"] as const),
  ...both('docs/authorize-url').map((name) => [name, "import('passport-wechat-code').AuthorizeUrlOptions"] as const),
];

/** The cells of all tables of a document whose first column is headed so. */
function rowsOf(document: string, heading: RegExp): string[][] {
  const tables = [...read(document).matchAll(/^\|.*\n\| -.*\n(?:\|.*(?:\n|$))+/gm)].map(([table]) =>
    table
      .trim()
      .split('\n')
      .map((row) =>
        row
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  );
  const rows = tables.filter(([[first = ''] = []]) => heading.test(first)).flatMap(([, , ...body]) => body);
  assert.ok(rows.length > 0, `${document} has no such table`);
  return rows;
}

/** What stands between backticks. */
function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
}

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
  // A table of options names each one that there is, and none that is not.
  for (const [document, type] of tablesOfOptions) {
    const names = rowsOf(document, /^(?:option|选项)$/).flatMap(([option = '']) => namesIn(option));
    const code = `
      type NamesOf<Options> = Options extends unknown ? keyof Options : never;
      const names: Record<NamesOf<${type}>, true> = { ${names.map((name) => `${name}: true`).join(', ')} };`;
    pieces.set(`${document}.options.ts`, code);
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

describe('the facts in the documents', () => {
  const sources = readdirSync(new URL('src/', root)).filter((name) => name.endsWith('.ts'));
  const source = sources.map((name) => read(`src/${name}`)).join('\n');
  const codesIn = (text: string): string[] => [...new Set(text.match(/\bERR_WECHAT_\w+/g))].sort();

  for (const document of documents) {
    it(`names only codes that there are: ${document}`, () => {
      const known = codesIn(source);
      assert.deepEqual(
        codesIn(read(document)).filter((code) => !known.includes(code)),
        [],
      );
    });
  }

  for (const document of both('docs/errors')) {
    it(`has every code, with its status: ${document}`, () => {
      assert.deepEqual(codesIn(read(document)), codesIn(source));
      const [failures, errors] = [rowsOf(document, /^(?:what happened|情况)$/), rowsOf(document, /^`code`$/)];
      const statusOf = new Map(
        [...source.matchAll(/(ERR_WECHAT_\w+): \{\s*status: (\d+)/g)].map(([, code, status]) => [code, status]),
      );
      for (const [, status, cell = ''] of failures.filter(([, , cell = '']) => cell.includes('ERR_WECHAT_'))) {
        assert.equal(status, statusOf.get(namesIn(cell)[0]), cell);
      }
      for (const [cell = '', , , status] of errors.filter(([, name]) => name === '`WeChatApiError`')) {
        assert.equal(status, statusOf.get(namesIn(cell)[0]), cell);
      }
    });

    it(`has the errcodes under the right codes: ${document}`, () => {
      const details = { errmsg: '', attempts: 1, secrets: [] };
      for (const [cell = '', name, when = '', status] of rowsOf(document, /^`code`$/)) {
        if (name !== '`WeChatApiError`') continue;
        for (const [errcodes] of when.matchAll(/(?<!\d)(?:-1|\d{5})(?:–\d{5})?(?!\d)/g)) {
          const [first = '', last = first] = errcodes.split('–');
          for (let errcode = Number(first); errcode <= Number(last); errcode += 1) {
            const possible = (['/sns/oauth2/access_token', '/sns/userinfo'] as const).flatMap((endpoint) =>
              [false, true].map((mayHaveSpentCode) => toApiError({ ...details, endpoint, errcode, mayHaveSpentCode })),
            );
            const found = possible.find(({ code }) => code === namesIn(cell)[0]);
            assert.equal(String(found?.status), status, `${String(errcode)} is not ${cell}`);
          }
        }
      }
    });
  }

  for (const document of both('docs/connections')) {
    it(`has the defaults that there are: ${document}`, () => {
      const { baseUrls, ...settings } = checkHttpOptions();
      const defaults: Readonly<Record<string, unknown>> = { ...settings, baseUrl: baseUrls[0] };
      for (const [option = '', value = ''] of rowsOf(document, /^(?:option|选项)$/)) {
        const [name = ''] = namesIn(option);
        const [literal] = namesIn(value);
        if (literal === undefined) continue;
        const given = /^[\d_]+$/.test(literal) ? Number(literal.replaceAll('_', '')) : literal.slice(1, -1);
        assert.equal(given, defaults[name], name);
      }
    });
  }

  for (const document of both('README')) {
    it(`has the defaults that the docstrings have: ${document}`, () => {
      const reference = read('docs/api/passport-wechat-code.md');
      let compared = 0;
      for (const [option = '', value = ''] of rowsOf(document, /^(?:option|选项)$/)) {
        const [[name = ''], [literal]] = [namesIn(option), namesIn(value)];
        const said = new RegExp(`\`${name}\\?\` \\|.*Default (?:\`([^\`]+)\`|(\\w+))`).exec(reference);
        if (literal === undefined || name === 'passReqToCallback') continue;
        assert.equal(literal, said?.[1] ?? said?.[2], name);
        compared += 1;
      }
      assert.equal(compared, 6);
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
  it('lead from the README to every guide, in its language', () => {
    for (const guide of guides) {
      const readme = guide.endsWith('.zh-CN.md') ? 'README.zh-CN.md' : 'README.md';
      assert.ok(read(readme).includes(`](${guide}`), `${readme} does not link to ${guide}`);
    }
  });

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
