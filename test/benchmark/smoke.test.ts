import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const always = [
  ...['node:https, bare', 'undici, bare', 'got, bare', 'got as a stream, bare'],
  ...['passport-wechat-code', 'passport-wechat-code, client'],
  ...['passport-wechat-code on undici', 'passport-wechat-code on undici, client'],
];
const whenInstalled = [
  ...['passport-wechat', 'passport-weixin', 'passport-wechat-public', 'wechat-oauth', 'co-wechat-oauth'],
  ...['better-auth', '@logto/connector-wechat-native'],
];

describe('the benchmark', function () {
  this.timeout(300_000);

  it('measures everything that is installed, and says what is not', async () => {
    const bench = fileURLToPath(new URL('bench.js', import.meta.url));
    // The processes are no part of the coverage.
    const env = { ...process.env, NODE_V8_COVERAGE: undefined };
    const { stdout } = await promisify(execFile)(process.execPath, [bench, '--smoke'], { env });
    const rows = [...stdout.matchAll(/^\| ([^|]+) v?\d\S* \|.*x \(.*$/gm)];
    const leftOut = [...stdout.matchAll(/^left out, .*: (.*)$/gm)];
    assert.deepEqual(
      [...rows, ...leftOut].map(([, name]) => name).sort(),
      [...always, ...whenInstalled].sort(),
      stdout,
    );
    assert.ok(
      leftOut.every(([, name]) => whenInstalled.includes(name ?? '')),
      stdout,
    );
    assert.doesNotMatch(stdout, /NaN|undefined/);
  });
});
