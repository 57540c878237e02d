import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { account, address, closeAll, exchange, get, miniProgram, mobile, start, website } from './wechat.js';
import type { Params } from './wechat.js';

const redirectUri = 'https://app.example/callback';
const oauth2 = '/connect/oauth2/authorize';
const qrconnect = '/connect/qrconnect';

function paramsOf(appid: string, scope: string): Params {
  return { appid, redirect_uri: redirectUri, response_type: 'code', scope, state: 'abc' };
}

async function visit(url: string): Promise<{ status: number; location: string; text: string; headers: Headers }> {
  const response = await fetch(url, { redirect: 'manual' });
  const { status, headers } = response;
  return { status, location: headers.get('location') ?? '', text: await response.text(), headers };
}

/** The addresses of the links on a page, as a browser reads them. */
function linksOn(text: string, base: string): string[] {
  return [...text.matchAll(/href="([^"]*)"/g)].map(([, href = '']) => new URL(unescape(href), base).href);
}

function unescape(text: string): string {
  const characters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return text.replace(/&([^;]+);/g, (_, name: string) => characters[name] ?? assert.fail(name));
}

function codeIn(location: string): string {
  const code = new URL(location).searchParams.get('code') ?? '';
  assert.match(code, /^[0-9A-Za-z]{32}$/);
  return code;
}

describe('authorizeUrl', () => {
  afterEach(closeAll);

  it('is what WeChat documents for official accounts', async () => {
    const wechat = await start();
    assert.equal(
      wechat.authorizeUrl({ appId: account.appId, redirectUri, state: 'abc', lang: 'en' }),
      `${wechat.url}${oauth2}?appid=${account.appId}&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback` +
        '&response_type=code&scope=snsapi_userinfo&state=abc#wechat_redirect',
    );
    assert.match(
      wechat.authorizeUrl({ appId: account.appId, redirectUri, scope: 'snsapi_base' }),
      /&scope=snsapi_base&state=#wechat_redirect$/,
    );
  });

  it('is what WeChat documents for websites, the first app being the default', async () => {
    const wechat = await start();
    assert.equal(
      wechat.authorizeUrl({ redirectUri, state: 'a b', lang: 'en', user: 'bob' }),
      `${wechat.url}${qrconnect}?appid=${website.appId}&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback` +
        '&response_type=code&scope=snsapi_login&state=a+b&lang=en&user=bob#wechat_redirect',
    );
  });

  it('throws a TypeError for what the page would refuse', async () => {
    const wechat = await start();
    const refused = (options: object, message: RegExp): void => {
      assert.throws(() => wechat.authorizeUrl({ redirectUri, ...options }), { name: 'TypeError', message });
    };
    refused({ redirectUri: '/callback' }, /redirect_uri must be an absolute http or https address/);
    refused({ scope: 'snsapi_base' }, /scope must be snsapi_login/);
    refused({ appId: account.appId, state: 'a-b' }, /state must be at most 128 letters and digits/);
    refused({ appId: mobile.appId }, /mobile app has no authorize page/);
    refused({ appId: miniProgram.appId }, /mini-program app has no authorize page/);
    refused({ appId: 'wx1' }, /apps has no entry with this appId; it has wx00000000website, /);
    refused({ user: 'nobody' }, /users has no entry with this id; it has alice, bob, snapshot/);
  });
});

