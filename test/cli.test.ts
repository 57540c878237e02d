import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { startWeChatSimulator } from '../src/simulator/index.js';

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
const running = new Set<ChildProcess>();

function launch(args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['--import', 'ts-blank-space/register', '--no-warnings', cli, ...args], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
  });
  running.add(child);
  return child;
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command that ends by itself. */
async function run(...args: string[]): Promise<Ended> {
  const child = launch(args);
  assert(child.stdout && child.stderr);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status: child.exitCode, stdout, stderr };
}

/** Starts a simulator, and resolves when it has said everything it says at the start. */
async function start(...args: string[]): Promise<{ child: ChildProcess; url: string; announcement: string }> {
  const child = launch(['simulator', ...args]);
  assert(child.stdout && child.stderr);
  const errors = text(child.stderr);
  let announcement = '';
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    announcement += String(chunk);
    const [, url] = /is at (http:\S+)[^]*Ctrl\+C/.exec(announcement) ?? [];
    if (url !== undefined) return { child, url, announcement };
  }
  throw new Error(`it ended: ${await errors}`);
}

describe('the command line', function () {
  this.timeout(60_000);

  afterEach(async () => {
    for (const child of running) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    }
    running.clear();
  });

  it('starts a simulator, and says where it is, what it knows and how to use it', async () => {
    const { url, announcement } = await start('--port', '0');
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(announcement.includes(`http: { baseUrl: '${url}' }`));
    for (const known of ['wx0123456789abcdef', 'aaaaaaaa1111bbbb2222cccc3333dddd', 'users: alice, bob, snapshot']) {
      assert.ok(announcement.includes(known), known);
    }
    const addresses = [...announcement.matchAll(/authorize +(\S+)/g)].map(([, address = '']) => address);
    assert.equal(addresses.length, 2);
    for (const address of addresses) assert.match(await (await fetch(address)).text(), /拒绝 Refuse/);
    assert.match(await (await fetch(url)).text(), /WeChat login simulator/);
  });

  it('takes apps and users, and tells how their codes are had', async () => {
    const { url, announcement } = await start(
      ...['--port', '0', '--host', 'localhost'],
      ...['--app', 'kind=mini-program,appId=wx1,appSecret=s1,openPlatform=ours'],
      ...['--app', 'kind=mobile,appId=wx2,appSecret=a=b,name=My app'],
      ...['--app', 'kind=website,appId=wx3,appSecret=s3,callbackDomain=shop.example'],
      ...['--user', 'ming', '--user', 'id=mallory,nickname=坏人,blocked=true', '--user', 'snap,snapshot=false'],
    );
    assert.match(announcement, /wx1\n {2}appSecret {4}s1\n {2}code {9}.* wx\.login/);
    assert.match(announcement, /mobile My app\n.*wx2\n {2}appSecret {4}a=b\n {2}code {9}.*SDK/);
    assert.match(announcement, /redirect_uri=http%3A%2F%2Fshop\.example%2F/);
    assert.match(announcement, /users: ming, mallory, snap$/m);
    const page = await (await fetch(url)).text();
    assert.match(page, /<td>mallory<td>坏人<td>被拦截 blocked|<td>mallory<\/td><td>坏人<\/td><td>被拦截 blocked/);
    const made = await fetch(`${url}/simulator/codes`, {
      method: 'POST',
      headers: { Origin: url },
      body: new URLSearchParams({ appId: 'wx1', user: 'ming' }),
    });
    const [, code = ''] = /<code>(\w+)<\/code>/.exec(await made.text()) ?? [];
    const query = new URLSearchParams({ appid: 'wx1', secret: 's1', js_code: code, grant_type: 'authorization_code' });
    const session = (await (await fetch(`${url}/sns/jscode2session?${query.toString()}`)).json()) as object;
    assert.deepEqual(Object.keys(session), ['session_key', 'openid', 'unionid']);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`ends cleanly on ${signal}, open requests or not`, async function () {
      if (process.platform === 'win32') this.skip(); // There a signal from another process kills.
      const { child, url } = await start('--port', '0');
      const form = new URLSearchParams({ endpoint: 'auth', fault: 'connection hang', times: '' });
      const headers = { Origin: url };
      await fetch(`${url}/simulator/faults/on`, { method: 'POST', headers, body: form });
      const hanging = assert.rejects(fetch(`${url}/sns/auth`));
      while (!(await (await fetch(url)).text()).includes('not processed'));
      child.kill(signal);
      const [status, killedBy] = (await once(child, 'exit')) as [number | null, string | null];
      assert.deepEqual([status, killedBy], [0, null]);
      await hanging;
    });
  }

  it('shows help and the version', async () => {
    const { status, stdout, stderr } = await run('--help');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Usage: passport-wechat-code simulator \[options\]\n/);
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    assert.deepEqual(await run('--version'), { status: 0, stdout: `${version}\n`, stderr: '' });
  });

  for (const [what, args, message] of [
    ['an unknown option', ['simulator', '--prot', '1'], /^Unknown option '--prot'; see --help$/],
    ['a wrong app', ['simulator', '--app', 'kind=web,appId=a,appSecret=b'], /^apps\[0\]\.kind must be one of official/],
    [
      'a domain that is none',
      ['simulator', '--port', '0', '--app', 'kind=website,appId=a,appSecret=b,callbackDomain=a b'],
      /^apps\[0\]\.callbackDomain must be a host in lower case/,
    ],
  ] as [string, string[], RegExp][]) {
    it(`refuses ${what} with status 2 and one line`, async () => {
      const { status, stdout, stderr } = await run(...args);
      assert.deepEqual([status, stdout], [2, '']);
      const [, line = '', rest] = /^passport-wechat-code: (.*)\n([^]*)$/.exec(stderr) ?? [];
      assert.equal(rest, '', stderr);
      assert.match(line, message);
    });
  }

  it('says so when the port is taken or the address is not there', async () => {
    const other = await startWeChatSimulator();
    try {
      const { port } = new URL(other.url);
      assert.deepEqual(await run('simulator', '--port', port), {
        status: 1,
        stdout: '',
        stderr: `passport-wechat-code: port ${port} of 127.0.0.1 is taken; choose another --port, or stop what is in the way\n`,
      });
      // An address for documentation, which no machine has.
      const { status, stderr } = await run('simulator', '--port', '0', '--host', '203.0.113.1');
      assert.equal(status, 1);
      assert.match(
        stderr,
        /^passport-wechat-code: cannot start \(.*EADDRNOTAVAIL.*\); choose another --port or --host.*\n$/,
      );
    } finally {
      await other.close();
    }
  });
});
