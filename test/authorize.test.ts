import assert from 'node:assert/strict';
import { inspect } from 'node:util';

import { type AuthorizeUrlOptions, createAuthorizeUrl, createState, WeChatCodeStrategy } from '../src/index.js';
import { startWeChatSimulator, type WeChatSimulator } from '../src/simulator/index.js';
import { closeServers, type LoginApp, parse, send, startLoginApp } from './support/app.js';

const appId = 'wx0123456789abcdef';
const redirectUri = 'https://app.example/auth/callback?from=微信&next=%2F';
const encoded =
  'https%3A%2F%2Fapp.example%2Fauth%2Fcallback%3Ffrom%3D%E5%BE%AE%E4%BF%A1%26next%3D%252F&response_type=code';
const account = { kind: 'official-account', appId, redirectUri, scope: 'snsapi_base', state: 'abc123' } as const;
const website = { kind: 'website', appId, redirectUri, state: 'abc123' } as const;

/** As JavaScript calls it: with options that the types would not allow. */
const create = (options: unknown): string => createAuthorizeUrl(options as AuthorizeUrlOptions);

describe('createAuthorizeUrl', () => {
  const accountStart = `https://open.weixin.qq.com/connect/oauth2/authorize?appid=${appId}&redirect_uri=${encoded}`;
  const websiteStart = `https://open.weixin.qq.com/connect/qrconnect?appid=${appId}&redirect_uri=${encoded}`;
  const made: [what: string, options: AuthorizeUrlOptions, expected: string][] = [
    ['an official account', account, `${accountStart}&scope=snsapi_base&state=abc123#wechat_redirect`],
    [
      'an official account that asks for everything',
      { ...account, scope: 'snsapi_userinfo', forcePopup: true, forceSnapShot: true },
      `${accountStart}&scope=snsapi_userinfo&state=abc123&forcePopup=true&forceSnapShot=true#wechat_redirect`,
    ],
    [
      'an official account that says no, whatever the order of its options',
      { forceSnapShot: false, forcePopup: false, ...account },
      `${accountStart}&scope=snsapi_base&state=abc123&forcePopup=false&forceSnapShot=false#wechat_redirect`,
    ],
    ['a website', website, `${websiteStart}&scope=snsapi_login&state=abc123#wechat_redirect`],
    [
      'a website in another language',
      { ...website, scope: 'snsapi_login', lang: 'en' },
      `${websiteStart}&scope=snsapi_login&state=abc123&lang=en#wechat_redirect`,
    ],
    [
      'a website with a state of its own form',
      { ...website, state: 'a b+c&d=#微' },
      `${websiteStart}&scope=snsapi_login&state=a%20b%2Bc%26d%3D%23%E5%BE%AE#wechat_redirect`,
    ],
    [
      'another place',
      { ...website, baseUrl: 'http://127.0.0.1:8080/wechat/' },
      `${websiteStart.replace('https://open.weixin.qq.com', 'http://127.0.0.1:8080/wechat')}&scope=snsapi_login&state=abc123#wechat_redirect`,
    ],
  ];
  for (const [what, options, expected] of made) {
    it(`is what WeChat documents for ${what}`, () => {
      assert.equal(createAuthorizeUrl(options), expected);
    });
  }

  const canary = 'cAnArY';
  const refused: [what: string, options: unknown, message: RegExp][] = [
    ['no options', undefined, /^options /],
    ['no kind', { ...account, kind: undefined }, /^kind must be one of official-account, website$/],
    ['a mobile app, which has no page', { ...account, kind: 'mobile' }, /^kind must be one of/],
    ['no appId', { ...account, appId: undefined }, /^appId /],
    ['an appId with a space', { ...website, appId: `wx ${canary}` }, /^appId /],
    [
      'a redirectUri that is a URL',
      { ...account, redirectUri: new URL('https://app.example') },
      /^redirectUri must be an absolute address/,
    ],
    ['no redirectUri', { ...account, redirectUri: undefined }, /^redirectUri must be an absolute address/],
    ...[
      '',
      '/callback',
      '//app.example',
      'app.example/callback',
      'https:app.example',
      'https://',
      'https://a b',
      ' https://app.example',
      'https://app.example/\n',
      'https://app.example/\u0085',
      'ftp://app.example',
      'javascript:alert(1)',
      'https://app.example/\ud800',
    ].map((uri): [string, unknown, RegExp] => [
      `the redirectUri ${inspect(uri)}`,
      { ...website, redirectUri: uri },
      /^redirectUri must be an absolute address/,
    ]),
    [
      'no scope for an official account',
      { ...account, scope: undefined },
      /^scope must be one of snsapi_base, snsapi_u/,
    ],
    [
      "a website's scope for an official account",
      { ...account, scope: 'snsapi_login' },
      /^scope must be one of snsapi_b/,
    ],
    [
      "an official account's scope for a website",
      { ...website, scope: 'snsapi_base' },
      /^scope must be one of snsapi_l/,
    ],
    ['two scopes', { ...account, scope: 'snsapi_base,snsapi_userinfo' }, /^scope must be one of/],
    ['a lang for an official account', { ...account, lang: 'en' }, /^lang is not for .* official-account$/],
    ['forcePopup for a website', { ...website, forcePopup: false }, /^forcePopup is not for .* website$/],
    ['forceSnapShot for a website', { ...website, forceSnapShot: true }, /^forceSnapShot is not for .* website$/],
    ['a forcePopup that is no boolean', { ...account, forcePopup: 'true' }, /^forcePopup must be true or false$/],
    ['a forceSnapShot that is no boolean', { ...account, forceSnapShot: 1 }, /^forceSnapShot must be true or false$/],
    ['an unknown lang', { ...website, lang: 'zh_CN' }, /^lang must be one of cn, en$/],
    ...[undefined, null, 5, '', 'a-b', 'a b', '微信', 'a\n', 'x'.repeat(129), ['a'], { toString: () => 'a' }].map(
      (state): [string, unknown, RegExp] => [
        `the state ${inspect(state)} for an official account`,
        { ...account, state },
        /^state must be 1 to 128 letters and digits/,
      ],
    ),
    ...[undefined, null, 5, '', 'a\n', 'a\u0000', '\ud800', 'x'.repeat(1025), ['a']].map(
      (state): [string, unknown, RegExp] => [
        `the state ${inspect(state)} for a website`,
        { ...website, state },
        /^state /,
      ],
    ),
    ['a baseUrl in the clear', { ...website, baseUrl: 'http://open.weixin.qq.com' }, /^baseUrl must be https/],
    ['a baseUrl that is none', { ...website, baseUrl: 'open.weixin.qq.com' }, /^baseUrl must be an address/],
    ['a baseUrl with a query', { ...website, baseUrl: 'https://a.example/?a' }, /^baseUrl must not have/],
  ];
  for (const [what, options, message] of refused) {
    it(`throws a TypeError that names the option for ${what}`, () => {
      assert.throws(
        () => create(options),
        (error) => {
          assert.ok(error instanceof TypeError);
          assert.match(error.message, message);
          return !error.message.includes(canary);
        },
      );
    });
  }

  it('takes the longest states', () => {
    assert.ok(create({ ...account, state: 'x'.repeat(128) }).includes(`&state=${'x'.repeat(128)}#`));
    assert.ok(create({ ...website, state: 'x'.repeat(1024) }).includes(`&state=${'x'.repeat(1024)}#`));
  });
});

