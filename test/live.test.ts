import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { startWeChatSimulator, type WeChatSimulator } from '../src/simulator/index.js';

describe('npm run test:live', () => {
  let wechat: WeChatSimulator;
  before(async () => {
    wechat = await startWeChatSimulator();
  });
  after(() => wechat.close());

  function run(code: string | undefined): Promise<{ exitCode: number; output: string }> {
    const [{ appId, appSecret }] = wechat.apps;
    const env = {
      ...process.env,
      WECHAT_APP_ID: appId,
      WECHAT_APP_SECRET: appSecret,
      WECHAT_API_URL: wechat.url,
      WECHAT_TEST_CODE: code,
    };
    const script = fileURLToPath(new URL('live.ts', import.meta.url));
    return new Promise((resolve) => {
      execFile(process.execPath, ['--import=ts-blank-space/register', script], { env }, (error, stdout, stderr) => {
        resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr });
      });
    });
  }

  it('carries a login through all four calls and says that it passed', async () => {
    const { exitCode, output } = await run(wechat.createCode());
    assert.equal(exitCode, 0, output);
    assert.match(output, /POST \/auth\/wechat -> 200/);
    assert.match(output, /"valid":true/);
    assert.match(output, /1 passed, 0 failed/);
    const called = wechat.calls.map(({ endpoint }) => endpoint);
    assert.deepEqual(called, ['access_token', 'userinfo', 'auth', 'refresh_token']);
  });

  it('says why when WeChat refuses the code', async () => {
    const { exitCode, output } = await run('no-such-code');
    assert.equal(exitCode, 1);
    assert.match(output, /ERR_WECHAT_INVALID_CODE/);
    assert.match(output, /0 passed, 1 failed/);
  });

  it('says which environment variable is missing, and only that', async () => {
    const { exitCode, output } = await run(undefined);
    assert.equal(exitCode, 1);
    assert.match(output, /WECHAT_TEST_CODE: a code that WeChat has just given/);
    assert.doesNotMatch(output, /WECHAT_APP_ID/);
  });
});
