import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { inspect, promisify } from 'node:util';
import { startWeChatSimulator } from '../../src/simulator/index.js';
import type { SimulatorOptions } from '../../src/simulator/index.js';
import { ExpiringMap } from '../../src/simulator/expiring-map.js';
import {
  account,
  address,
  closeAll,
  codeToSession,
  exchange,
  exchangeOf,
  login,
  miniProgram,
  minute,
  mobile,
  refresh,
  start,
  userInfo,
  website,
} from './wechat.js';

describe('startWeChatSimulator', () => {
  afterEach(closeAll);

  it('needs no options: a website, an official account, a mini program and three users, on loopback', async () => {
    const wechat = await startWeChatSimulator();
    try {
      assert.match(wechat.url, /^http:\/\/127\.0\.0\.1:\d+$/);
      assert.deepEqual(
        wechat.apps.map(({ kind }) => kind),
        ['website', 'official-account', 'mini-program'],
      );
      assert.deepEqual(
        wechat.users.map(({ id }) => id),
        ['alice', 'bob', 'snapshot'],
      );
      for (const app of wechat.apps.slice(0, 2)) {
        const tokens = await login(wechat, app);
        assert.equal((await userInfo(wechat, tokens))['nickname'], '爱丽丝😀');
      }
      const miniProgram = wechat.apps[2];
      const { openid } = await codeToSession(
        wechat,
        wechat.createCode({ appId: miniProgram?.appId ?? '' }),
        miniProgram,
      );
      assert.match(String(openid), /^o[\w-]{27}$/);
    } finally {
      await wechat.close();
    }
  });

  it('listens on the port and the host it is given', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    await once(free, 'close');
    assert.equal((await start({ port })).url, `http://127.0.0.1:${String(port)}`);
    const wechat = await start({ host: '0.0.0.0' });
    assert.match(wechat.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await fetch(wechat.url)).status, 200);
  });

  it('gives an address with brackets on IPv6', async function () {
    const wechat = await start({ host: '::1' }).catch(() => this.skip());
    assert.match(wechat.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await fetch(wechat.url)).status, 200);
  });

  it('says so when the port is taken', async () => {
    const { url } = await start();
    const { port } = new URL(url);
    await assert.rejects(start({ port: Number(port) }), {
      code: 'EADDRINUSE',
      message: `port ${port} of 127.0.0.1 is taken: stop what uses it, or leave port out to take any free one`,
    });
  });

  it('passes on why else it cannot listen', async () => {
    // An address for documentation, which no machine has.
    await assert.rejects(start({ host: '203.0.113.1' }), { code: 'EADDRNOTAVAIL' });
  });

  for (const [options, message] of [
    [{ port: -1 }, /^port must be an integer from 0 to 65535/],
    [{ port: 65_536 }, /^port must be/],
    [{ port: '80' }, /^port must be/],
    [{ host: '' }, /^host must be a non-empty string$/],
    [{ apps: [] }, /^apps must be an array of at least one object/],
    [{ apps: [null] }, /^apps must be an array/],
    [{ apps: website }, /^apps must be an array/],
    [{ users: [] }, /^users must be an array/],
    [{ users: ['alice'] }, /^users must be an array/],
    [{ apps: [{ ...website, appId: '' }] }, /^apps\[0\]\.appId must be a non-empty string$/],
    [{ apps: [website, { ...account, appSecret: undefined }] }, /^apps\[1\]\.appSecret must be/],
    [
      { apps: [{ ...website, kind: 'toString' }] },
      /^apps\[0\]\.kind must be one of official-account, website, mobile, mini-program$/,
    ],
    [{ apps: [website, { ...account, appId: website.appId }] }, /^apps must not have two entries with the same appId$/],
    [{ apps: [{ ...website, name: 5 }] }, /^apps\[0\]\.name must be a string$/],
    ...['App.Example', 'app.example:3000', 'https://app.example', 'app.example/', '', 5].map(
      (callbackDomain): [unknown, RegExp] => [
        { apps: [{ ...website, callbackDomain }] },
        /^apps\[0\]\.callbackDomain must be a host in lower case, without a scheme, port or path/,
      ],
    ),
    [
      { apps: [{ ...website, callbackdomain: 'a' }] },
      /^apps\[0\] has no option "callbackdomain"; it has appId, .*callbackDomain$/,
    ],
    [
      { users: [{ id: 'a' }, { id: 'b', nickName: 'B' }] },
      /^users\[1\] has no option "nickName"; it has id, nickname,/,
    ],
    [{ users: [{ id: 'a', sex: 3 }] }, /^users\[0\]\.sex must be 0, 1 or 2$/],
    [{ users: [{ id: 'a', blocked: 'no' }] }, /^users\[0\]\.blocked must be true or false$/],
    [{ users: [{ id: 'a', privilege: [1] }] }, /^users\[0\]\.privilege must be an array of strings$/],
    [{ user: [{ id: 'a' }] }, /^the simulator has no option "user"; it has port, host, apps, users$/],
    [{ users: [{ id: '' }] }, /^users\[0\]\.id must be a non-empty string$/],
    [{ users: [{ id: 'a' }, { id: 'a' }] }, /^users must not have two entries with the same id$/],
  ] as [unknown, RegExp][]) {
    it(`rejects ${JSON.stringify(options)} with a TypeError`, async () => {
      await assert.rejects(start(options as SimulatorOptions), { name: 'TypeError', message });
    });
  }

  it('rejects what are no options at all with a TypeError', async () => {
    for (const options of [null, 5, 'alice', []] as unknown[]) {
      await assert.rejects(startWeChatSimulator(options as SimulatorOptions), {
        name: 'TypeError',
        message: /^options must be an object$/,
      });
    }
  });

  it('keeps its own copy of the apps and users', async () => {
    const user = { id: 'a', nickname: 'before', privilege: ['before'] };
    const wechat = await start({ users: [user] });
    user.nickname = 'after';
    user.privilege.push('after');
    const [kept] = wechat.users;
    assert.deepEqual([kept.nickname, kept.privilege], ['before', ['before']]);
    for (const copy of [kept, kept.privilege, wechat.apps[0]]) assert.equal(Object.isFrozen(copy), true);
  });
});