describe('createState', () => {
  it('gives 32 hexadecimal digits, never the same ones, which both kinds take', () => {
    const states = Array.from({ length: 1_000 }, createState);
    assert.equal(new Set(states).size, states.length);
    for (const state of states) assert.match(state, /^[0-9a-f]{32}$/);
    // Every place has every digit, so nothing of it is constant.
    for (let place = 0; place < 32; place += 1) assert.equal(new Set(states.map((state) => state[place])).size, 16);
    const state = createState();
    for (const options of [account, website]) assert.ok(createAuthorizeUrl({ ...options, state }).includes(state));
  });
});

describe('an authorize address, at the simulated WeChat,', () => {
  let wechat: WeChatSimulator;
  beforeEach(async () => {
    wechat = await startWeChatSimulator();
  });
  afterEach(async () => {
    await Promise.all([closeServers(), wechat.close()]);
  });

  interface Login {
    app: LoginApp;
    url: string;
    state: string;
  }

  /** An application which has sent a browser to WeChat. */
  async function start(kind: AuthorizeUrlOptions['kind']): Promise<Login> {
    const simulated = wechat.apps.find((app) => app.kind === kind);
    assert.ok(simulated);
    const { appId, appSecret } = simulated;
    const state = createState();
    const strategy = new WeChatCodeStrategy(
      { appId, appSecret, http: { baseUrl: wechat.url }, verifyState: (_req, given) => given === state },
      (_tokens, { displayName }) => Promise.resolve({ displayName }),
    );
    const app = await startLoginApp(strategy);
    const common = { appId, redirectUri: `${app.url}/login?from=wechat#top`, state, baseUrl: wechat.url };
    const url = createAuthorizeUrl(
      kind === 'website'
        ? { kind, ...common, lang: 'en' }
        : { kind, ...common, scope: 'snsapi_userinfo', forcePopup: true, forceSnapShot: false },
    );
    return { app, url, state };
  }

  /** Visits WeChat's page as a browser does, and gives where its links lead to. */
  async function addressesBehind(url: string): Promise<URL[]> {
    const page = await fetch(url);
    const text = await page.text();
    assert.equal(page.status, 200, text);
    const links = [...text.matchAll(/href="([^"]*)"/g)].map(
      ([, href = '']) => new URL(href.replaceAll('&amp;', '&'), url).href,
    );
    const answers = await Promise.all(links.map((link) => fetch(link, { redirect: 'manual' })));
    return answers.flatMap(({ headers }) => {
      const location = headers.get('location');
      return location === null ? [] : [new URL(location)];
    });
  }

  for (const kind of ['official-account', 'website'] as const) {
    it(`of the kind ${kind} leads to a whole login`, async () => {
      const { app, url, state } = await start(kind);
      const [callback] = (await addressesBehind(url)).filter(({ searchParams }) => searchParams.has('code'));
      assert.ok(callback);
      assert.deepEqual([callback.origin, callback.hash], [app.url, '#top']);
      assert.deepEqual([callback.searchParams.get('from'), callback.searchParams.get('state')], ['wechat', state]);
      const reply = await send(app, '/login', { query: callback.search.slice(1) });
      assert.deepEqual([reply.status, parse(reply).user], [200, { displayName: '爱丽丝😀' }], reply.text);
    });

    it(`of the kind ${kind} leads to no login with the state of another browser`, async () => {
      const [mine, theirs] = await Promise.all([start(kind), start(kind)]);
      const [callback] = (await addressesBehind(theirs.url)).filter(({ searchParams }) => searchParams.has('code'));
      assert.equal((await send(mine.app, '/login', { query: callback?.search.slice(1) ?? '' })).status, 403);
    });
  }

  it('of one kind is refused for an app of the other', async () => {
    const [website, account] = wechat.apps;
    assert.ok(account);
    const common = { redirectUri: 'https://app.example/', state: 'abc', baseUrl: wechat.url };
    for (const url of [
      createAuthorizeUrl({ kind: 'website', appId: account.appId, ...common }),
      createAuthorizeUrl({ kind: 'official-account', appId: website.appId, scope: 'snsapi_base', ...common }),
    ]) {
      assert.deepEqual(await addressesBehind(url), []);
    }
  });
});
