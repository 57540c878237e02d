import assert from 'node:assert/strict';
import { request } from 'node:http';
import type { WeChatSimulator } from '../../src/simulator/index.js';
import { account, closeAll, codeToSession, exchange, login, miniProgram, minute, start, website } from './wechat.js';
import type { Params } from './wechat.js';

async function look(wechat: WeChatSimulator): Promise<string> {
  const response = await fetch(`${wechat.url}/`);
  assert.equal(response.status, 200);
  return response.text();
}

/** The table rows of the page below a heading, each as the texts of its cells. */
function rowsBelow(html: string, heading: string): string[][] {
  const [, section] = new RegExp(`<h2>[^<]*${heading}</h2>(.*?)</section>`, 's').exec(html) ?? [];
  assert(section !== undefined, `no heading ${heading}`);
  return [...section.matchAll(/<tr><td>(.*?)<\/tr>/gs)].map(([, row = '']) =>
    row.split('<td>').map((cell) => cell.replace(/<[^>]*>/g, '')),
  );
}

/** Sends a form as a browser does that shows the page at `origin`. */
async function post(
  wechat: WeChatSimulator,
  path: string,
  form: Params,
  headers: Params = { Origin: wechat.url },
): Promise<Response> {
  const body = new URLSearchParams(form);
  return fetch(`${wechat.url}${path}`, { method: 'POST', redirect: 'manual', headers, body });
}

/** What no client library lets one do: a Host header of one's own. */
async function withHost(wechat: WeChatSimulator, host: string, method = 'GET', path = '/'): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { Host: host, Origin: `http://${host}` };
    const outgoing = request(`${wechat.url}${path}`, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.on('error', reject).end();
  });
}

