import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

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