describe('createCode', () => {
  afterEach(closeAll);

  it('gives 32 letters and digits, never the same', async () => {
    const wechat = await start();
    const codes = Array.from({ length: 500 }, () => wechat.createCode());
    for (const code of codes) assert.match(code, /^[0-9A-Za-z]{32}$/);
    assert.equal(new Set(codes).size, 500);
  });

  it('asks for the fullest scope of the app unless told otherwise', async () => {
    const wechat = await start();
    const scopes = [];
    for (const app of [website, account, mobile]) scopes.push((await login(wechat, app))['scope']);
    assert.deepEqual(scopes, ['snsapi_login', 'snsapi_userinfo', 'snsapi_userinfo']);
  });

  it('throws a TypeError for unknown apps and users and for scopes the app has not, without echoing them', async () => {
    const wechat = await start();
    const secret = website.appSecret;
    for (const options of [{ appId: secret }, { user: secret }, { scope: secret as 'snsapi_base' }]) {
      assert.throws(
        () => wechat.createCode(options),
        (error) => error instanceof TypeError && !error.message.includes(secret),
      );
    }
    assert.throws(() => wechat.createCode({ scope: 'snsapi_base' }), /^TypeError: scope must be snsapi_login for/);
    const stray: object = { userId: 'bob' };
    assert.throws(
      () => wechat.createCode(stray),
      /^TypeError: createCode has no option "userId"; it has appId, user, scope$/,
    );
    for (const id of ['bob', null] as unknown[]) {
      assert.throws(
        () => wechat.createCode(id as object),
        /^TypeError: createCode takes an object with appId, user, scope$/,
      );
    }
    assert.match(wechat.createCode({ ...wechat.apps[0], user: wechat.users[0].id }), /^\w{32}$/);
    const { appId } = miniProgram;
    assert.throws(
      () => wechat.createCode({ appId, scope: 'snsapi_base' }),
      /^TypeError: scope must be left out for an app of the kind mini-program$/,
    );
  });
});

describe('the clock', () => {
  afterEach(closeAll);

  it('goes forward only', async () => {
    const wechat = await start();
    for (const milliseconds of [-1, NaN, Infinity]) {
      assert.throws(() => wechat.advance(milliseconds), { name: 'TypeError', message: /^advance takes milliseconds/ });
    }
    assert.throws(() => wechat.advance(1e16), { name: 'TypeError', message: /^advance goes no further than/ });
    wechat.advance(0);
    wechat.advance(minute);
    await exchange(wechat, 'x');
    const ahead = Number(wechat.calls[0]?.time) - Date.now();
    assert.ok(ahead > minute - 5000 && ahead <= minute);
  });
});

