import assert from 'node:assert/strict';
import type { Fault, WeChatSimulator } from '../../src/simulator/index.js';
import {
  account,
  address,
  assertRefused,
  closeAll,
  exchange,
  exchangeOf,
  login,
  refresh,
  start,
  userInfo,
  website,
} from './wechat.js';

const access = '/sns/oauth2/access_token';

async function raw(wechat: WeChatSimulator, code: string): Promise<Response> {
  return fetch(address(wechat, access, exchangeOf(code)), { redirect: 'manual' });
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof Error && error.cause instanceof Error && 'code' in error.cause && error.cause.code === code;
}

describe('misbehave', () => {
  afterEach(closeAll);

  it('answers an errcode once, with the text of WeChat, and spends nothing', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    wechat.misbehave('access_token', { errcode: -1 });
    assertRefused(await exchange(wechat, code), -1, 'system error');
    assert.equal('openid' in (await exchange(wechat, code)), true);
  });

  it('spends the code behind a lost answer when told so', async () => {
    const wechat = await start();
    for (const fault of [{ errcode: -1 }, { status: 502 }] as const) {
      const code = wechat.createCode();
      wechat.misbehave('access_token', { ...fault, processed: true });
      await raw(wechat, code);
      assertRefused(await exchange(wechat, code), 40163, 'code been used');
      assert.equal(wechat.calls.at(-2)?.errcode, 'errcode' in fault ? -1 : 0);
      assert.notEqual(wechat.calls.at(-2)?.openid, undefined);
    }
  });

  it('has its own text for every errcode that is documented, and takes another', async () => {
    const wechat = await start();
    wechat.misbehave('access_token', { errcode: 50002 });
    assertRefused(await exchange(wechat, 'x'), 50002, 'user limited');
    wechat.misbehave('access_token', { errcode: 12345 });
    assertRefused(await exchange(wechat, 'x'), 12345, 'unknown error');
    wechat.misbehave('access_token', { errcode: 40029, errmsg: 'invalid code, hints: [ req_id: a/b ]' });
    assert.deepEqual(await exchange(wechat, 'x'), { errcode: 40029, errmsg: 'invalid code, hints: [ req_id: a/b ]' });
    wechat.misbehave('access_token', { errcode: 0 });
    assert.deepEqual(await exchange(wechat, 'x'), { errcode: 0, errmsg: 'ok' });
  });

  it('answers a status, with the page of a gateway or with what it is given', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    wechat.misbehave('access_token', { status: 502 });
    wechat.misbehave('access_token', {
      status: 503,
      headers: { 'Retry-After': '1', 'content-type': 'application/json' },
      body: '{}',
    });
    wechat.misbehave('access_token', { status: 302, headers: { Location: 'http://127.0.0.1:1/' } });
    wechat.misbehave('access_token', { status: 599 });
    wechat.misbehave('access_token', { status: 204 });
    const gateway = await raw(wechat, code);
    assert.equal(gateway.status, 502);
    assert.equal(gateway.headers.get('content-type'), 'text/html');
    assert.equal(
      await gateway.text(),
      '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>',
    );
    const busy = await raw(wechat, code);
    assert.deepEqual(
      [busy.status, busy.headers.get('retry-after'), busy.headers.get('content-type'), await busy.text()],
      [503, '1', 'application/json', '{}'],
    );
    assert.equal((await raw(wechat, code)).headers.get('location'), 'http://127.0.0.1:1/');
    assert.match(await (await raw(wechat, code)).text(), /599 Unknown/);
    assert.equal(await (await raw(wechat, code)).text(), '');
    assert.equal('openid' in (await exchange(wechat, code)), true);
  });

  it('resets the connection before or after the code is spent', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    wechat.misbehave('access_token', { connection: 'reset' });
    wechat.misbehave('access_token', { connection: 'reset', processed: true });
    await assert.rejects(raw(wechat, code), hasCode('ECONNRESET'));
    await assert.rejects(raw(wechat, code), hasCode('ECONNRESET'));
    assertRefused(await exchange(wechat, code), 40163, 'code been used');
    assert.deepEqual(
      wechat.calls.map(({ errcode }) => errcode),
      [undefined, 0, 40163],
    );
  });

  it('hangs until the client gives up', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    wechat.misbehave('access_token', { connection: 'hang' });
    const url = address(wechat, access, exchangeOf(code));
    await assert.rejects(fetch(url, { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' });
    assert.equal('openid' in (await exchange(wechat, code)), true);
  });

  it('delays a right answer to a request that is processed at once', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    wechat.misbehave('access_token', { delay: 100 });
    const begin = performance.now();
    const [late, early] = await Promise.all([
      exchange(wechat, code).then((fields) => ({ fields, after: performance.now() - begin })),
      new Promise((resolve) => setTimeout(resolve, 30)).then(() => exchange(wechat, code)),
    ]);
    assert.ok(late.after >= 95);
    assert.equal('openid' in late.fields, true);
    assertRefused(early, 40163, 'code been used');
  });

  it('delays any other fault, and forgets the answer to a client that is gone', async () => {
    const wechat = await start();
    wechat.misbehave('access_token', { connection: 'reset', delay: 50 });
    wechat.misbehave('access_token', { errcode: -1, delay: 10_000 });
    wechat.misbehave('access_token', { errcode: 45011, delay: 0 });
    const begin = performance.now();
    await assert.rejects(raw(wechat, 'x'), hasCode('ECONNRESET'));
    assert.ok(performance.now() - begin >= 45);
    await assert.rejects(fetch(address(wechat, access, exchangeOf('x')), { signal: AbortSignal.timeout(50) }), {
      name: 'TimeoutError',
    });
    assert.equal((await exchange(wechat, 'x'))['errcode'], 45011);
  });

  it('spoils an answer: HTML, nothing, half the JSON, or half the body and the end of the connection', async () => {
    const wechat = await start();
    for (const answer of ['html', 'empty', 'malformed', 'cut'] as const) wechat.misbehave('access_token', { answer });
    const codes = [1, 2, 3, 4].map(() => wechat.createCode()) as [string, string, string, string];
    const html = await raw(wechat, codes[0]);
    assert.equal(html.status, 200);
    assert.match(await html.text(), /^<html>/);
    const empty = await raw(wechat, codes[1]);
    assert.deepEqual([empty.headers.get('content-length'), await empty.text()], ['0', '']);
    const malformed = await (await raw(wechat, codes[2])).text();
    assert.match(malformed, /^\{"access_token":"/);
    assert.throws(() => JSON.parse(malformed) as unknown, SyntaxError);
    const cut = await raw(wechat, codes[3]);
    assert.ok(Number(cut.headers.get('content-length')) > 300);
    await assert.rejects(cut.text(), TypeError);
    for (const code of codes) assert.equal((await exchange(wechat, code))['errcode'], 40163);
  });

  it('sends raw control characters and broken UTF-8 in the nickname', async () => {
    const wechat = await start();
    const { access_token, openid } = await login(wechat);
    wechat.misbehave('userinfo', { answer: 'control-characters' });
    wechat.misbehave('userinfo', { answer: 'invalid-utf8' });
    const url = address(wechat, '/sns/userinfo', { access_token, openid });
    const text = await (await fetch(url)).text();
    assert.ok(text.includes('"nickname":"\u0014\u0007\b\n爱丽丝😀",'));
    assert.throws(() => JSON.parse(text) as unknown, SyntaxError);
    const bytes = await (await fetch(url)).arrayBuffer();
    assert.throws(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes), TypeError);
    assert.match(new TextDecoder().decode(bytes), /"nickname":"\ufffd+爱丽丝😀"/);
  });

  it("answers user info with somebody else's openid", async () => {
    const wechat = await start();
    const [alice, bob] = [
      await login(wechat, website, { user: 'alice' }),
      await login(wechat, website, { user: 'bob' }),
    ];
    wechat.misbehave('userinfo', { answer: 'another-openid' });
    assert.equal((await userInfo(wechat, alice))['openid'], bob.openid);
    const alone = await start({ users: [{ id: 'alice' }] });
    alone.misbehave('userinfo', { answer: 'another-openid' });
    const info = await userInfo(alone, await login(alone));
    assert.match(String(info['openid']), /^o[\w-]{27}$/);
    assert.notEqual(info['openid'], alice.openid);
  });

  it('leaves an error at user info as it is', async () => {
    const wechat = await start();
    const tokens = await login(wechat, account, { scope: 'snsapi_base' });
    for (const answer of ['control-characters', 'invalid-utf8', 'another-openid'] as const) {
      wechat.misbehave('userinfo', { answer });
      assertRefused(await userInfo(wechat, tokens), 48001, 'api unauthorized');
    }
  });

  it('lets faults wait in line for their endpoint, as often as told, until behave()', async () => {
    const wechat = await start();
    const tokens = await login(wechat);
    wechat.misbehave('refresh_token', { errcode: 1 }, { times: 2 });
    wechat.misbehave('any', { errcode: 2 });
    wechat.misbehave('userinfo', { errcode: 3 }, { times: Infinity });
    const seen = [];
    for (let i = 0; i < 4; i++) seen.push((await refresh(wechat, tokens.refresh_token))['errcode']);
    assert.deepEqual(seen, [1, 1, 2, undefined]);
    for (let i = 0; i < 4; i++) assert.equal((await userInfo(wechat, tokens))['errcode'], 3);
    wechat.behave();
    assert.equal('nickname' in (await userInfo(wechat, tokens)), true);
  });

  it('does not follow later changes of the fault', async () => {
    const wechat = await start();
    const fault = { errcode: -1 };
    wechat.misbehave('any', fault);
    fault.errcode = 0;
    assert.equal((await exchange(wechat, 'x'))['errcode'], -1);
  });

  for (const [fault, message] of [
    [null, /^a fault needs one of delay, errcode, status, connection or answer$/],
    [{}, /^a fault needs one of/],
    [{ delay: -1 }, /^delay must be milliseconds/],
    [{ delay: '5' }, /^delay must be milliseconds/],
    [{ delay: 2 ** 31 }, /^delay must be milliseconds/],
    [{ delay: 1, processed: true }, /^a fault with delay cannot have processed$/],
    [{ errcode: 1.5 }, /^errcode must be an integer$/],
    [{ errcode: 1, status: 502 }, /^a fault with errcode cannot have status$/],
    [{ errcode: 1, errmsg: 1 }, /^errmsg must be a string$/],
    [{ errcode: 1, processed: 1 }, /^processed must be true or false$/],
    [{ status: 199 }, /^status must be an HTTP status from 200 to 599$/],
    [{ status: 200.5 }, /^status must be/],
    [{ status: 200, body: 1 }, /^body must be a string$/],
    [{ status: 200, headers: 1 }, /^headers must be/],
    [{ status: 200, headers: null }, /^headers must be/],
    [{ status: 200, headers: { 'a b': 'c' } }, /^headers must be/],
    [{ status: 200, headers: { a: 'b\r\nc: d' } }, /^headers must be/],
    [{ status: 200, headers: { a: 1 } }, /^headers must be/],
    [{ connection: 'slow' }, /^connection must be one of reset, hang$/],
    [{ answer: 'wrong' }, /^answer must be one of html, empty, malformed, cut, control-characters,/],
    [{ answer: 'another-openid' }, /^the answer another-openid is for the endpoint userinfo only$/],
  ] as [unknown, RegExp][]) {
    it(`refuses ${JSON.stringify(fault)} with a TypeError`, async () => {
      const wechat = await start();
      assert.throws(() => wechat.misbehave('access_token', fault as Fault), { name: 'TypeError', message });
    });
  }

  it('refuses unknown endpoints and wrong numbers of times', async () => {
    const wechat = await start();
    assert.throws(() => wechat.misbehave('token' as 'any', { errcode: 1 }), {
      name: 'TypeError',
      message: /^endpoint must be access_token,/,
    });
    for (const times of [0, -1, 1.5, NaN, -Infinity]) {
      assert.throws(() => wechat.misbehave('any', { errcode: 1 }, { times }), {
        name: 'TypeError',
        message: /^times must be/,
      });
    }
  });
});
