import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';

import { startWeChatSimulator, type WeChatSimulator } from 'passport-wechat-code/simulator';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import blankSpace from 'ts-blank-space';

import { launchChromium, openWindow, type Visitor } from './support/browser.js';
import { leftOut } from './support/chromium-path.js';
import { login } from './support/api.js';
import { anyStores } from './support/servers.js';
import { type Service, startService } from './support/service.js';
import { en, zh } from './support/texts.js';

const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };
const hour = 3600 * 1000;

const users = [
  { id: 'alice', nickname: '爱丽丝😀', headimgurl: 'https://thirdwx.qlogo.cn/mmopen/alice/132' },
  { id: 'bob', nickname: '😀王小明' },
  { id: 'faceless', nickname: 'Zoe', headimgurl: 'https://pictures.example/none.png' },
  { id: 'nameless', nickname: ' ' },
  { id: 'endless', nickname: 'Wolfeschlegelsteinhausenbergerdorff'.repeat(20) },
];

const attack = 'window.attacked=true';
const intruder = `<img src=x onerror="${attack}">`;
const attackers = [
  { id: 'script', nickname: `<script>${attack}</script>`, headimgurl: `javascript:${attack}` },
  { id: 'handler', nickname: intruder, headimgurl: `https://x.example/"onerror="${attack}` },
  { id: 'picture', nickname: `"><svg onload=${attack}>`, headimgurl: `data:image/svg+xml,<svg onload="${attack}"/>` },
  { id: 'template', nickname: '{{constructor}}${1}&lt;b&gt;' },
];

/** How the service can fail, and words of the sentence that people then see. */
const failures: [status: number, code: string | undefined, english: string, chinese: string][] = [
  [401, 'ERR_WECHAT_LOGIN_REFUSED', 'You refused', '拒绝了登录'],
  [401, 'ERR_WECHAT_CODE_USED', 'used already, and each is good only once', '已经用过了，每次授权只能用一次'],
  [401, 'ERR_WECHAT_INVALID_CODE', 'may have expired', '可能已过期'],
  [401, 'ERR_WECHAT_REFRESH_TOKEN_EXPIRED', 'Your login has ended', '登录已过期'],
  [401, 'UNAUTHORIZED', 'Your login has ended', '登录已过期'],
  [403, 'ERR_WECHAT_WRONG_STATE', 'did not start in this window', '不是在此窗口发起'],
  [403, 'ERR_WECHAT_USER_BLOCKED', 'does not let this account', '不允许这个账号'],
  [403, 'ERR_WECHAT_SNAPSHOT_USER', 'preview page', '快照页'],
  [400, 'ERR_WECHAT_CODE_MALFORMED', 'That did not work', '没有成功'],
  [404, 'NOT_FOUND', 'That did not work', '没有成功'],
  [413, undefined, 'That did not work', '没有成功'],
  [429, 'TOO_MANY_LOGINS', 'too many logins', '太频繁'],
  [429, undefined, 'too many logins', '太频繁'],
  [500, 'INTERNAL', 'The service has a problem', '服务出了点问题'],
  [500, 'ERR_WECHAT_CONFIG', 'not set up right', '没有设置好'],
  [500, 'ERR_WECHAT_PERMISSION_DENIED', 'not set up right', '没有设置好'],
  [502, undefined, 'The service has a problem', '服务出了点问题'],
  [502, 'ERR_WECHAT_NETWORK', 'no useful answer', '没有给出有效的答复'],
  [502, 'ERR_WECHAT_RESPONSE', 'no useful answer', '没有给出有效的答复'],
  [503, 'ERR_WECHAT_BUSY', 'very busy', '很忙'],
  [503, 'ERR_WECHAT_RATE_LIMITED', 'very busy', '很忙'],
  [503, 'ERR_WECHAT_LOGIN_LOST', 'lost on its way', '在路上丢失了'],
  [504, 'ERR_WECHAT_TIMEOUT', 'no useful answer', '没有给出有效的答复'],
];

