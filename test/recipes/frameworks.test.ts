import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';

import { startWeChatSimulator, type WeChatSimulator } from '../../src/simulator/index.js';
import { type RunningRecipe, runRecipe, stopRecipes } from '../support/recipe.js';

const express4 = new URL('../support/express4-hook.js', import.meta.url).href;

interface Recipe {
  readonly file: string;
  readonly flags?: readonly string[];
  readonly change?: (text: string) => string;
  /** The answer of a framework that gives failed logins one of its own. */
  readonly answers?: (status: number) => Answer;
}

interface Answer {
  readonly status: number;
  readonly answer: unknown;
}

const recipes: Readonly<Record<string, Recipe>> = {
  'Express 5': { file: 'express.ts' },
  'Express 4': { file: 'express.ts', flags: [`--import=${express4}`] },
  'Express 5 from CommonJS': { file: 'express.cjs' },
  NestJS: {
    file: 'nestjs.ts',
    answers: (status) =>
      status < 500
        ? { status: 401, answer: { statusCode: 401, message: 'Unauthorized' } }
        : { status, answer: { statusCode: status, message: STATUS_CODES[status] } },
  },
  'NestJS with our guard': {
    file: 'nestjs.ts',
    change: (text) =>
      `import { WeChatGuard } from './nestjs-guard.js';\n${text}`.replace("AuthGuard('wechat-code')", 'WeChatGuard'),
  },
  Fastify: { file: 'fastify.ts' },
  Koa: { file: 'koa.ts' },
};

/** What WeChat says to the operator may hold addresses: it is not for visitors. */
const errmsg = 'text of WeChat, from 203.0.113.9';

for (const [framework, { file, answers, ...options }] of Object.entries(recipes)) {
  describe(`the recipe for ${framework}`, function () {
    this.timeout(60_000);

    let wechat: WeChatSimulator;
    let recipe: RunningRecipe;
    /** What no answer and no log line may hold. */
    let secrets: string[];

    before(async () => {
      wechat = await startWeChatSimulator();
      const [{ appId, appSecret }] = wechat.apps;
      secrets = [appSecret];
      recipe = await runRecipe(file, {
        env: { WECHAT_APP_ID: appId, WECHAT_APP_SECRET: appSecret, WECHAT_API_URL: wechat.url },
        ...options,
      });
    });

    beforeEach(() => {
      wechat.behave();
    });

    after(async () => {
      await stopRecipes();
      await wechat.close();
    });

    function newCode(): string {
      const code = wechat.createCode({ user: 'alice' });
      secrets.push(code);
      return code;
    }

    async function logIn(body: unknown, query = ''): Promise<Answer> {
      const response = await fetch(`${recipe.url}/auth/wechat${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      const shown = text + JSON.stringify([...response.headers]);
      for (const secret of secrets) assert.ok(!shown.includes(secret), `${secret} is in ${shown}`);
      assert.match(response.headers.get('content-type') ?? '', /^application\/json/, text);
      return { status: response.status, answer: JSON.parse(text) };
    }

    it('logs a user in whose code is in the body', async () => {
      const { status, answer } = await logIn({ code: newCode() });
      assert.equal(status, 200);
      const { user } = answer as { user: { id: string; name: string } };
      assert.match(user.id, /^wx0123456789abcdef:[\w-]+$/);
      assert.equal(user.name, '爱丽丝😀');
    });

    it('logs a user in whose code is in the query', async () => {
      const { status, answer } = await logIn({}, `?code=${newCode()}`);
      assert.equal(status, 200, JSON.stringify(answer));
    });

    for (const { what, status, error, visit } of [
      {
        what: 'a code that has been used',
        status: 401,
        error: { message: 'The code has been used: start the login again', code: 'ERR_WECHAT_CODE_USED' },
        visit: async () => {
          const code = newCode();
          await logIn({ code });
          return logIn({ code });
        },
      },
      {
        what: 'a request without a code',
        status: 400,
        error: {
          message: 'The request has no code: send the one that WeChat gave',
          code: 'ERR_WECHAT_CODE_MISSING',
        },
        visit: () => logIn({}),
      },
      {
        what: 'codes that disagree',
        status: 400,
        error: {
          message: 'The code of the request is not one that WeChat gives',
          code: 'ERR_WECHAT_CODE_MALFORMED',
        },
        visit: () => logIn({ code: newCode() }, `?code=${newCode()}`),
      },
      {
        what: 'a virtual user',
        status: 403,
        error: {
          message: 'This is a snapshot page: open the full page to log in',
          code: 'ERR_WECHAT_SNAPSHOT_USER',
        },
        visit: () => logIn({ code: wechat.createCode({ user: 'snapshot' }) }),
      },
    ]) {
      const expected = answers?.(status) ?? { status, answer: { error } };
      it(`answers ${String(expected.status)} to ${what}`, async () => {
        assert.deepEqual(await visit(), expected);
      });
    }

    for (const { what, status, code, arrange } of [
      {
        what: 'a wrong app secret',
        status: 500,
        code: 'ERR_WECHAT_CONFIG',
        arrange: () => wechat.misbehave('access_token', { errcode: 40125, errmsg }),
      },
      {
        what: 'a page in place of an answer',
        status: 502,
        code: 'ERR_WECHAT_RESPONSE',
        arrange: () => wechat.misbehave('access_token', { answer: 'html' }),
      },
      {
        what: 'a used-up quota',
        status: 503,
        code: 'ERR_WECHAT_RATE_LIMITED',
        arrange: () => wechat.misbehave('access_token', { errcode: 45011, errmsg }),
      },
    ]) {
      const expected = answers?.(status) ?? { status, answer: { error: { message: 'Try again later' } } };
      it(`answers ${String(expected.status)} to ${what}, and tells the operator what to do`, async () => {
        arrange();
        assert.deepEqual(await logIn({ code: newCode() }), expected);
        await recipe.prints(code);
      });
    }

    it('has printed no secret', () => {
      assert.equal(secrets.length > 5, true);
      for (const secret of secrets) assert.ok(!recipe.printed().includes(secret), recipe.printed());
    });
  });
}
