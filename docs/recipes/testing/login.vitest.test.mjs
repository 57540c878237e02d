import { startWeChatSimulator } from 'passport-wechat-code/simulator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService } from './app.mjs';

/** @type {import('passport-wechat-code/simulator').WeChatSimulator} */ let wechat;
/** @type {Awaited<ReturnType<typeof startService>>} */ let service;
beforeAll(async () => {
  const users = [
    { id: 'ming', nickname: '小明' },
    { id: 'snap', snapshot: true },
  ];
  wechat = await startWeChatSimulator({ users });
  service = await startService({ ...wechat.apps[0], api: wechat.url });
});
afterAll(() => Promise.all([wechat.close(), service.close()]));

/** @param {string} user */
const visitAs = (user) =>
  fetch(`${service.url}/callback?code=${wechat.createCode({ user })}&state=s`, { headers: { cookie: 'state=s' } });

test('who logs in is greeted', async () => {
  expect(await (await visitAs('ming')).text()).toBe('Hello 小明');
});

test('a virtual user of a snapshot page is not let in', async () => {
  expect((await visitAs('snap')).status).toBe(403);
});
