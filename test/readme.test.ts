import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, root), 'utf8');

function quickStart(readme: string): string {
  const code = /<!-- quick start -->\s+```js\n(.*?)```/s.exec(readme)?.[1];
  assert(code !== undefined, 'the README has no quick start');
  return code;
}

describe('the README', () => {
  it('has a quick start that logs a user in, and refuses the same code the second time', async () => {
    // Beneath node_modules, so that it imports what a user imports: the built package, by its name.
    const folder = new URL('node_modules/.cache/readme/', root);
    const file = fileURLToPath(new URL('server.mjs', folder));
    mkdirSync(folder, { recursive: true });
    const code = quickStart(read('README.md')).replace('app.listen(3000,', 'const server = app.listen(0,');
    writeFileSync(file, `${code}\nserver.once('listening', () => console.log(server.address()));`);

    const service = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let output = '';
      for await (const chunk of service.stdout.setEncoding('utf8')) {
        output += String(chunk);
        if (/port: \d+/.test(output) && output.includes('curl')) break;
      }
      const [, form, path] = /^curl -d (\S+) http:\/\/localhost:3000(\S+)$/m.exec(output) ?? [];
      assert(form !== undefined && path !== undefined, `no command in ${output}`);
      const url = `http://localhost:${/port: (\d+)/.exec(output)?.[1] ?? ''}${path}`;

      const login = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
      const { token, user } = (await login.json()) as { token: string; user: { name: string } };
      assert.equal(login.status, 200);
      assert.equal(token.split('.').length, 3);
      assert.equal(user.name, '爱丽丝😀');
      assert.equal((await fetch(url, { method: 'POST', body: new URLSearchParams(form) })).status, 401);
    } finally {
      service.kill();
      await once(service, 'close');
    }
  });
});
