import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { readSettings } from '../src/settings.js';

const read = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const settings = Object.keys(readSettings({})).sort();

describe('the documents of the example', () => {
  for (const readme of ['README.md', 'README.zh-CN.md']) {
    it(`point at the lines of the four scenarios: ${readme}`, () => {
      const pointers = [...read(readme).matchAll(/^(\d)\. .*?(?:, line |，第 )(\d+)(?: 行)?\]\((.*?)#L\2\)/gm)];
      assert.deepEqual(
        pointers.map(([, scenario]) => scenario),
        ['1', '2', '3', '4'],
      );
      for (const [, scenario = '', line, file = ''] of pointers) {
        assert.match(read(file).split('\n')[Number(line) - 1] ?? '', new RegExp(`Scenario ${scenario}:`));
      }
    });

    it(`list every setting, with its default: ${readme}`, () => {
      const rows = [...read(readme).matchAll(/^\| `([A-Z_]+)` +\| (.*?) +\|/gm)];
      assert.deepEqual(rows.map(([, name]) => name).sort(), settings);
      const defaults: Record<string, unknown> = readSettings({});
      const others: Record<string, unknown> = readSettings({});
      for (const [, name = '', text = ''] of rows) {
        const value = defaults[name];
        if (typeof value !== 'string' && typeof value !== 'number') continue;
        if (value === others[name]) assert.equal(text, `\`${value}\``, name);
        else assert.match(text, /^(?:one made up|本次运行随机生成)/, name);
      }
    });
  }

  it('give the service no setting in docker-compose.yml that it does not know, and explain those without a default', () => {
    const compose = read('docker-compose.yml');
    const given = [...compose.matchAll(/^ {6}([A-Z_]+): .*$/gm)].map(([, name = '']) => name);
    for (const name of given) {
      assert.ok(settings.includes(name) || /^(POSTGRES|REDISCLI)_/.test(name), name);
    }
    const explained = [...read('.env.example').matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
    const asked = new Set([...compose.matchAll(/\$\{([A-Z_]+):/g)].map(([, name]) => name));
    assert.deepEqual(explained.sort(), [...asked].sort());
  });
});
