import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import { readSettings } from '../src/settings.js';
import { anyStores } from './support/servers.js';
import { runService } from './support/service.js';

const canary = 'cAnArY';
const app = { WECHAT_APP_ID: 'wx0123456789abcdef', WECHAT_APP_SECRET: canary.repeat(6), JWT_SECRET: 'x'.repeat(32) };

/** What the start says about these settings. */
function complaints(env: Record<string, string>): string[] {
  try {
    readSettings(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof Error);
    return error.message.split('\n');
  }
}

const badDatabase = 'DATABASE_URL: must be like postgres://user:password@host/name, with special characters as %XX';
const badRedis = 'REDIS_URL: must be like redis://:password@host:6379, with special characters as %XX';
const badOrigins = 'CORS_ORIGINS: must be like https://app.example, separated by commas';

describe('the settings', () => {
  it('have a default each', () => {
    const { HOST, PORT, DATABASE_URL, REDIS_URL, WECHAT_APP_ID } = readSettings({});
    assert.deepEqual([HOST, PORT], ['127.0.0.1', 3000]);
    assert.deepEqual([DATABASE_URL, REDIS_URL, WECHAT_APP_ID], [undefined, undefined, undefined]);
  });

  it('have a secret for JWTs that is made up for this run, while there is no app', () => {
    const [one, other] = [readSettings({}).JWT_SECRET, readSettings({}).JWT_SECRET];
    assert.ok(Buffer.byteLength(one) >= 32);
    assert.notEqual(one, other);
  });

  it('that are empty count as not set', () => {
    const names = ['PORT', 'DATABASE_URL', 'WECHAT_APP_ID', 'WECHAT_APP_SECRET', 'JWT_SECRET', 'CORS_ORIGINS'];
    const { JWT_SECRET, ...empty } = readSettings(Object.fromEntries(names.map((name) => [name, ''])));
    assert.deepEqual({ ...empty, JWT_SECRET }, { ...readSettings({}), JWT_SECRET });
  });

  it('for a WeChat app are complete', () => {
    assert.deepEqual(complaints(app), []);
    assert.equal(readSettings(app).WECHAT_APP_ID, app.WECHAT_APP_ID);
  });

  it('take origins however they are written', () => {
    const { CORS_ORIGINS } = readSettings({ CORS_ORIGINS: 'https://App.example:443/, http://localhost:5173' });
    assert.deepEqual(CORS_ORIGINS, ['https://app.example', 'http://localhost:5173']);
  });

  for (const [env, line] of [
    [{ WECHAT_APP_ID: canary, JWT_SECRET: app.JWT_SECRET }, 'WECHAT_APP_SECRET: is missing'],
    [{ WECHAT_APP_ID: canary, WECHAT_APP_SECRET: canary }, 'JWT_SECRET: is missing'],
    [{ WECHAT_APP_SECRET: canary }, 'WECHAT_APP_ID: is missing'],
    [{ WECHAT_MINI_ID: canary, WECHAT_MINI_SECRET: canary }, 'WECHAT_APP_ID: is missing'],
    [{ ...app, WECHAT_MINI_ID: canary }, 'WECHAT_MINI_SECRET: is missing'],
    [{ ...app, WECHAT_MINI_SECRET: canary }, 'WECHAT_MINI_ID: is missing'],
    [{ NODE_ENV: 'production' }, 'WECHAT_APP_ID: is missing'],
    [
      { ...app, JWT_SECRET: `${canary}${'x'.repeat(25)}` },
      'JWT_SECRET: must have at least 32 bytes: try "openssl rand -base64 32"',
    ],
    [{ JWT_SECRET: canary }, 'JWT_SECRET: must have at least 32 bytes: try "openssl rand -base64 32"'],
    [{ JWT_SECONDS: '120s' }, 'JWT_SECONDS: must be a whole number from 60 to 31536000'],
    [{ JWT_SECONDS: '59' }, 'JWT_SECONDS: must be a whole number from 60 to 31536000'],
    [{ PORT: canary }, 'PORT: must be a whole number from 0 to 65535'],
    [{ PORT: '65536' }, 'PORT: must be a whole number from 0 to 65535'],
    [{ PORT: '-1' }, 'PORT: must be a whole number from 0 to 65535'],
    [{ PORT: '1e3' }, 'PORT: must be a whole number from 0 to 65535'],
    [{ LOGINS_PER_MINUTE: '0' }, 'LOGINS_PER_MINUTE: must be a whole number from 1 to 1000000'],
    [{ TRUSTED_PROXIES: 'true' }, 'TRUSTED_PROXIES: must be a whole number from 0 to 10'],
    [{ WECHAT_TIMEOUT: '0' }, 'WECHAT_TIMEOUT: must be a whole number from 1 to 20'],
    [{ WECHAT_SCOPE: canary }, 'WECHAT_SCOPE: must be one of snsapi_login, snsapi_userinfo, snsapi_base'],
    [{ LOG_LEVEL: canary }, 'LOG_LEVEL: must be one of silent, error, warn, info, debug'],
    [{ DATABASE_URL: `mysql://me:${canary}@host/db` }, badDatabase],
    [{ DATABASE_URL: `me:${canary}@host/db` }, badDatabase],
    [{ DATABASE_URL: `postgres://me:${canary}@ho st/db` }, badDatabase],
    [{ DATABASE_URL: `postgres://me:${canary}#1@host/db` }, badDatabase],
    [{ REDIS_URL: `http://:${canary}@host` }, badRedis],
    [{ REDIS_URL: `redis://:${canary}#1@host` }, badRedis],
    [{ PUBLIC_URL: `ftp://${canary}` }, 'PUBLIC_URL: must be like https://app.example, without a path'],
    [{ PUBLIC_URL: `https://a.example/${canary}` }, 'PUBLIC_URL: must be like https://app.example, without a path'],
    [{ PUBLIC_URL: `https://a.example?${canary}` }, 'PUBLIC_URL: must be like https://app.example, without a path'],
    [
      { ...app, WECHAT_SIMULATOR_URL: canary },
      'WECHAT_SIMULATOR_URL: must be like https://app.example, without a path',
    ],
    [{ WECHAT_SIMULATOR_URL: 'http://127.0.0.1:4090' }, 'WECHAT_APP_ID: is missing'],
    [{ CORS_ORIGINS: '*' }, badOrigins],
    [{ CORS_ORIGINS: 'https://*.app.example' }, badOrigins],
    [{ CORS_ORIGINS: `https://app.example,${canary}` }, badOrigins],
  ] as const) {
    it(`refuse ${JSON.stringify(env)} with one line that does not quote it`, () => {
      assert.deepEqual(complaints(env), [line]);
      assert.doesNotMatch(line, new RegExp(canary));
    });
  }

  it('that are wrong keep the service from starting: one line for each, exit code 1', async () => {
    const run = runService({
      WECHAT_APP_ID: 'wx0123456789abcdef',
      JWT_SECRET: canary,
      DATABASE_URL: `mysql://me:${canary}@host/db`,
      LOG_LEVEL: canary,
      PORT: canary,
    });
    assert.deepEqual(await run.exited, { code: 1, signal: null });
    const [first, ...lines] = run.output.trimEnd().split('\n');
    assert.equal(first, 'The service cannot start:');
    assert.deepEqual(
      lines.map((line) => line.split(':')[0]),
      ['PORT', 'JWT_SECRET', 'DATABASE_URL', 'LOG_LEVEL', 'WECHAT_APP_SECRET'],
    );
    assert.doesNotMatch(run.output, new RegExp(canary));
  });

  it('that name a port in use keep the service from starting', async function () {
    this.timeout(60_000);
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const run = runService({ ...(await anyStores()), PORT: String(port) });
    assert.deepEqual(await run.exited, { code: 1, signal: null });
    assert.match(run.output, /^The service cannot start:\n.*EADDRINUSE/m);
    other.close();
  });
});
