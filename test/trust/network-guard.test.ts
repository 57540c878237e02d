import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const guard = new URL('../tools/network-guard.js', import.meta.url);
const mocha = fileURLToPath(new URL('../../node_modules/mocha/bin/_mocha', import.meta.url));
const preface = `
  import { once } from 'node:events';
  import { createServer } from 'node:http';
  import { lookup } from 'node:dns';
  import dgram from 'node:dgram'; import dns from 'node:dns/promises'; import net from 'node:net';
  import http from 'node:http'; import https from 'node:https'; import tls from 'node:tls';
  import { spawnSync } from 'node:child_process'; import { promisify } from 'node:util';
`;

describe('the network guard', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'network-guard-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Runs a program under a guard of its own, so that this run stays green. */
  async function runGuarded(program: string): Promise<{ output: string; recorded: string[] }> {
    const journal = join(folder, 'journal');
    await writeFile(journal, '');
    const self = new URL(guard);
    self.searchParams.set('journal', journal);
    const env = { ...process.env, NODE_OPTIONS: `--import=${self.href}` };
    const output = await run(['--input-type=module', '--eval', preface + program], env);
    const lines = (await readFile(journal, 'utf8')).split('\n').filter((line) => line !== '');
    return { output, recorded: lines.map((line) => (JSON.parse(line) as { address: string }).address) };
  }

  const failing = (what: string): string =>
    `console.log(await ${what}.then(() => 'reached', (e) => (e.cause ?? e).code));`;
  const connected = (socket: string): string => failing(`once(${socket}, 'connect')`);
  const refused: Readonly<Record<string, [program: string, recorded: string]>> = {
    'a connection to an address': [connected(`net.connect(443, '203.0.113.9')`), '203.0.113.9:443'],
    'a connection to an address of IPv6': [connected(`net.connect({ host: '2001:db8::1', port: 1 })`), '2001:db8::1:1'],
    'a connection to all addresses': [connected(`net.connect({ host: '0.0.0.0', port: 1 })`), '0.0.0.0:1'],
    'a connection to a name': [connected(`net.connect(443, 'wechat.invalid')`), 'wechat.invalid'],
    'a connection to a name that is looked up elsewhere': [
      connected(
        `net.connect({ host: 'w.invalid', port: 1, lookup: (h, o, f) => f(null, [{ address: '203.0.113.9', family: 4 }]) })`,
      ),
      'w.invalid (203.0.113.9)',
    ],
    'a connection of a new socket': [connected(`new net.Socket().connect(1, '203.0.113.9')`), '203.0.113.9:1'],
    'a connection with TLS': [failing(`once(tls.connect(443, '203.0.113.9'), 'secureConnect')`), '203.0.113.9:443'],
    'a request of http': [failing(`once(http.get('http://203.0.113.9'), 'response')`), '203.0.113.9:80'],
    'a request of https': [failing(`once(https.get('https://wechat.invalid'), 'response')`), 'wechat.invalid'],
    'a request of fetch': [failing(`fetch('http://203.0.113.9')`), '203.0.113.9:80'],
    'a look-up with a callback': [failing(`promisify(lookup)('wechat.invalid')`), 'wechat.invalid'],
    'a look-up': [failing(`dns.lookup('wechat.invalid')`), 'wechat.invalid'],
    'a question to a name server': [failing(`dns.resolve4('localhost')`), 'resolve4 localhost'],
    'a question of a resolver': [failing(`new dns.Resolver().resolveMx('a.invalid')`), 'resolveMx a.invalid'],
    'a datagram': [failing(`(async () => dgram.createSocket('udp4'))()`), 'UDP'],
    "a child's connection": [
      `const program = "fetch('http://203.0.113.9').catch((e) => console.log(e.cause.code))";
       process.stdout.write(spawnSync(process.execPath, ['--eval', program], { encoding: 'utf8' }).stdout);`,
      '203.0.113.9:80',
    ],
  };
  it('refuses and records connections and look-ups of every kind', async () => {
    const rows = Object.entries(refused);
    const programs = rows.map(
      ([what, [program]]) => `process.stdout.write(${JSON.stringify(`${what}: `)}); ${program}`,
    );
    const { output, recorded } = await runGuarded(programs.join('\n'));
    assert.deepEqual(
      output.trimEnd().split('\n'),
      rows.map(([what]) => `${what}: ENETGUARD`),
    );
    assert.deepEqual(
      recorded,
      rows.map(([, [, address]]) => address),
    );
  });

  it('lets through what stays on this machine', async () => {
    const program = `
      const server = createServer((request, response) => response.end('hello'));
      const pipe = createServer((request, response) => response.end('hello'));
      const path = process.platform === 'win32' ? '\\\\\\\\.\\\\pipe\\\\guard-' + process.pid : ${JSON.stringify(join(folder, 's'))};
      await Promise.all([once(server.listen(0, '127.0.0.1'), 'listening'), once(pipe.listen(path), 'listening')]);
      await once(createServer().listen(0, '0.0.0.0'), 'listening');
      const { port } = server.address();
      const [response] = await once(http.get({ socketPath: path }), 'response');
      await once(net.connect(port), 'connect').catch(() => undefined);
      console.log(response.statusCode, await (await fetch('http://127.0.0.1:' + port)).text(), typeof (await dns.lookup('localhost')).address);
      process.exit();`;
    assert.deepEqual(await runGuarded(program), { output: '200 hello string\n', recorded: [] });
  });

  it('fails a run of the tests that tried to leave, even if they passed', async () => {
    const file = join(folder, 'leaving.mjs');
    await writeFile(file, `it('leaves', () => fetch('http://203.0.113.9:81').catch(() => undefined));`);
    const env = { ...process.env, NODE_OPTIONS: '' };
    const args = [mocha, '--no-config', '--no-package', '--require', fileURLToPath(guard), file];
    await assert.rejects(run(args, env), (error: Error & { stdout?: string }) => {
      assert.match(
        error.message,
        /1 passing[^]*1 failing[^]*tried to leave this machine[^]*203\.0\.113\.9:81 \(.*leaves/,
      );
      return true;
    });
  });

  it('is on while these tests run', () => {
    assert.match(process.env['NODE_OPTIONS'] ?? '', /network-guard\.js\?journal=/);
  });
});

/** Resolves to what a program prints; a failing one rejects with it. */
function run(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
      else resolve(stdout);
    });
  });
}
