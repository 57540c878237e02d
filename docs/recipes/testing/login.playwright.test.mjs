import assert from 'node:assert/strict';
import { it } from 'mocha';
import { startWeChatSimulator } from 'passport-wechat-code/simulator';
import { chromium } from 'playwright-core';
import { startService } from './app.mjs';

it('logs somebody in who clicks through the pages of WeChat', async () => {
  const wechat = await startWeChatSimulator({ users: [{ id: 'ming', nickname: '小明' }] });
  const service = await startService({ ...wechat.apps[0], api: wechat.url, pages: wechat.url });
  const executablePath = process.env['CHROMIUM_PATH'] ?? chromium.executablePath();
  const browser = await chromium.launch({ executablePath });
  try {
    const page = await browser.newPage();
    await page.goto(service.url);
    await page.getByRole('link', { name: 'Log in with WeChat' }).click();
    await page.getByRole('link', { name: '小明' }).click();
    assert.equal(await page.textContent('body'), 'Hello 小明');
  } finally {
    await Promise.all([browser.close(), wechat.close(), service.close()]);
  }
}).timeout(60_000); // a browser takes its time to start