describe('the start page', () => {
  afterEach(closeAll);

  it('lists apps and users, and no secret', async () => {
    const users = [
      { id: 'ming', nickname: '小明' },
      { id: 'mallory', blocked: true },
      { id: 'snap', snapshot: true },
    ];
    const text = await look(await start({ users }));
    for (const { appId, appSecret, kind } of [website, account, miniProgram]) {
      assert.ok(text.includes(`${kind} · ${appId}`));
      assert.ok(!text.includes(appSecret));
    }
    assert.deepEqual(rowsBelow(text, 'Users'), [
      ['ming', '小明', ''],
      ['mallory', '', '被拦截 blocked'],
      ['snap', '', '快照页 snapshot'],
    ]);
  });

  it('shows the newest codes first: for whom they are, and whether they are fresh, used or expired', async () => {
    const wechat = await start();
    const expired = wechat.createCode({ user: 'bob' });
    wechat.advance(5 * minute);
    const used = wechat.createCode({ appId: account.appId, scope: 'snsapi_base' });
    await exchange(wechat, used, account);
    const fresh = wechat.createCode({ appId: miniProgram.appId });
    assert.deepEqual(rowsBelow(await look(wechat), 'Codes of the last hour'), [
      ['未用 fresh', fresh, miniProgram.appId, 'alice', ''],
      ['已用 used', used, account.appId, 'alice', 'snsapi_base'],
      ['过期 expired', expired, website.appId, 'bob', 'snsapi_login'],
    ]);
    wechat.advance(60 * minute);
    assert.deepEqual(rowsBelow(await look(wechat), 'Codes of the last hour'), []);
  });

  it('shows the newest calls first, with who called, what came of it, and no secret of the query', async () => {
    const wechat = await start();
    await login(wechat, website, { user: 'bob' });
    await exchange(wechat, 'code-of-somebody', website, { secret: 'secret-of-somebody' });
    wechat.misbehave('any', { status: 502 });
    await fetch(`${wechat.url}/sns/auth?access_token=token-of-somebody`);
    const text = await look(wechat);
    assert.deepEqual(
      rowsBelow(text, 'Recent calls').map(([, ...rest]) => rest),
      [
        ['auth', '没有处理 not processed', '', ''],
        ['access_token', '40125 invalid appsecret', website.appId, ''],
        ['access_token', '0 ok', website.appId, 'bob'],
      ],
    );
    assert.match(rowsBelow(text, 'Recent calls')[0]?.[0] ?? '', /^\d\d:\d\d:\d\d$/);
    assert.doesNotMatch(text, /-of-somebody/);
  });

  it('shows 20 codes and 50 calls', async () => {
    const wechat = await start();
    for (let i = 0; i < 60; i++) {
      wechat.createCode();
      await (await fetch(`${wechat.url}/sns/auth`)).text();
    }
    const text = await look(wechat);
    assert.equal(rowsBelow(text, 'Codes of the last hour').length, 20);
    assert.equal(rowsBelow(text, 'Recent calls').length, 50);
  });

  it('makes a code for an app and a user at a click', async () => {
    const wechat = await start();
    const form = { appId: miniProgram.appId, user: 'bob' };
    const response = await post(wechat, '/simulator/codes', form);
    assert.deepEqual([response.status, response.headers.get('location')], [303, '/#codes']);
    const code = rowsBelow(await look(wechat), 'Codes of the last hour')[0]?.[1] ?? '';
    assert.equal('openid' in (await codeToSession(wechat, code)), true);
    await post(wechat, '/simulator/codes', { appId: account.appId, user: 'alice', scope: 'snsapi_base' });
    const base = rowsBelow(await look(wechat), 'Codes of the last hour')[0]?.[1] ?? '';
    assert.equal((await exchange(wechat, base, account))['scope'], 'snsapi_base');
  });

  for (const [form, fault] of [
    [
      { fault: 'errcode -1', processed: 'yes' },
      { errcode: -1, processed: true },
    ],
    [{ fault: 'errcode', errcode: '45011' }, { errcode: 45011 }],
    [
      { fault: 'status 503', delay: '10' },
      { status: 503, delay: 10 },
    ],
    [{ fault: 'connection reset' }, { connection: 'reset' }],
    [{ fault: 'answer html' }, { answer: 'html' }],
    [{ fault: 'delay', delay: '10' }, { delay: 10 }],
  ] as const) {
    it(`switches ${JSON.stringify(fault)} on and off`, async () => {
      const wechat = await start();
      const response = await post(wechat, '/simulator/faults/on', { endpoint: 'auth', times: '', ...form });
      assert.deepEqual([response.status, response.headers.get('location')], [303, '/#faults']);
      const text = await look(wechat);
      const words = Object.entries(fault).map(([key, value]) =>
        key === 'delay' ? `${String(value)} ms` : value === true ? key : `${key} ${String(value)}`,
      );
      assert.deepEqual(rowsBelow(text, 'Faults'), [['auth', words.join(', '), '∞', '关 Off']]);

      const outcome = async (): Promise<unknown> =>
        fetch(`${wechat.url}/sns/auth`).then(
          async (answer) => [answer.status, (await answer.text()).replace(/,? rid.*/, '')],
          () => 'no answer',
        );
      const faulty = await outcome();
      if ('delay' in fault && !('status' in fault)) assert.ok(Array.isArray(faulty));
      else assert.notDeepEqual(faulty, [200, '{"errcode":41001,"errmsg":"access_token missing']);
      const id = /name="id" value="(\d+)"/.exec(text)?.[1] ?? '';
      assert.equal((await post(wechat, '/simulator/faults/off', { id })).status, 303);
      assert.deepEqual(rowsBelow(await look(wechat), 'Faults'), []);
      assert.deepEqual(await outcome(), [200, '{"errcode":41001,"errmsg":"access_token missing']);
    });
  }

  it('switches a fault on for as many requests as told, and off one of several', async () => {
    const wechat = await start();
    wechat.misbehave('userinfo', { errcode: 1 });
    await post(wechat, '/simulator/faults/on', { endpoint: 'auth', fault: 'errcode -1', times: '2' });
    assert.equal(rowsBelow(await look(wechat), 'Faults')[1]?.[2], '2');
    await (await fetch(`${wechat.url}/sns/auth`)).text();
    const text = await look(wechat);
    assert.equal(rowsBelow(text, 'Faults')[1]?.[2], '1');
    const [, id = ''] = /name="id" value="(\d+)"/.exec(text) ?? [];
    await post(wechat, '/simulator/faults/off', { id });
    await post(wechat, '/simulator/faults/off', { id });
    assert.deepEqual(
      rowsBelow(await look(wechat), 'Faults').map(([endpoint]) => endpoint),
      ['auth'],
    );
  });

  it('says what is wrong with a form, and changes nothing', async () => {
    const wechat = await start();
    for (const [path, form, message] of [
      ['codes', { appId: 'wx1', user: 'bob' }, /apps has no entry with this appId/],
      ['codes', { user: 'bob' }, /apps has no entry/],
      ['codes', { appId: website.appId, user: 'bob', scope: 'x' }, /scope must be snsapi_login/],
      ['faults/on', {}, /endpoint must be access_token/],
      ['faults/on', { endpoint: 'auth', fault: 'errcode' }, /errcode must be an integer/],
      ['faults/on', { endpoint: 'auth', fault: 'delay' }, /delay must be milliseconds/],
      ['faults/on', { endpoint: 'auth', fault: '<b> x' }, /a fault needs one of/],
      ['faults/on', { endpoint: 'auth', fault: 'answer html', processed: 'yes' }, /answer cannot have processed/],
      ['faults/on', { endpoint: 'auth', fault: 'status 502', times: '0' }, /times must be a positive integer/],
      ['codes', { appId: 'a'.repeat(20_000) }, /the form is too long/],
    ] as const) {
      const response = await post(wechat, `/simulator/${path}`, form);
      assert.equal(response.status, 400);
      assert.match(await response.text(), message);
    }
    const text = await look(wechat);
    assert.deepEqual([rowsBelow(text, 'Faults'), rowsBelow(text, 'Codes of the last hour')], [[], []]);
  });

  it('takes no form of another website, nor one that does not say where it is from', async () => {
    const wechat = await start();
    for (const headers of [
      { Origin: 'https://evil.example' },
      { Origin: `${wechat.url}.evil.example` },
      { Origin: wechat.url.replace(/\d+$/, '1') },
      { Origin: 'null' },
      {},
    ]) {
      for (const path of ['/simulator/codes', '/simulator/faults/on', '/simulator/faults/off']) {
        const form = { appId: website.appId, user: 'bob', endpoint: 'any', fault: 'errcode -1', id: '1' };
        assert.equal((await post(wechat, path, form, headers as Params)).status, 403);
      }
    }
    const text = await look(wechat);
    assert.deepEqual([rowsBelow(text, 'Faults'), rowsBelow(text, 'Codes of the last hour')], [[], []]);
  });

  it('is shown on loopback under names of this machine only, so that no other website reads it by DNS rebinding', async () => {
    const wechat = await start();
    const { port } = new URL(wechat.url);
    for (const host of ['localhost', '127.0.0.1', '[::1]', 'wechat.localhost', 'LOCALHOST']) {
      assert.equal(await withHost(wechat, `${host}:${port}`), 200, host);
    }
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', 'a b', '203.0.113.1', '']) {
      assert.equal(await withHost(wechat, `${host}:${port}`), 403, host);
      assert.equal(await withHost(wechat, `${host}:${port}`, 'POST', '/simulator/codes'), 403, host);
    }
    const everywhere = await start({ host: '0.0.0.0' });
    assert.equal(await withHost(everywhere, 'wechat.internal'), 200);
  });

  it('allows its forms to say where they come from', async () => {
    const wechat = await start();
    const { headers } = await fetch(wechat.url);
    assert.equal(headers.get('referrer-policy'), 'same-origin');
  });

  it('answers other methods and paths as WeChat does', async () => {
    const wechat = await start();
    for (const [method, path] of [
      ['POST', '/'],
      ['GET', '/simulator/codes'],
      ['POST', '/simulator/toString'],
      ['POST', '/simulator/'],
    ] as const) {
      const response = await fetch(`${wechat.url}${path}`, { method, headers: { Origin: wechat.url } });
      assert.equal(((await response.json()) as { errcode: number }).errcode, 40066);
    }
  });

  it('survives a client that goes away in the middle of a form', async () => {
    const wechat = await start();
    const headers = { Origin: wechat.url, 'Content-Length': '100' };
    const outgoing = request(`${wechat.url}/simulator/codes`, { method: 'POST', headers });
    outgoing.on('error', () => undefined).write('appId=');
    await look(wechat);
    outgoing.destroy();
    await look(wechat);
    assert.deepEqual(rowsBelow(await look(wechat), 'Codes of the last hour'), []);
  });
});
