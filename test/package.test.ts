import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Every name that the package exports at run time. */
const documentedNames = [
  'AccessToken',
  'AppId',
  'AppSecret',
  'AuthorizationCode',
  'OpenId',
  'RefreshToken',
  'SessionKey',
  'UnionId',
  'WeChatApiError',
  'WeChatClient',
  'WeChatCodeStrategy',
  'WeChatError',
  'WeChatMiniProgramStrategy',
  'WeChatNetworkError',
  'WeChatResponseError',
  'createAuthorizeUrl',
  'createState',
  'exposeTokens',
  'wechatCallChannel',
];

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (path: string): string => join(root, 'node_modules', path);

/** Runs a program and resolves to what it printed; a failing one rejects with all of that in the message. */
async function run(
  command: string,
  args: string[],
  cwd: string,
  options: { env?: NodeJS.ProcessEnv; shell?: boolean } = {},
): Promise<string> {
  // The programs are no part of the coverage.
  const env = { ...process.env, NODE_V8_COVERAGE: undefined, ...options.env };
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, env, shell: options.shell ?? false, maxBuffer: 64 * 2 ** 20 },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${error.message}\n${stdout}${stderr}`));
        else resolve(stdout);
      },
    );
  });
}

const node = (args: string[], cwd: string): Promise<string> => run(process.execPath, args, cwd);

/** npm is a batch file on Windows, which only a shell starts; under an npm script it says where its JavaScript is. */
function npm(args: string[], cwd: string): Promise<string> {
  const cli = process.env['npm_execpath'];
  // It asks its registry, which the network guard of the tests would refuse.
  const env = { NODE_OPTIONS: '' };
  if (cli?.endsWith('npm-cli.js')) return run(process.execPath, [cli, ...args], cwd, { env });
  return run('npm', args, cwd, { env, shell: process.platform === 'win32' });
}

describe('the package', function () {
  this.timeout(180_000);

  let temporary: string;
  let tarball: string;
  let files: string[];

  before('pack it', async () => {
    temporary = await mkdtemp(join(tmpdir(), 'passport-wechat-code-'));
    const packed = await npm(['pack', '--ignore-scripts', '--json', `--pack-destination=${temporary}`], root);
    const [report] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
    tarball = join(temporary, report.filename);
    files = report.files.map(({ path }) => path);
  });

  after(() => rm(temporary, { recursive: true, force: true, maxRetries: 3 }));

  it('holds the built code, the documents and nothing else', () => {
    const code = String.raw`((index|undici|cli|simulator/index|shared-\w+)\.js|.+\.d\.ts)`; // an entry in one file
    const expected = new RegExp(
      String.raw`^(dist/${code}|README(\.[\w-]+)?\.md|LICENSE-(MIT|APACHE)|CHANGELOG\.md|package\.json)$`,
    );
    assert.deepEqual(
      files.filter((path) => !expected.test(path)),
      [],
    );
    for (const path of ['LICENSE-MIT', 'LICENSE-APACHE', 'README.md', 'CHANGELOG.md']) {
      assert.ok(files.includes(path), `${path} is missing`);
    }
  });

  it('holds the declarations that a user can come to, and no others', async () => {
    const reached = new Set<string>();
    const follow = async (path: string): Promise<void> => {
      if (reached.has(path)) return;
      reached.add(path);
      const text = await readFile(join(root, path), 'utf8');
      for (const [, link = ''] of text.matchAll(/['"](\.\.?\/[^'"]+)\.js['"]/g)) {
        await follow(`${posix.join(posix.dirname(path), link)}.d.ts`);
      }
    };
    for (const entry of ['index', 'undici', 'simulator/index']) await follow(`dist/${entry}.d.ts`);
    assert.deepEqual(files.filter((path) => path.endsWith('.d.ts')).sort(), [...reached].sort());
  });

  it('is clean to publint', async () => {
    await node([bin('publint/src/cli.js'), '--strict', tarball], root);
  });

  it('is clean to attw, as a package that is ESM only', async () => {
    await node([bin('@arethetypeswrong/cli/dist/index.js'), '--profile', 'esm-only', tarball], root);
  });

  describe('installed in an empty project', () => {
    before('reach the npm registry', async function () {
      if (process.env['CI']) return;
      const reached = await npm(['ping', '--fetch-retries=0'], temporary).then(
        () => true,
        () => false,
      );
      if (reached) return;
      console.log('    skipped: npm cannot reach its registry (npm ping)');
      this.skip();
    });

    for (const express of ['4', '5']) {
      describe(`beside the types of Express ${express}`, () => {
        let project: string;

        before('install it', async () => {
          project = await mkdtemp(join(temporary, `express${express}-`));
          await cp(join(root, 'test', 'consumer'), project, { recursive: true });
          await cp(tarball, join(project, 'package.tgz'));
          await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module', private: true }));
          const types = [`@types/express@${express}`, '@types/passport@1', '@types/node@20'];
          const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
          await npm(['install', ...flags, './package.tgz', 'passport@0.7', ...types], project);
        });

        it('exports the documented names to import', async () => {
          const code = "import * as all from 'passport-wechat-code'; console.log(JSON.stringify(Object.keys(all)));";
          const names = JSON.parse(await node(['--input-type=module', '--eval', code], project)) as string[];
          assert.deepEqual(names.sort(), documentedNames);
        });

        it('exports the same names to require', async () => {
          const code = "console.log(JSON.stringify(Object.keys(require('passport-wechat-code'))));";
          const names = JSON.parse(await node(['--input-type=commonjs', '--eval', code], project)) as string[];
          assert.deepEqual(names.sort(), documentedNames);
        });

        it('exports the simulator and its own package.json', async () => {
          const code = `
            import { createRequire } from 'node:module';
            import * as simulator from 'passport-wechat-code/simulator';
            const { version } = createRequire(import.meta.url)('passport-wechat-code/package.json');
            console.log(JSON.stringify([Object.keys(simulator), version]));`;
          const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
          assert.deepEqual(JSON.parse(await node(['--input-type=module', '--eval', code], project)), [
            ['startWeChatSimulator'],
            version,
          ]);
        });

        it('needs undici for nothing but the transport on it', async () => {
          const code = "import('passport-wechat-code/undici').catch((error) => console.log(error.message));";
          assert.match(await node(['--input-type=module', '--eval', code], project), /^Cannot find package 'undici' /);
        });

        it('has a command', async () => {
          const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
          const printed = await npm(['exec', '--no', '--', 'passport-wechat-code', '--version'], project);
          assert.equal(printed.trim(), version);
        });

        it('compiles in a strict project that checks every declaration file', async () => {
          await node([bin('typescript/bin/tsc'), '--project', project], project);
        });
      });
    }
  });
});