describe('calls', () => {
  afterEach(closeAll);

  it('tell what was asked and answered, and by whom', async () => {
    const wechat = await start();
    const tokens = await login(wechat);
    await userInfo(wechat, tokens);
    await refresh(wechat, 'wrong');
    await exchange(wechat, 'x', { ...website, appSecret: 'wrong' });
    await exchange(wechat, 'x', { ...website, appId: 'wx1' });
    await fetch(wechat.url);
    const { appId } = website;
    const { openid } = tokens;
    assert.deepEqual(
      wechat.calls.map(({ endpoint, errcode, appId, openid }) => ({ endpoint, errcode, appId, openid })),
      [
        { endpoint: 'access_token', errcode: 0, appId, openid },
        { endpoint: 'userinfo', errcode: 0, appId, openid },
        { endpoint: 'refresh_token', errcode: 40030, appId, openid: undefined },
        { endpoint: 'access_token', errcode: 40125, appId, openid: undefined },
        { endpoint: 'access_token', errcode: 40013, appId: undefined, openid: undefined },
      ],
    );
  });

  it('hold no secret, code or token, not even one sent as something else', async () => {
    const wechat = await start();
    const code = wechat.createCode();
    const tokens = await login(wechat);
    await exchange(wechat, code);
    await refresh(wechat, tokens.refresh_token);
    await userInfo(wechat, tokens);
    await userInfo(wechat, { ...tokens, openid: tokens.access_token });
    await userInfo(wechat, { ...tokens, access_token: code });
    await exchange(wechat, code, { ...website, appId: website.appSecret });
    await fetch(address(wechat, '/sns/oauth2/refresh_token', { appid: website.appSecret, refresh_token: code }));
    const shown = inspect(wechat.calls, { depth: null, showHidden: true });
    for (const secret of [website.appSecret, code, tokens.access_token, tokens.refresh_token]) {
      assert.ok(!shown.includes(secret));
    }
  });

  it('are the latest 10 000', async () => {
    const wechat = await start();
    for (let i = 0; i < 101; i++) {
      const path = i === 0 ? '/sns/auth' : '/sns/userinfo';
      await Promise.all(
        Array.from({ length: i === 0 ? 1 : 100 }, () => fetch(`${wechat.url}${path}`).then((r) => r.text())),
      );
    }
    assert.equal(wechat.calls.length, 10_000);
    assert.equal(wechat.calls[0]?.endpoint, 'userinfo');
  });
});

describe('close', () => {
  it('ends idle, waiting and silent connections, and does no harm twice', async () => {
    const wechat = await start();
    await (await fetch(wechat.url)).text();
    wechat.misbehave('access_token', { connection: 'hang' });
    wechat.misbehave('access_token', { delay: 60_000 });
    const waiting = [1, 2].map(() => fetch(address(wechat, '/sns/oauth2/access_token', exchangeOf('x'))));
    const failed = Promise.all(waiting.map((request) => assert.rejects(request)));
    const silent = connect(Number(new URL(wechat.url).port), '127.0.0.1').on('error', () => undefined);
    const ended = once(silent, 'close');
    silent.resume();
    while (wechat.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(wechat.close(), wechat.close());
    await wechat.close();
    await failed;
    await ended;
    await wechat.close();
    await assert.rejects(fetch(wechat.url));
  });

  it('lets the process end, even if an answer was still delayed', async () => {
    const program = `
      const { startWeChatSimulator } = await import('./src/simulator/index.ts');
      const wechat = await startWeChatSimulator();
      wechat.misbehave('auth', { delay: 1_000_000 });
      const request = fetch(wechat.url + '/sns/auth').catch(() => undefined);
      while (wechat.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      await wechat.close();
      await request;`;
    const options = ['--import', 'ts-blank-space/register', '--input-type=module', '--eval', program];
    await promisify(execFile)(process.execPath, options, { timeout: 10_000 });
  });

  it('frees the port', async () => {
    const first = await start();
    await first.close();
    await (await start({ port: Number(new URL(first.url).port) })).close();
  });
});

describe('ExpiringMap', () => {
  it('forgets what is due, when something is added at the latest', () => {
    const map = new ExpiringMap<number>();
    map.set('a', 1, 10, 0);
    map.set('b', 2, 20, 0);
    assert.equal(map.get('a', 9), 1);
    assert.equal(map.get('a', 10), undefined);
    map.set('c', 3, 30, 10);
    assert.equal(map.size, 2);
    assert.equal(map.get('b', 10), 2);
  });

  it('forgets the oldest of more than 10 000', () => {
    const map = new ExpiringMap<number>();
    for (let i = 0; i < 10_001; i++) map.set(String(i), i, 10, 0);
    assert.equal(map.size, 10_000);
    assert.equal(map.get('0', 0), undefined);
    assert.equal(map.get('1', 0), 1);
  });

  it('counts a repeated key as new', () => {
    const map = new ExpiringMap<string>();
    map.set('a', 'old', 10, 0);
    map.set('b', 'other', 20, 0);
    map.set('a', 'new', 50, 0);
    map.set('c', 'next', 60, 25);
    assert.equal(map.get('a', 25), 'new');
    assert.equal(map.size, 2);
  });
});
