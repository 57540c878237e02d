import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommandLine, usage } from '../../src/simulator/command-line.js';

describe('parseCommandLine', () => {
  let folder: string;
  before(async () => (folder = await mkdtemp(join(tmpdir(), 'passport-wechat-code-'))));
  after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

  async function config(content: string): Promise<string> {
    const file = join(folder, 'config.json');
    await writeFile(file, content);
    return file;
  }

  it('leaves everything but the port to the simulator', () => {
    assert.deepEqual(parseCommandLine(['simulator']), { name: 'simulator', options: { port: 4090 } });
  });

  it('reads ports, hosts, apps and users', () => {
    const app = ['--app', 'kind=website,appId=wx1,appSecret=a=b,name=我的 app'];
    const users = [
      '--user',
      'ming',
      '--user',
      'id=li,nickname=李,blocked=true',
      '--user=wu,snapshot=false,blocked=maybe',
    ];
    assert.deepEqual(parseCommandLine(['simulator', '--port', '80', '--host=::1', ...app, ...app, ...users]), {
      name: 'simulator',
      options: {
        port: 80,
        host: '::1',
        apps: Array.from({ length: 2 }, () => ({ kind: 'website', appId: 'wx1', appSecret: 'a=b', name: '我的 app' })),
        users: [
          { id: 'ming' },
          { id: 'li', nickname: '李', blocked: true },
          { id: 'wu', snapshot: false, blocked: 'maybe' },
        ],
      },
    });
  });

  it('leaves it to the simulator to refuse a port that is no number', () => {
    for (const port of ['', 'x', '4090x', '0x10', '-1', '1e3']) {
      assert.deepEqual(parseCommandLine(['simulator', `--port=${port}`]), {
        name: 'simulator',
        options: { port: NaN },
      });
    }
  });

  it('reads a file, over which the command line wins', async () => {
    const app = { appId: 'wx1', appSecret: 's', kind: 'website' };
    const file = await config(
      `\uFEFF${JSON.stringify({ port: 1, host: '::1', apps: [app], users: [{ id: 'filed' }] })}`,
    );
    assert.deepEqual(parseCommandLine(['simulator', '--config', file, '--port', '2', '--user', 'typed']), {
      name: 'simulator',
      options: { port: 2, host: '::1', apps: [app], users: [{ id: 'typed' }] },
    });
  });

  it('prefers help and the version to everything else', () => {
    for (const args of [['--help'], ['-h'], ['simulator', '--help', '--port', 'x'], ['what', '-hv']]) {
      assert.deepEqual(parseCommandLine(args), { name: 'help' });
    }
    for (const args of [['--version'], ['-v']]) assert.deepEqual(parseCommandLine(args), { name: 'version' });
  });

  for (const [args, message] of [
    [[], /^the one command is "simulator"; see --help$/],
    [['serve'], /^the one command is "simulator"/],
    [['simulator', 'now'], /^the one command is "simulator"/],
    [['simulator', '--prot', '1'], /^Unknown option '--prot'; see --help$/],
    [['simulator', '--port'], /^Option '--port <value>' argument missing; see --help$/],
    [['simulator', '--port', '--host'], /^Option '--port' argument is ambiguous; see --help$/],
    [['simulator', '--app', 'wx1:s1:website'], /^--app takes name=value pairs separated by commas; see --help/],
    [['simulator', '--app', ''], /^--app takes/],
    [['simulator', '--user', '=a'], /^--user takes/],
    [['simulator', '--user', 'nickname=a,b'], /^--user takes name=value pairs/],
    [['simulator', '--config', 'nowhere.json'], /^cannot read the file of --config, nowhere\.json: ENOENT$/],
  ] as [string[], RegExp][]) {
    it(`refuses ${JSON.stringify(args)} with a TypeError of one line`, () => {
      assert.throws(() => parseCommandLine(args), { name: 'TypeError', message });
    });
  }

  it('says what is wrong with a file, without its content', async () => {
    for (const [content, message] of [
      ['{ secret', /config\.json, is not JSON$/],
      ['[]', /config\.json, must hold a JSON object with port, host, apps or users$/],
      ['null', /must hold a JSON object/],
    ] as const) {
      const args = ['simulator', '--config', await config(content)];
      assert.throws(() => parseCommandLine(args), { name: 'TypeError', message });
    }
  });

  it('has a help that fits into 120 columns', () => {
    for (const line of usage.split('\n')) assert.ok(line.length <= 120, line);
  });
});