/** Takes the types away, which is all that the compiler does, and costs nothing. */
function buildPage(): void {
  for (const name of ['page', 'service']) {
    const source = readFileSync(new URL(`../page/${name}.ts`, import.meta.url), 'utf8');
    writeFileSync(new URL(`../public/${name}.js`, import.meta.url), blankSpace(source));
  }
}

/** Runs in the page: every text whose contrast to what is behind it is under 4.5, which WCAG's level AA asks for. */
function findPoorContrast(): string[] {
  const numbers = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = numbers(color).map((part) =>
      part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (element: Element | null): string => {
    if (element === null) return 'rgb(255, 255, 255)';
    const { backgroundColor } = getComputedStyle(element);
    return numbers(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
  };
  const seen = [...document.querySelectorAll('main *')].filter(
    (element) =>
      element.checkVisibility() &&
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim() !== ''),
  );
  if (seen.length < 4) throw new Error('there is too little to see');
  return seen.flatMap((element) => {
    const colors = [getComputedStyle(element).color, behind(element)];
    const [dark = 0, light = 0] = colors.map(luminance).sort((one, other) => one - other);
    const contrast = (light + 0.05) / (dark + 0.05);
    return contrast < 4.5 ? [`${element.textContent.trim()}: ${colors.join(' on ')} is ${contrast.toFixed(2)}`] : [];
  });
}

describe(`the login page${leftOut === undefined ? '' : ` (all left out: ${leftOut})`}`, function () {
  this.timeout(60_000);

  const started: (() => Promise<unknown>)[] = [];
  let wechat: WeChatSimulator;
  let service: Service;
  let browser: Browser;
  /** The window of most tests: to open one takes longer than most of them. */
  let usual: Visitor | undefined;
  let visitor: Visitor;
  let page: Page;

  before(async function () {
    if (leftOut !== undefined) this.skip();
    this.timeout(180_000); // a busy machine takes its time to start all of this
    buildPage();
    wechat = await startWeChatSimulator({ users: [...users, ...attackers] });
    started.push(() => wechat.close());
    const [{ appId, appSecret }] = wechat.apps;
    service = await startService({
      WECHAT_APP_ID: appId,
      WECHAT_APP_SECRET: appSecret,
      WECHAT_SIMULATOR_URL: wechat.url,
      ...(await anyStores()),
      JWT_SECRET: 'a secret that is only good for these tests',
      LOGINS_PER_MINUTE: '1000',
      LOG_LEVEL: 'warn',
    });
    started.push(() => service.stop());
    browser = await launchChromium();
    started.push(() => browser.close());
  });

  afterEach(async function () {
    if (this.currentTest?.state === 'failed') usual = undefined;
    for (const context of browser.contexts()) {
      if (context !== usual?.page.context()) await context.close();
    }
    await usual?.page.unrouteAll({ behavior: 'ignoreErrors' });
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  /** Somebody who has never been here. A browser with other settings is a window of its own. */
  async function newVisitor(options?: BrowserContextOptions): Promise<void> {
    visitor = options ? await openWindow(browser, options) : (usual ??= await openWindow(browser));
    page = visitor.page;
    await page.goto(`${service.url}/icon.svg`); // of the same origin, to get at what is kept there
    await page.evaluate(() => sessionStorage.clear());
    for (const seen of [visitor.complaints, visitor.requestsElsewhere, visitor.posted]) seen.length = 0;
  }

  async function visit(options?: BrowserContextOptions): Promise<void> {
    await newVisitor(options);
    await page.goto(service.url);
  }

  /** A visit by somebody who has logged in before, without the clicks. */
  async function visitAs(user: string, options?: BrowserContextOptions): Promise<void> {
    await newVisitor(options);
    const { body } = await login(service, codeOf(user));
    await page.evaluate((kept) => {
      sessionStorage.setItem('login', JSON.stringify({ ...kept, end: Date.now() + 7_200_000 }));
    }, body);
    await page.goto(service.url);
    await page.locator('#name').waitFor();
  }

  const button = (name: string) => page.getByRole('button', { name });
  const heading = (name: string) => page.getByRole('heading', { name, exact: true });
  const says = (sentence: string) => page.getByRole('status').getByText(sentence).waitFor();

  /** Logs in as this user by clicking. */
  async function logIn(user: string): Promise<void> {
    await page.locator('#login').click();
    await page.locator(`a[href*="user=${user}"]`).click();
    await page.locator('#name').waitFor();
  }

  /** Goes to WeChat and back, and tells the address that WeChat sent the browser to. */
  async function logInAndTellAddress(): Promise<URL> {
    const back = page.waitForRequest((request) => request.url().startsWith(`${service.url}/?`));
    await logIn('alice');
    return new URL((await back).url());
  }

  const codeOf = (user: string) => wechat.createCode({ user });

  describe('the way in', () => {
    it('leads to WeChat and back, and shows who came', async () => {
      const callsBefore = wechat.calls.length;
      await visit();
      await heading(en.title).waitFor();
      await button(en.login).click();
      await page.getByRole('link', { name: '爱丽丝😀' }).click();
      await says(en.say('loggedIn'));
      await heading('爱丽丝😀').waitFor();
      await page.locator('#avatar').waitFor();
      assert.match(await page.locator('.life').innerText(), /^This login lasts another (2:00:00|1:59:5\d)$/);
      assert.equal(page.url(), `${service.url}/`);
      assert.deepEqual(visitor.complaints, []);
      assert.deepEqual(visitor.requestsElsewhere, ['https://thirdwx.qlogo.cn/mmopen/alice/132 ()']);
      assert.equal(await page.locator('#avatar').getAttribute('referrerpolicy'), 'no-referrer');
      assert.equal(visitor.posted.length, 1);
      const calls = wechat.calls.slice(callsBefore).map(({ endpoint }) => endpoint);
      assert.deepEqual(calls, ['access_token', 'userinfo']);
    });

    it('takes a new random state each time', async () => {
      await visit();
      const states: unknown[] = [];
      for (const user of ['alice', 'bob']) {
        await logIn(user);
        await button(en.logout).click();
        states.push((visitor.posted.at(-1) as { state: unknown }).state);
      }
      for (const state of states) assert.match(String(state), /^[\da-f]{32}$/);
      assert.notEqual(states[0], states[1]);
    });

    it('stays logged in over a reload, and only in this tab', async () => {
      await visit();
      await logIn('bob');
      await page.reload();
      await heading('😀王小明').waitFor();
      const other = await page.context().newPage();
      await other.goto(service.url);
      await other.getByRole('button', { name: en.login }).waitFor();
      await other.close();
      assert.equal(visitor.posted.length, 1);
    });

    it('cleans the address before it posts the code, so that no reload posts it again', async () => {
      await visit();
      const addresses: string[] = [];
      const posting = new Promise<void>((resolve) => {
        void page.route('**/api/auth/wechat', () => {
          addresses.push(page.url());
          resolve(); // and never answers
        });
      });
      await page.locator('#login').click();
      await page.locator('a[href*="user=alice"]').click();
      await posting;
      await page.reload();
      await says(en.say('welcome'));
      await page.goBack();
      await page.goForward();
      await says(en.say('welcome'));
      assert.deepEqual(addresses, [`${service.url}/`]);
      assert.equal(visitor.posted.length, 1);
    });

    it('does nothing twice while it waits, and recovers when the way back shows it as it was left', async () => {
      await visit();
      let asked = 0;
      await page.route('**/api/auth/wechat?*', () => {
        asked += 1;
      });
      await button(en.login).click();
      await says(en.say('wait'));
      await page.locator('#login').click({ force: true });
      assert.equal(await page.locator('#login').getAttribute('aria-disabled'), 'true');
      assert.equal(asked, 1);
      await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })));
      await page.locator('#login[aria-disabled=false]').waitFor();
    });

    it('can be gone again when the browser was stopped on its way to WeChat', async () => {
      visitor = await openWindow(browser);
      page = visitor.page;
      await page.clock.install();
      await page.goto(service.url);
      await page.route(`${wechat.url}/**`, (route) => route.abort('aborted'));
      const stopped = page.waitForEvent('requestfailed');
      await button(en.login).click();
      await stopped;
      await says(en.say('wait'));
      await page.clock.fastForward(10_000);
      await says(en.say('welcome'));
      await page.unrouteAll();
      await logIn('alice');
    });

    it('can be gone with the keyboard alone', async () => {
      await visit();
      const focus = () => page.evaluate(() => document.activeElement?.id);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      assert.equal(await focus(), 'login');
      assert.equal(await page.locator('#login').evaluate((element) => getComputedStyle(element).outlineStyle), 'solid');
      await page.keyboard.press('Enter');
      await page.locator('a[href*="user=alice"]').press('Enter');
      await button(en.logout).press('Enter');
      await says(en.say('loggedOut'));
      assert.equal(await focus(), 'login');
    });
  });

  describe('a login that does not succeed', () => {
    /** Nothing stops the visitor from coming in after all. */
    async function startsAgain(): Promise<void> {
      assert.equal(page.url(), `${service.url}/`);
      await button(en.again).waitFor();
      await logIn('bob');
      await heading('😀王小明').waitFor();
    }

    it('was refused by the user', async () => {
      await visit();
      await button(en.login).click();
      await page.getByRole('link', { name: 'Refuse' }).click();
      await says(en.say('ERR_WECHAT_LOGIN_REFUSED'));
      assert.deepEqual(visitor.posted, []);
      await startsAgain();
    });

    it('comes back without a code', async () => {
      await visit();
      await page.evaluate(() => {
        sessionStorage.setItem('state', 'mine');
      });
      await page.goto(`${service.url}/?state=mine`);
      await says(en.say('ERR_WECHAT_LOGIN_REFUSED'));
      assert.deepEqual(visitor.posted, []);
    });

    it('has a code that was used already', async () => {
      await visit();
      await page.route(
        '**/api/auth/wechat',
        async (route, request) => {
          const headers = { 'content-type': 'application/json' };
          const first = await fetch(request.url(), { method: 'POST', headers, body: request.postData() });
          assert.equal(first.status, 200);
          await route.continue();
        },
        { times: 1 },
      );
      await button(en.login).click();
      await page.locator('a[href*="user=alice"]').click();
      await says(en.say('ERR_WECHAT_CODE_USED'));
      await startsAgain();
    });

    it('has the state of somebody else', async () => {
      await visit();
      await button(en.login).click();
      await page.getByRole('link', { name: 'Refuse' }).waitFor();
      await page.goto(`${service.url}/?code=${codeOf('alice')}&state=${'0123456789abcdef'.repeat(2)}`);
      await says(en.say('ERR_WECHAT_WRONG_STATE'));
      assert.deepEqual(visitor.posted, []);
      await startsAgain();
    });

    it('has no state, or one that only looks like what is not there', async () => {
      await visit();
      for (const state of ['', '&state=', '&state=null', '&state=undefined']) {
        await page.goto(`${service.url}/?code=${codeOf('alice')}${state}`);
        await says(en.say('ERR_WECHAT_WRONG_STATE'));
        assert.deepEqual(visitor.posted, [], state);
      }
      await startsAgain();
    });

    it('has a state that was used already', async () => {
      await visit();
      const address = await logInAndTellAddress();
      await button(en.logout).click();
      address.searchParams.set('code', codeOf('bob'));
      await page.goto(address.href);
      await says(en.say('ERR_WECHAT_WRONG_STATE'));
      assert.equal(visitor.posted.length, 1);
      await startsAgain();
    });

    it('leaves a login that is there as it is', async () => {
      await visit();
      const address = await logInAndTellAddress();
      await page.goto(address.href);
      await says(en.say('ERR_WECHAT_WRONG_STATE'));
      await heading('爱丽丝😀').waitFor();
      assert.equal(visitor.posted.length, 1);
    });

    it('finds the service away, on the way out and on the way back', async () => {
      await visit();
      await page.context().setOffline(true);
      await button(en.login).click();
      await says(en.say('offline'));
      await page.context().setOffline(false);
      await page.route('**/api/auth/wechat', (route) => route.abort(), { times: 1 });
      await button(en.again).click();
      await page.locator('a[href*="user=alice"]').click();
      await says(en.say('offline'));
      await startsAgain();
    });

    it('gets an answer that is no JSON', async () => {
      await visit();
      const html = { contentType: 'text/html', body: '<h1>Please pay for this Wi-Fi</h1>' };
      await page.route('**/api/auth/wechat?*', (route) => route.fulfill(html), { times: 1 });
      await button(en.login).click();
      await says(en.say('other'));
      await startsAgain();
    });
  });

  it('has a sentence for every failure, in both languages', async () => {
    let answer = {};
    await visitAs('alice');
    await page.route('**/api/me', (route) => route.fulfill(answer));
    for (const [status, code, english, chinese] of failures) {
      // Without a code: the page of a proxy.
      const error = { json: { error: { code, message: 'not shown' } } };
      answer = { status, ...(code === undefined ? { body: '<h1>Sorry</h1>' } : error) };
      await page.locator('[data-action=me]').click();
      await says(english);
      assert.match(String(await page.locator('#status [lang=zh-CN]').textContent()), new RegExp(chinese));
      const loggedOut = await page.locator('#login').isVisible();
      assert.equal(loggedOut, status === 401, `after ${status} ${String(code)}`);
      if (loggedOut) await visitAs('alice');
    }
  });

  describe('names and avatars', () => {
    for (const { id, nickname } of attackers) {
      it(`do nothing but be seen: ${nickname}`, async () => {
        await visitAs(id);
        await says(en.say('loggedIn'));
        await page.waitForLoadState('networkidle');
        assert.equal(await page.locator('#name').textContent(), nickname);
        assert.equal(await page.locator('#name *').count(), 0);
        assert.equal(await page.locator('#initial').innerText(), nickname.slice(0, 1));
        assert.equal(await page.locator('#avatar').isVisible(), false);
        assert.equal(await page.evaluate(() => 'attacked' in window), false);
        // The client of WeChat has made this one harmless, and left out the others.
        assert.deepEqual(
          visitor.requestsElsewhere,
          id === 'handler' ? ['https://x.example/%22onerror=%22window.attacked=true ()'] : [],
        );
      });
    }

    it('are shown from https only', async () => {
      await visitAs('alice');
      await page.locator('#avatar').waitFor();
      for (const [index, avatar] of [
        'http://thirdwx.qlogo.cn/1',
        '//a.cn',
        '/icon.svg',
        'data:,',
        'javascript:1',
      ].entries()) {
        const nickname = `Eve ${index}`;
        const answer = { json: { user: { openid: 'o-1', nickname, avatar } } };
        await page.route('**/api/me', (route) => route.fulfill(answer), { times: 1 });
        await button(en.me).click();
        await heading(nickname).waitFor();
        assert.equal(await page.locator('#avatar').getAttribute('src'), '', avatar);
        assert.equal(await page.locator('#avatar').isVisible(), false, avatar);
        assert.equal(await page.locator('#initial').innerText(), 'E');
      }
    });

    it('could do nothing if they got into the page: the CSP stops them', async () => {
      await visit();
      await page.evaluate((nickname) => {
        document.body.insertAdjacentHTML('beforeend', nickname);
        const script = document.createElement('script');
        script.textContent = 'window.attacked=true';
        document.body.append(script);
      }, intruder);
      await page.waitForLoadState('networkidle');
      assert.equal(await page.evaluate(() => 'attacked' in window), false);
      assert.match(visitor.complaints.join('\n'), /inline event handler.*Content Security Policy/s);
      assert.match(visitor.complaints.join('\n'), /inline script.*Content Security Policy/s);
    });

    for (const [id, initial, name] of [
      ['bob', '😀', '😀王小明'],
      ['faceless', 'Z', 'Zoe'],
      ['nameless', 'W', en.say('nameless')],
    ] as const) {
      it(`fall back to an initial: ${id}`, async () => {
        await visitAs(id);
        await heading(name).waitFor();
        assert.equal(await page.locator('#initial').innerText(), initial);
        assert.equal(await page.locator('#avatar').isVisible(), false);
      });
    }
  });

  describe('the buttons of a user', () => {
    it('show the account as the service knows it', async () => {
      await visitAs('alice');
      await button(en.me).click();
      await says('The service knows you as');
      await heading('爱丽丝😀').waitFor();
      assert.match(await page.getByRole('status').innerText(), /\no[\w-]{27}$/);
      await page.route('**/api/me', (route) =>
        route.fulfill({ json: { user: { openid: 'o-1', nickname: 'New name', avatar: '' } } }),
      );
      await button(en.me).click();
      await says(en.say('known', 'o-1'));
      await heading('New name').waitFor();
      await page.reload();
      await heading('New name').waitFor();
    });

    it('check and refresh the token of WeChat', async () => {
      await visitAs('alice');
      await button(en.validate).click();
      await says(en.say('valid'));
      wechat.advance(3 * hour);
      await button(en.validate).click();
      await says(en.say('invalid'));
      await button(en.refresh).click();
      await says(en.say('refreshed', '120'));
      await button(en.validate).click();
      await says(en.say('valid'));
      assert.deepEqual(visitor.complaints, []);
    });

    it('lead back to the login when WeChat takes the permission back', async () => {
      await visitAs('alice');
      wechat.advance(31 * 24 * hour);
      await button(en.refresh).click();
      await says(en.say('UNAUTHORIZED'));
      await button(en.again).waitFor();
    });

    it('log out, for good', async () => {
      await visitAs('alice');
      await button(en.logout).click();
      await says(en.say('loggedOut'));
      await page.reload();
      await button(en.login).waitFor();
      const kept = await page.evaluate(() => JSON.stringify([sessionStorage, localStorage]));
      assert.doesNotMatch(kept, /eyJ|爱丽丝/);
    });
  });

  describe('the end of a login', () => {
    it('is counted down to, whatever the clock of the device says', async () => {
      visitor = await openWindow(browser);
      page = visitor.page;
      await page.clock.install({ time: new Date('2020-02-02T02:02:02Z') });
      await page.goto(service.url);
      await logIn('alice');
      const life = page.getByRole('timer');
      assert.match(await life.innerText(), /^(2:00:00|1:59:5\d)$/);
      await page.clock.fastForward(hour);
      await life.getByText(/^(1:00:00|0:59:\d\d)$/).waitFor();
      await page.clock.fastForward(hour);
      await says(en.say('UNAUTHORIZED'));
      await button(en.again).waitFor();
      await page.reload();
      await button(en.login).waitFor();
    });

    it('is seen at once when the page is opened after it', async () => {
      await visitAs('alice');
      await page.evaluate(() => {
        const login = JSON.parse(sessionStorage.getItem('login') ?? '') as object;
        sessionStorage.setItem('login', JSON.stringify({ ...login, end: Date.now() - 1000 }));
      });
      await page.reload();
      await says(en.say('UNAUTHORIZED'));
      await button(en.again).waitFor();
    });

    it('comes when the service no longer takes the token', async () => {
      await visitAs('alice');
      await page.evaluate(() => {
        const login = JSON.parse(sessionStorage.getItem('login') ?? '') as object;
        sessionStorage.setItem('login', JSON.stringify({ ...login, token: 'e30.e30.e30' }));
      });
      await page.reload();
      await button(en.me).click();
      await says(en.say('UNAUTHORIZED'));
      await button(en.again).waitFor();
    });
  });

  describe('the languages', () => {
    for (const [locale, text] of [
      ['zh-TW', zh],
      ['fr-FR', en],
    ] as const) {
      it(`begin with the one of the browser: ${locale}`, async () => {
        await visit({ locale });
        await button(text.login).waitFor();
        await heading(text.title).waitFor();
        await says(text.say('welcome'));
        assert.equal(await page.locator('html').getAttribute('lang'), text.lang);
      });
    }

    it('change at a click, in every place, and stay over the way to WeChat', async () => {
      const labels = () => page.locator('main :not(#language) > [lang]:visible').allInnerTexts();
      await visit({ locale: 'zh-CN' });
      for (const label of await labels()) assert.match(label, /^\p{Script=Han}/u);
      await button('English').click();
      for (const label of await labels()) assert.match(label, /^[A-Z]\P{Script=Han}+$/u);
      assert.equal(await page.locator('html').getAttribute('lang'), 'en');
      await logIn('alice');
      await says(en.say('loggedIn'));
      await button('中文').click();
      await says(zh.say('loggedIn'));
      await page.reload();
      await button(zh.logout).waitFor();
    });
  });

  describe('the looks', () => {
    for (const [name, options] of Object.entries({ phone, desktop: { viewport: { width: 1280, height: 800 } } })) {
      it(`fit on a ${name}, and under a finger, in both languages`, async () => {
        await visitAs('endless', options);
        await page.locator('[data-action=me]').click();
        await page.locator('#status.good data:visible').waitFor();
        await fits();
        await button(en.otherLanguage).click();
        await fits();
        await button(zh.logout).click();
        await fits();
        await button(zh.otherLanguage).click();
        await fits();
      });
    }

    async function fits(): Promise<void> {
      // Not the window's own idea of its size: a phone zooms out until everything fits.
      const { width, height } = page.viewportSize() ?? { width: 0, height: 0 };
      const content = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(content <= width, `${content} px are shown on ${width}`);
      const buttons = await page.locator('button:visible').all();
      assert.ok(buttons.length > 1);
      for (const box of await Promise.all(buttons.map((each) => each.boundingBox()))) {
        assert.ok(box !== null && box.width >= 44 && box.height >= 44 && box.x >= 0, JSON.stringify(box));
        assert.ok(box.x + box.width <= width && box.y + box.height <= height, JSON.stringify(box));
      }
    }

    it('do not jump', async () => {
      await visitAs('alice', phone);
      await page.locator('#avatar').waitFor();
      const jumps = await page.evaluate(async () => {
        const entries: unknown[] = [];
        const observer = new PerformanceObserver((list) =>
          entries.push(...list.getEntries().map((entry) => entry.toJSON() as unknown)),
        );
        observer.observe({ type: 'layout-shift', buffered: true });
        await new Promise((resolve) => setTimeout(resolve, 100));
        return entries;
      });
      assert.deepEqual(jumps, []);
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      it(`have enough contrast: ${colorScheme}`, async () => {
        const poor: string[] = [];
        const check = async () => poor.push(...(await page.evaluate(findPoorContrast)));
        await visit();
        await page.emulateMedia({ colorScheme });
        await check();
        await page.goto(`${service.url}/?code=1&state=2`);
        await says(en.say('ERR_WECHAT_WRONG_STATE'));
        await check();
        await visitAs('bob');
        await check();
        await page.emulateMedia({ colorScheme: null });
        assert.deepEqual(poor, []);
      });
    }
  });
});