describe('an authorize page', () => {
  afterEach(closeAll);

  it('lists the users and a refusal, in Chinese and English', async () => {
    const wechat = await start({
      users: [
        { id: 'a', nickname: '爱丽丝' },
        { id: 'b', blocked: true },
        { id: 'c', snapshot: true },
      ],
    });
    const { status, text, headers } = await visit(wechat.authorizeUrl({ redirectUri }));
    assert.equal(status, 200);
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8');
    for (const part of [
      '爱丽丝',
      'b · 被拦截 blocked',
      'c · 快照页 snapshot',
      '拒绝 Refuse',
      website.appId,
      'width=device-width',
    ]) {
      assert.ok(text.includes(part), part);
    }
  });

  it('sends whoever is picked back with a code of that user', async () => {
    const wechat = await start();
    const url = wechat.authorizeUrl({ redirectUri, state: 'a b&c=d#e' });
    const [alice = '', bob = '', ...rest] = linksOn((await visit(url)).text, url);
    assert.equal(rest.length, 2);
    const nicknames = [];
    for (const link of [alice, bob]) {
      const { status, location } = await visit(link);
      assert.equal(status, 302);
      assert.match(location, /^https:\/\/app\.example\/callback\?code=\w{32}&state=a%20b%26c%3Dd%23e$/);
      const { access_token, openid } = await exchange(wechat, codeIn(location));
      nicknames.push((await get(wechat, '/sns/userinfo', { access_token, openid } as Params))['nickname']);
    }
    assert.deepEqual(nicknames, ['爱丽丝😀', '王小明']);
  });

  it('sends whoever refuses back with authdeny', async () => {
    const wechat = await start();
    const url = wechat.authorizeUrl({ redirectUri, state: 'abc' });
    const refusal = linksOn((await visit(url)).text, url).at(-1) ?? '';
    const { status, location, headers } = await visit(refusal);
    assert.equal(status, 302);
    assert.equal(location, `${redirectUri}?code=authdeny&state=abc`);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal((await visit(wechat.authorizeUrl({ redirectUri, user: '', state: 'abc' }))).location, location);
  });

  it('answers a program with the redirect at once, for the granted scope', async () => {
    const wechat = await start();
    const url = wechat.authorizeUrl({ appId: account.appId, redirectUri, scope: 'snsapi_base', user: 'bob' });
    const { status, location } = await visit(url);
    assert.equal(status, 302);
    assert.match(location, /state=$/);
    assert.equal((await exchange(wechat, codeIn(location), account))['scope'], 'snsapi_base');
  });

  for (const [given, expected] of [
    ['https://app.example', /^https:\/\/app\.example\/\?code=\w+&state=s$/],
    ['https://app.example/cb?', /^https:\/\/app\.example\/cb\?code=\w+&state=s$/],
    ['https://app.example/cb?a=%20b&c', /^https:\/\/app\.example\/cb\?a=%20b&c&code=\w+&state=s$/],
    ['https://app.example/cb?a=1&', /^https:\/\/app\.example\/cb\?a=1&code=\w+&state=s$/],
    ['http://localhost:3000/#/login?x=1#y', /^http:\/\/localhost:3000\/\?code=\w+&state=s#\/login\?x=1#y$/],
    ['https://app.example/微信\r\nX: y', /^https:\/\/app\.example\/%E5%BE%AE%E4%BF%A1X:%20y\?code=\w+&state=s$/],
  ] as const) {
    for (const app of [website, account]) {
      it(`puts the code where it belongs in ${JSON.stringify(given)} for a ${app.kind}`, async () => {
        const wechat = await start();
        const { appId } = app;
        const { location } = await visit(wechat.authorizeUrl({ appId, redirectUri: given, state: 's', user: 'bob' }));
        assert.match(location, expected);
      });
    }
  }

  for (const [page, app, scope] of [
    [oauth2, account, 'snsapi_userinfo'],
    [qrconnect, website, 'snsapi_login'],
  ] as const) {
    for (const [what, changes, code] of [
      ['no appid', { appid: '' }, 10012],
      ['an unknown appid', { appid: 'wx1' }, undefined],
      ['an app of another kind', { appid: mobile.appId }, page === oauth2 ? 10016 : undefined],
      ['no redirect_uri', { redirect_uri: '' }, 10011],
      ['a redirect_uri that is no address', { redirect_uri: 'callback' }, 10003],
      ['a redirect_uri of another protocol', { redirect_uri: 'javascript:alert(1)' }, 10003],
      ['another response_type', { response_type: 'token' }, undefined],
      ['no scope', { scope: '' }, 10010],
      ["another page's scope", { scope: page === oauth2 ? 'snsapi_login' : 'snsapi_userinfo' }, 10005],
      ['a user it does not have', { user: 'nobody' }, undefined],
    ] as const) {
      it(`refuses ${what} at ${page}`, async () => {
        const wechat = await start();
        const url = address(wechat, page, { ...paramsOf(app.appId, scope), user: 'bob', ...changes });
        const { status, text } = await visit(url);
        assert.equal(status, 200);
        assert.match(text, /无法登录/);
        assert.equal(/Error code: (\d+)/.exec(text)?.[1], code === undefined ? undefined : String(code));
      });
    }
  }

  it('refuses a host other than the configured callback domain', async () => {
    const wechat = await start({ apps: [{ ...website, callbackDomain: 'app.example' }] });
    assert.equal((await visit(wechat.authorizeUrl({ redirectUri, user: 'bob' }))).status, 302);
    assert.throws(
      () => wechat.authorizeUrl({ redirectUri: 'https://evil.example' }),
      /must be on the host app\.example/,
    );
  });

  it('of an official account takes 128 letters and digits as state, nothing else; that of a website anything', async () => {
    const wechat = await start();
    const statusOf = async (page: string, params: Params): Promise<number> =>
      (await visit(address(wechat, page, { ...params, user: 'bob' }))).status;
    const params = paramsOf(account.appId, 'snsapi_userinfo');
    assert.equal(await statusOf(oauth2, { ...params, state: 'a'.repeat(128) }), 302);
    assert.equal(await statusOf(oauth2, { ...params, state: 'a'.repeat(129) }), 200);
    assert.equal(await statusOf(oauth2, { ...params, state: 'a\n' }), 200);
    assert.equal(await statusOf(oauth2, { ...params, state: '' }), 302);
    assert.equal(
      await statusOf(qrconnect, { ...paramsOf(website.appId, 'snsapi_login'), state: '-'.repeat(300) }),
      302,
    );
  });

  it('of an official account wants the parameters in order and ignores others', async () => {
    const wechat = await start();
    const { state = '', ...rest } = paramsOf(account.appId, 'snsapi_userinfo');
    const swapped = await visit(address(wechat, oauth2, { state, ...rest, user: 'bob' }));
    assert.match(swapped.text, /appid, redirect_uri, response_type, scope, state/);
    const more = { forcePopup: 'true', ...rest, state, connect_redirect: '1', user: 'bob' };
    assert.equal((await visit(address(wechat, oauth2, more))).status, 302);
    const website302 = { state, ...paramsOf(website.appId, 'snsapi_login'), user: 'bob' };
    assert.equal((await visit(address(wechat, qrconnect, website302))).status, 302);
  });
});

describe('every page', () => {
  afterEach(closeAll);

  it('escapes what strangers choose', async () => {
    const evil = `"><script>alert('1')</script>&amp;`;
    const wechat = await start({
      apps: [
        { ...website, name: evil },
        { ...website, appId: evil },
      ],
      users: [{ id: evil, nickname: evil }],
    });
    const params = { ...paramsOf(evil, 'snsapi_login'), state: evil, [evil]: evil };
    for (const url of [
      `${wechat.url}/`,
      address(wechat, qrconnect, params),
      address(wechat, qrconnect, paramsOf(website.appId, 'snsapi_login')),
    ]) {
      const { text } = await visit(url);
      assert.doesNotMatch(text, /<script|alert\('/, url);
      assert.match(text, /&quot;&gt;&lt;script&gt;alert\(&#39;1&#39;\)&lt;\/script&gt;&amp;amp;/, url);
    }
    const url = address(wechat, qrconnect, params);
    const { location } = await visit(linksOn((await visit(url)).text, url)[0] ?? '');
    assert.equal(new URL(location).searchParams.get('state'), evil);
  });

  it('allows no script and only its own style', async () => {
    const wechat = await start();
    for (const url of [`${wechat.url}/`, wechat.authorizeUrl({ redirectUri }), `${wechat.url}${qrconnect}`]) {
      const { text, headers } = await visit(url);
      const [, style = ''] = /<style>(.*)<\/style>/s.exec(text) ?? [];
      const hash = createHash('sha256').update(style).digest('base64');
      assert.equal(
        headers.get('content-security-policy'),
        `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
      );
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.doesNotMatch(text, /<script|style=| on\w+=/);
      assert.ok(!text.includes(website.appSecret));
    }
  });

  it('starts at a home page whose forms lead to the authorize pages', async () => {
    const wechat = await start();
    const { text } = await visit(`${wechat.url}/`);
    const forms = [...text.matchAll(/<form action="([^"]+)">.*?<\/form>/gs)];
    assert.deepEqual(
      forms.map(([, action]) => action),
      [qrconnect, oauth2],
    );
    for (const [form, action = ''] of forms) {
      const query = new URLSearchParams();
      for (const [, name = '', value, scope] of form.matchAll(
        /name="(\w+)"(?:[^>]*value="([^"]*)"|><option>(\w+))?/g,
      )) {
        query.append(name, value ?? scope ?? '');
      }
      const next = await visit(`${wechat.url}${action}?${query.toString()}`);
      assert.match(next.text, /拒绝 Refuse/, action);
    }
  });
});
