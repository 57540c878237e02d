import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';

import {
  AccessToken,
  AppId,
  AppSecret,
  AuthorizationCode,
  exposeTokens,
  OpenId,
  RefreshToken,
  SessionKey,
  UnionId,
  WeChatApiError,
  WeChatClient,
  WeChatResponseError,
} from '../src/index.js';
import {
  accessToken,
  appId,
  appSecret,
  clientOf,
  clientsOn,
  code,
  exchanges,
  factsOf,
  failureOf,
  methods,
  openid,
  refreshToken,
  session,
  sessionKey,
  tokens,
  unionid,
  userInfo,
} from './support/calls.js';
import {
  answer,
  closeServers,
  hang,
  json,
  reset,
  type ScriptedServer,
  startServer,
} from './support/scripted-server.js';
import { transports } from './support/transports.js';

const ok = { errcode: 0, errmsg: 'ok' };

/** The target of the only request a server has seen. */
function targetOf(server: ScriptedServer): string | undefined {
  assert.equal(server.requests.length, 1);
  return server.requests[0]?.target;
}

describe('WeChatClient', () => {
  afterEach(closeServers);

  describe('sends', () => {
    it('the exchange with its parameters in the order of WeChat', async () => {
      const server = await startServer([[json(tokens)]]);
      await clientOf(server.url).exchangeCode(code);
      assert.equal(
        targetOf(server),
        `/sns/oauth2/access_token?appid=${appId}&secret=${appSecret}&code=${code}&grant_type=authorization_code`,
      );
    });

    it('the code of a mini program with its parameters in the order of WeChat', async () => {
      const server = await startServer([[json(session)]]);
      await clientOf(server.url).codeToSession(code);
      assert.equal(
        targetOf(server),
        `/sns/jscode2session?appid=${appId}&secret=${appSecret}&js_code=${code}&grant_type=authorization_code`,
      );
    });

    it('the question for user info with its parameters in the order of WeChat', async () => {
      const server = await startServer([[json(userInfo)]]);
      await clientOf(server.url).getUserInfo(accessToken, openid);
      assert.equal(targetOf(server), `/sns/userinfo?access_token=${accessToken}&openid=${openid}&lang=zh_CN`);
    });

    it('the refresh with its parameters in the order of WeChat, and no secret', async () => {
      const server = await startServer([[json(tokens)]]);
      await clientOf(server.url).refreshToken(refreshToken);
      assert.equal(
        targetOf(server),
        `/sns/oauth2/refresh_token?appid=${appId}&grant_type=refresh_token&refresh_token=${refreshToken}`,
      );
    });

    it('the validation with its parameters in the order of WeChat', async () => {
      const server = await startServer([[json(ok)]]);
      await clientOf(server.url).validateToken(accessToken, openid);
      assert.equal(targetOf(server), `/sns/auth?access_token=${accessToken}&openid=${openid}`);
    });

    it('odd values so that the server reads what was meant', async () => {
      const odd = ` a+b &=?#/\\%2B%"'<>~!()*;:@,$^|\`{}[] 微信\u{1f600}é`;
      const server = await startServer((request) => [json(request.path === '/sns/userinfo' ? userInfo : tokens)]);
      const client = new WeChatClient({ appId, appSecret: `s${odd}s`, http: { baseUrl: server.url } });
      await client.exchangeCode(odd);
      await client.refreshToken(odd);
      await client.getUserInfo(odd, openid);
      assert.deepEqual(
        server.requests.map(({ query }) => [...query]),
        [
          [
            ['appid', appId],
            ['secret', `s${odd}s`],
            ['code', odd],
            ['grant_type', 'authorization_code'],
          ],
          [
            ['appid', appId],
            ['grant_type', 'refresh_token'],
            ['refresh_token', odd],
          ],
          [
            ['access_token', odd],
            ['openid', openid],
            ['lang', 'zh_CN'],
          ],
        ],
      );
    });

    it('a space as %20 and a plus as %2B, which every server reads alike', async () => {
      const server = await startServer([[json(tokens)]]);
      await clientOf(server.url).exchangeCode('a b+c&d=微\u{1f600}');
      assert.match(targetOf(server) ?? '', /&code=a%20b%2Bc%26d%3D%E5%BE%AE%F0%9F%98%80&/);
    });

    for (const { name, call, good } of methods) {
      it(`${name} as a GET without cookies, credentials or a body`, async () => {
        const cookie = { 'set-cookie': 'session=1; Path=/' };
        const server = await startServer([[json(good, cookie)]]);
        const client = clientOf(server.url);
        await call(client);
        await call(client);
        assert.equal(server.requests.length, 2);
        for (const { method, headers } of server.requests) {
          assert.equal(method, 'GET');
          assert.deepEqual(headers, {
            'user-agent': 'passport-wechat-code',
            'accept-encoding': 'identity',
            connection: 'keep-alive',
            host: `127.0.0.1:${server.port}`,
          });
        }
      });
    }

    it('the user agent that was chosen', async () => {
      const server = await startServer([[json(tokens)]]);
      await clientOf(server.url, { userAgent: 'shop/1.0 (+https://shop.example)' }).exchangeCode(code);
      assert.equal(server.requests[0]?.headers['user-agent'], 'shop/1.0 (+https://shop.example)');
    });

    for (const lang of ['zh_CN', 'zh_TW', 'en'] as const) {
      it(`the language ${lang} when it is asked for`, async () => {
        const server = await startServer([[json(userInfo)]]);
        await clientOf(server.url).getUserInfo(accessToken, openid, { lang });
        assert.equal(server.requests[0]?.query.get('lang'), lang);
      });
    }

    it('to a path below the base URL, with or without a slash at its end', async () => {
      const server = await startServer([[json(ok)]]);
      for (const base of ['', '/', '/proxy', '/proxy/', '/a/b//']) {
        await clientOf(`${server.url}${base}`).validateToken(accessToken, openid);
      }
      assert.deepEqual(
        server.requests.map(({ path }) => path),
        ['/sns/auth', '/sns/auth', '/proxy/sns/auth', '/proxy/sns/auth', '/a/b/sns/auth'],
      );
    });

    it('the same request for strings as for the newtypes', async () => {
      const server = await startServer((request) => [
        json({ '/sns/userinfo': userInfo, '/sns/jscode2session': session }[request.path] ?? tokens),
      ]);
      const plain = clientOf(server.url);
      const typed = new WeChatClient({
        appId: AppId(appId),
        appSecret: new AppSecret(appSecret),
        http: { baseUrl: server.url },
      });
      await plain.exchangeCode(code);
      await typed.exchangeCode(new AuthorizationCode(code));
      await plain.codeToSession(code);
      await typed.codeToSession(new AuthorizationCode(code));
      await plain.refreshToken(refreshToken);
      await typed.refreshToken(new RefreshToken(refreshToken));
      await plain.getUserInfo(accessToken, openid, { unionid });
      await typed.getUserInfo(new AccessToken(accessToken), OpenId(openid), { unionid: UnionId(unionid) });
      const targets = server.requests.map(({ target }) => target);
      assert.equal(targets.length, 8);
      for (const first of [0, 2, 4, 6]) assert.equal(targets[first], targets[first + 1]);
    });

    it('nothing without options, but says that they are missing', () => {
      for (const options of [undefined, null, 'wx0123456789abcdef']) {
        assert.throws(() => Reflect.construct(WeChatClient, [options]), /^TypeError: options must be an object/);
      }
    });

    it('nothing when an argument cannot be right, but rejects with a TypeError', async () => {
      const server = await startServer([[json(tokens)]]);
      const client = clientOf(server.url);
      const wrong: unknown[] = [undefined, null, 5, '', {}, [], 'a\nb', 'a\0b', '\ud800'];
      for (const each of wrong) {
        const value = each as string;
        await assert.rejects(client.exchangeCode(value), TypeError);
        await assert.rejects(client.codeToSession(value), TypeError);
        await assert.rejects(client.refreshToken(value), TypeError);
        await assert.rejects(client.getUserInfo(value, openid), TypeError);
        await assert.rejects(client.validateToken(value, openid), TypeError);
        await assert.rejects(client.getUserInfo(accessToken, value), TypeError);
        await assert.rejects(client.validateToken(accessToken, value), TypeError);
      }
      for (const id of ['a b', 'a&b', '微信', 'x'.repeat(129)]) {
        await assert.rejects(client.getUserInfo(accessToken, id), TypeError);
        await assert.rejects(client.validateToken(accessToken, id), TypeError);
      }
      await assert.rejects(client.exchangeCode('x'.repeat(513)), TypeError);
      await assert.rejects(client.codeToSession('x'.repeat(513)), TypeError);
      await assert.rejects(client.refreshToken('x'.repeat(4097)), TypeError);
      const noSignal = { signal: 'a text that is no signal' } as object;
      await assert.rejects(client.exchangeCode(code, noSignal), /^TypeError: signal must be an AbortSignal$/);
      const options = { lang: 'fr' } as object;
      await assert.rejects(client.getUserInfo(accessToken, openid, options), /^TypeError: lang must be one of zh_CN/);
      assert.equal(server.connections, 0);
    });

    it('nothing when one kind of secret is passed for another', async () => {
      const server = await startServer([[json(tokens)]]);
      const secret: unknown = new AppSecret(appSecret);
      await assert.rejects(clientOf(server.url).exchangeCode(secret as AuthorizationCode), TypeError);
      await assert.rejects(clientOf(server.url).refreshToken(secret as RefreshToken), TypeError);
      assert.equal(server.connections, 0);
    });
  });

  describe('gives', () => {
    it('the tokens of an exchange, redacted until they are exposed', async () => {
      const server = await startServer([[json({ ...tokens, unionid, is_snapshotuser: 1 })]]);
      const result = await clientOf(server.url).exchangeCode(code);
      assert.ok(result.accessToken instanceof AccessToken);
      assert.ok(result.refreshToken instanceof RefreshToken);
      assert.deepEqual(exposeTokens(result), {
        accessToken,
        refreshToken,
        expiresIn: 7200,
        openid,
        unionid,
        scope: ['snsapi_userinfo'],
        isSnapshotUser: true,
      });
      assert.equal(JSON.stringify(result).includes('0123456789"'), true);
      assert.equal(JSON.stringify(result).includes(accessToken), false);
      assert.equal(JSON.stringify(result).includes(refreshToken), false);
    });

    it('the session of a mini program, its key redacted until it is exposed', async () => {
      const server = await startServer([[json({ ...session, unionid, expires_in: 7200 })], [json(session)]]);
      const client = clientOf(server.url);
      const result = await client.codeToSession(code);
      assert.ok(result.sessionKey instanceof SessionKey);
      assert.equal(result.sessionKey.exposeSecret(), sessionKey);
      assert.equal(JSON.stringify(result), JSON.stringify({ openid, unionid, sessionKey: '[REDACTED]' }));
      assert.deepEqual(Object.keys(await client.codeToSession(code)), ['openid', 'sessionKey']);
    });

    it('no unionid, an empty scope and a real user where WeChat says nothing', async () => {
      const server = await startServer([[json({ ...tokens, scope: undefined })]]);
      const result = await clientOf(server.url).exchangeCode(code);
      assert.deepEqual(Object.keys(result).sort(), [
        'accessToken',
        'expiresIn',
        'isSnapshotUser',
        'openid',
        'refreshToken',
        'scope',
      ]);
      assert.deepEqual(result.scope, []);
      assert.equal(result.isSnapshotUser, false);
    });

    it('the tokens of a refresh, whose scope ends in a comma', async () => {
      const fresh = { ...tokens, access_token: 'fresh', scope: 'snsapi_base,snsapi_userinfo,' };
      const server = await startServer([[json(fresh)]]);
      const result = await clientOf(server.url).refreshToken(refreshToken);
      assert.deepEqual(exposeTokens(result), {
        accessToken: 'fresh',
        refreshToken,
        expiresIn: 7200,
        openid,
        scope: ['snsapi_base', 'snsapi_userinfo'],
        isSnapshotUser: false,
      });
    });

    it('user info with the fields of WeChat and no others', async () => {
      const server = await startServer([
        [json({ ...userInfo, sex: '1', privilege: ['chinaunicom'], unionid, extra: 1 })],
      ]);
      assert.deepEqual(await clientOf(server.url).getUserInfo(accessToken, openid), {
        openid,
        nickname: 'Alice',
        sex: 1,
        province: '',
        city: '',
        country: '',
        headimgurl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/abc/132',
        privilege: ['chinaunicom'],
        unionid,
      });
    });

    it('nicknames with emoji, and with the raw control characters that WeChat sends', async () => {
      const body = JSON.stringify(userInfo).replace('"Alice', '"微\u{1f600}\u0007\n信');
      const server = await startServer([[answer(200, body)]]);
      assert.equal((await clientOf(server.url).getUserInfo(accessToken, openid)).nickname, '微\u{1f600}信');
    });

    it('what real answers hold', async () => {
      const fixture = (name: string): string =>
        readFileSync(new URL(`fixtures/wechat/${name}.json`, import.meta.url), 'utf8');
      const server = await startServer([
        [answer(200, fixture('access_token.website'))],
        [answer(200, fixture('auth.ok'))],
        [answer(200, fixture('error.40029.rid'))],
      ]);
      const client = clientOf(server.url);
      assert.deepEqual((await client.exchangeCode(code)).scope, ['snsapi_login']);
      assert.equal(await client.validateToken(accessToken, openid), true);
      const error = await failureOf(client.exchangeCode(code));
      assert.equal(error.code, 'ERR_WECHAT_INVALID_CODE');
    });
  });

  describe('refuses', () => {
    it('user info about another user', async () => {
      const server = await startServer([[json({ ...userInfo, openid: 'oBob' })]]);
      const error = await failureOf(clientOf(server.url, { maxRetries: 0 }).getUserInfo(accessToken, openid));
      assert.ok(error instanceof WeChatResponseError);
      assert.deepEqual(factsOf(error), {
        name: 'WeChatResponseError',
        code: 'ERR_WECHAT_RESPONSE',
        endpoint: '/sns/userinfo',
        attempts: 1,
        retryable: false,
        status: 502,
        statusCode: 502,
        httpStatus: 200,
      });
    });

    it('user info with another unionid than the one that came with the token', async () => {
      const server = await startServer([[json({ ...userInfo, unionid: 'uBob' })]]);
      const client = clientOf(server.url, { maxRetries: 0 });
      const error = await failureOf(client.getUserInfo(accessToken, openid, { unionid }));
      assert.ok(error instanceof WeChatResponseError);
    });

    it('no unionid that cannot be one', async () => {
      const client = clientOf('http://127.0.0.1:1');
      for (const wrong of ['', null, 5, {}]) {
        const options: unknown = { unionid: wrong };
        await assert.rejects(client.getUserInfo(accessToken, openid, options as object), {
          name: 'TypeError',
          message: /^unionid must be 1 to 128 letters/,
        });
      }
    });

    it('no user info for a unionid that only one of the two answers has', async () => {
      const server = await startServer([[json(userInfo)], [json({ ...userInfo, unionid })]]);
      const client = clientOf(server.url, { maxRetries: 0 });
      assert.equal((await client.getUserInfo(accessToken, openid, { unionid })).unionid, undefined);
      assert.equal((await client.getUserInfo(accessToken, openid)).unionid, unionid);
    });

    for (const { name, call, endpoint } of methods) {
      it(`an empty object as the answer to ${name}`, async () => {
        const server = await startServer([[json({})]]);
        const error = await failureOf(call(clientOf(server.url, { maxRetries: 0 })));
        assert.ok(error instanceof WeChatResponseError);
        assert.equal(error.endpoint, endpoint);
      });

      it(`what has an errcode, even with everything else that ${name} wants`, async () => {
        const fields = {
          ...tokens,
          ...session,
          ...userInfo,
          errcode: 40013,
          errmsg: 'invalid appid, rid: 65c17d8c-5cf05990-781aabe9',
        };
        const server = await startServer([[json(fields)]]);
        const error = await failureOf(call(clientOf(server.url)));
        assert.deepEqual(factsOf(error), {
          name: 'WeChatApiError',
          code: 'ERR_WECHAT_CONFIG',
          endpoint,
          attempts: 1,
          retryable: false,
          status: 500,
          statusCode: 500,
          errcode: 40013,
          errmsg: 'invalid appid, rid: 65c17d8c-5cf05990-781aabe9',
          rid: '65c17d8c-5cf05990-781aabe9',
        });
      });

      it(`nothing when the answer to ${name} has errcode 0`, async () => {
        const fields = { ...tokens, ...session, ...userInfo, errcode: 0, errmsg: 'ok' };
        const server = await startServer([[json(fields)], [json({ ...fields, errcode: '0' })]]);
        const client = clientOf(server.url);
        await call(client);
        await call(client);
      });
    }
  });

  describe('validateToken', () => {
    it('is true when WeChat says so', async () => {
      const server = await startServer([[json(ok)]]);
      assert.equal(await clientOf(server.url).validateToken(accessToken, openid), true);
    });

    for (const errcode of [40001, 40003, 40014, 42001, 42007, 48012, 49003]) {
      it(`is false for errcode ${errcode}, by which the token or the openid is invalid`, async () => {
        const server = await startServer([[json({ errcode, errmsg: 'invalid' })]]);
        assert.equal(await clientOf(server.url).validateToken(accessToken, openid), false);
        assert.equal(server.requests.length, 1);
      });
    }

    for (const errcode of [-1, 1, 40013, 40029, 40030, 40164, 41001, 41009, 42002, 43003, 45009, 45011, 48001, 50002]) {
      it(`rejects for errcode ${errcode}, which leaves it open`, async () => {
        const server = await startServer([[json({ errcode, errmsg: 'something else' })]]);
        const error = await failureOf(clientOf(server.url).validateToken(accessToken, openid));
        assert.ok(error instanceof WeChatApiError);
        assert.equal(error.errcode, errcode);
      });
    }

    it('rejects when there is no clear answer', async () => {
      const server = await startServer([
        [answer(503)],
        [answer(401, '{"errcode":40001,"errmsg":"x"}')],
        [json({ errcode: null })],
        [json({ errmsg: 'ok' })],
        [answer(200, 'false')],
        [reset],
      ]);
      const client = clientOf(server.url, { maxRetries: 0 });
      for (let n = 0; n < 6; n += 1) await failureOf(client.validateToken(accessToken, openid));
      assert.equal(server.requests.length, 6);
    });
  });

  for (const transport of transports) {
    describe(`with a signal on ${transport.name}`, () => {
      const clientOf = clientsOn(transport);

      for (const method of methods) {
        const { name, call, endpoint, good } = method;
        it(`that is aborted already sends nothing for ${name}`, async () => {
          const server = await startServer([[json(good)]]);
          const error = await failureOf(call(clientOf(server.url), { signal: AbortSignal.abort(new Error('mine')) }));
          assert.deepEqual(factsOf(error), {
            name: 'WeChatNetworkError',
            code: 'ERR_WECHAT_ABORTED',
            endpoint,
            attempts: 0,
            retryable: true,
            status: 502,
            statusCode: 502,
            reason: 'ABORT_ERR',
            sent: 'no',
          });
          assert.equal(server.connections, 0);
        });

        it(`ends ${name} in flight, at once and for good, and closes its connection`, async () => {
          const server = await startServer([[hang], [json(good)]]);
          const controller = new AbortController();
          const failure = failureOf(call(clientOf(server.url), { signal: controller.signal }));
          await server.received(1);
          controller.abort();
          assert.deepEqual(factsOf(await failure), {
            name: 'WeChatNetworkError',
            code: 'ERR_WECHAT_ABORTED',
            endpoint,
            attempts: 1,
            retryable: !exchanges.includes(method),
            status: 502,
            statusCode: 502,
            reason: 'ABORT_ERR',
            sent: 'unknown',
          });
          await server.closed(1);
          assert.equal(server.requests.length, 1);
        });

        it(`ends ${name} while it waits to try again`, async () => {
          const server = await startServer([[json({ errcode: -1, errmsg: 'busy' })], [json(good)]]);
          const controller = new AbortController();
          const client = clientOf(server.url, { retryDelay: 2_000 });
          const failure = failureOf(call(client, { signal: controller.signal }));
          await server.received(1);
          setTimeout(() => {
            controller.abort();
          }, 50);
          const start = performance.now();
          const error = await failure;
          assert.ok(performance.now() - start < 900);
          assert.equal(error.code, 'ERR_WECHAT_ABORTED');
          assert.equal(error.attempts, 1);
          assert.equal(server.requests.length, 1);
        });

        it(`that is aborted after ${name} has ended changes nothing`, async () => {
          const server = await startServer([[json(good)]]);
          const controller = new AbortController();
          const client = clientOf(server.url);
          await call(client, { signal: controller.signal });
          controller.abort();
          await call(client);
          assert.equal(server.connections, 1);
        });
      }

      it('never says that nothing was sent when the server has seen the request', async () => {
        const server = await startServer(({ query }) => [query.get('code') === 'last' ? json(tokens) : hang]);
        const client = clientOf(server.url);
        const sent = new Map<string | null, unknown>();
        for (let turns = 0; turns < 40; turns += 1) {
          const controller = new AbortController();
          const failure = failureOf(client.exchangeCode(`code-${turns}`, { signal: controller.signal }));
          for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
          controller.abort();
          sent.set(`code-${turns}`, factsOf(await failure)['sent']);
        }
        await client.exchangeCode('last');
        const seen = server.requests.map(({ query }) => query.get('code'));
        assert.deepEqual(
          seen.filter((each) => sent.get(each) === 'no'),
          [],
        );
        assert.deepEqual(new Set(sent.values()), new Set(['no', 'unknown']));
      });

      it('that lives long is left without listeners, however its calls ended', async () => {
        const server = await startServer([
          [json({ errcode: -1, errmsg: 'busy' })],
          [reset],
          [json(tokens)],
          [json({ errcode: 40029, errmsg: 'invalid code' })],
          [answer(200, 'garbage')],
          [hang],
        ]);
        const { signal } = new AbortController();
        const client = clientOf(server.url, { timeout: 500 });
        await client.exchangeCode(code, { signal });
        for (let n = 0; n < 3; n += 1) await failureOf(client.exchangeCode(code, { signal }));
        assert.equal(server.requests.length, 6);
        assert.deepEqual(getEventListeners(signal, 'abort'), []);
      });

      it('that many calls share at the same time gives no warning', async () => {
        const warnings: string[] = [];
        const onWarning = (warning: Error): void => {
          warnings.push(warning.message);
        };
        process.on('warning', onWarning);
        try {
          const server = await startServer((request) => [
            json(request.query.get('code') === 'slow' ? { errcode: -1, errmsg: 'busy' } : tokens),
          ]);
          const controller = new AbortController();
          const { signal } = controller;
          const client = clientOf(server.url, { retryDelay: 4_000 });
          for (let n = 0; n < 50; n += 1) await client.exchangeCode(code, { signal });
          await Promise.all(Array.from({ length: 50 }, () => client.exchangeCode(code, { signal })));
          const waiting = Array.from({ length: 50 }, () => failureOf(client.exchangeCode('slow', { signal })));
          await server.received(150);
          controller.abort();
          await Promise.all(waiting);
          await new Promise((resolve) => setImmediate(resolve));
          assert.deepEqual(warnings, []);
          assert.deepEqual(getEventListeners(signal, 'abort'), []);
        } finally {
          process.off('warning', onWarning);
        }
      });
    });
  }

  describe('is stateless', () => {
    it('so a code that is exchanged twice is sent twice', async () => {
      const server = await startServer([[json(tokens)], [json({ errcode: 40163, errmsg: 'code been used' })]]);
      const client = clientOf(server.url);
      await client.exchangeCode(code);
      assert.equal((await failureOf(client.exchangeCode(code))).code, 'ERR_WECHAT_CODE_USED');
      assert.equal(server.requests.length, 2);
    });

    it('so a failed call has no influence on the next', async () => {
      const busy = { errcode: -1, errmsg: 'system error' };
      const server = await startServer([
        [json(busy)],
        [json(busy)],
        [json(busy)],
        [json({ errcode: 40163, errmsg: '' })],
      ]);
      const client = clientOf(server.url);
      assert.equal((await failureOf(client.exchangeCode(code))).code, 'ERR_WECHAT_BUSY');
      const error = await failureOf(client.exchangeCode(code));
      assert.equal(error.code, 'ERR_WECHAT_CODE_USED');
      assert.equal(error.attempts, 1);
    });

    it('so calls at the same time do not mix', async () => {
      const server = await startServer((request) => [json({ ...tokens, openid: request.query.get('code') })]);
      const client = clientOf(server.url);
      const codes = Array.from({ length: 60 }, (_, n) => `user-${n}`);
      const results = await Promise.all(codes.map((each) => client.exchangeCode(each)));
      assert.deepEqual(
        results.map((result) => result.openid),
        codes,
      );
    });
  });
});
