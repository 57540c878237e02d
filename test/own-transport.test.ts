import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  type Transport,
  type TransportAnswer,
  type TransportRequest,
  type WeChatError,
  WeChatNetworkError,
} from '../src/index.js';
import { undiciTransport } from '../src/undici.js';
import { accessToken, appId, appSecret, clientOf, code, factsOf, failureOf, openid, tokens } from './support/calls.js';
import { leaks } from './support/leaks.js';

const url = 'https://wechat.example';
const bodyOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** A client whose transport gives these results, one after the other. */
function clientWith(...results: ReturnType<Transport>[]): ReturnType<typeof clientOf> {
  const left = [...results];
  return clientOf(url, { transport: () => left.shift() ?? assert.fail('one request too many') });
}

/** Resolves when a signal fires. */
const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });

/** Nobody answers until the attempt is given up. */
const silent: Transport = async ({ signal }) => {
  await aborted(signal);
  return { sent: 'unknown', reason: 'ABORT_ERR' };
};

describe("a transport of the caller's own", () => {
  it('gets all that it needs for one attempt', async () => {
    let request: TransportRequest | undefined;
    const transport: Transport = (given) => {
      request = given;
      return Promise.resolve({ status: 200, body: bodyOf(tokens) });
    };
    const client = clientOf(url, { transport, userAgent: 'mine', connectTimeout: 5, timeout: 7 });
    assert.equal((await client.exchangeCode(code)).openid, openid);
    const { signal, ...rest } = request ?? assert.fail();
    assert.equal(signal.aborted, false);
    assert.deepEqual(rest, {
      url: `${url}/sns/oauth2/access_token?appid=${appId}&secret=${appSecret}&code=${code}&grant_type=authorization_code`,
      headers: { 'user-agent': 'mine' },
      connectTimeout: 5,
      maxBytes: 65_536,
    });
  });

  it('is told when the time is up', async () => {
    const error = await failureOf(clientOf(url, { transport: silent, timeout: 20 }).exchangeCode(code));
    assert.equal(error.code, 'ERR_WECHAT_TIMEOUT');
  });

  it('is told when half of the time is up, where another attempt may follow', async () => {
    const client = clientOf(url, { transport: silent, timeout: 400 });
    assert.equal((await failureOf(client.getUserInfo(accessToken, openid))).attempts, 2);
    assert.equal((await failureOf(client.exchangeCode(code))).attempts, 1);
  });

  it('is not asked for an attempt when hardly any time is left: that could only use a code up', async () => {
    const afterAllBut = (left: number, timeout: number): Promise<WeChatError> => {
      const transport: Transport = async () => {
        await sleep(timeout - left);
        return { sent: 'no', reason: 'ECONNREFUSED' };
      };
      return failureOf(clientOf([url, url], { transport, timeout, maxRetries: 1 }).exchangeCode(code));
    };
    assert.equal((await afterAllBut(15, 400)).attempts, 1);
    assert.equal((await afterAllBut(90, 1_000)).attempts, 1);
    assert.equal((await afterAllBut(600, 700)).attempts, 2);
  });

  it("is told when the caller's signal fires", async () => {
    const controller = new AbortController();
    const transport: Transport = async ({ signal }) => {
      setImmediate(() => controller.abort());
      await aborted(signal);
      return { sent: 'no', reason: 'ABORT_ERR' };
    };
    const failure = clientOf(url, { transport }).exchangeCode(code, { signal: controller.signal });
    assert.equal((await failureOf(failure)).code, 'ERR_WECHAT_ABORTED');
  });

  describe('is waited for no longer than the call may take', () => {
    const deaf: Transport = () => new Promise(() => undefined);
    const throwing: Transport = async ({ signal }) => {
      await aborted(signal);
      throw signal.reason; // as fetch does
    };
    for (const [how, transport] of [
      ['does not hear that it is over', deaf],
      ['throws when it is over', throwing],
    ] as const) {
      it(`when it ${how}`, async () => {
        const client = clientOf(url, { transport, timeout: 60 });
        const exchange = await failureOf(client.exchangeCode(code));
        assert.deepEqual([exchange.code, exchange.attempts], ['ERR_WECHAT_TIMEOUT', 1]);
        const controller = new AbortController();
        const call = clientOf(url, { transport }).exchangeCode(code, { signal: controller.signal });
        controller.abort();
        const { code: outcome, attempts } = await failureOf(call);
        assert.deepEqual([outcome, attempts], ['ERR_WECHAT_ABORTED', 1]);
      });
    }
  });

  it('decides by `sent` what is tried again', async () => {
    const good = Promise.resolve({ status: 200, body: bodyOf(tokens) });
    const lost = (sent: 'no' | 'unknown' | 'yes'): ReturnType<Transport> =>
      Promise.resolve({ sent, reason: 'ECONNRESET' });
    await clientWith(lost('no'), lost('no'), lost('no'), good).exchangeCode(code);
    await clientWith(lost('unknown'), good).exchangeCode(code);
    const error = await failureOf(clientWith(lost('yes')).exchangeCode(code));
    assert.deepEqual([error.attempts, factsOf(error)['reason']], [1, 'ECONNRESET']);
  });

  it('need not send a Retry-After, nor know how to discard a connection', async () => {
    const answers = [
      { status: 503, body: undefined },
      { status: 200, body: Buffer.from('<html>') },
    ];
    const error = await failureOf(clientWith(...answers.map((each) => Promise.resolve(each))).exchangeCode(code));
    assert.deepEqual([error.code, error.attempts], ['ERR_WECHAT_RESPONSE', 2]);
  });

  it('is asked to discard the connection of an answer that is not of WeChat, and of no other', async () => {
    const discarded: number[] = [];
    const bodies = [bodyOf(tokens), bodyOf({ errcode: 40029, errmsg: 'invalid code' }), bodyOf([])];
    const results = bodies.map(async (body, n): Promise<TransportAnswer> => {
      return Promise.resolve({ status: 200, body, discard: () => void discarded.push(n) });
    });
    const client = clientWith(...results);
    await client.exchangeCode(code);
    await failureOf(client.exchangeCode(code));
    await failureOf(client.exchangeCode(code));
    assert.deepEqual(discarded, [2]);
  });

  it('that gives something else is a mistake of the program, and says which', async () => {
    for (const something of [undiciTransport(), {}, { status: '200' }]) {
      const transport: unknown = () => Promise.resolve(something);
      await assert.rejects(clientOf(url, { transport: transport as Transport }).exchangeCode(code), {
        name: 'TypeError',
        message: /^http\.transport must give \{ status, body \} or \{ sent, reason \}/,
      });
    }
  });

  it('may give no more bytes than it was told', async () => {
    const body = Buffer.from(JSON.stringify(tokens).padEnd(65_537));
    const error = await failureOf(clientWith(Promise.resolve({ status: 200, body })).exchangeCode(code));
    assert.equal(error.code, 'ERR_WECHAT_RESPONSE');
  });

  it('may give as many', async () => {
    const body = Buffer.from(JSON.stringify(tokens).padEnd(65_536));
    assert.equal((await clientWith(Promise.resolve({ status: 200, body })).exchangeCode(code)).openid, openid);
  });

  it('gives reasons in the form of Node.js, and no others are shown', async () => {
    for (const [reason, shown = 'UNKNOWN'] of [
      ['ECONNRESET', 'ECONNRESET'],
      ['HPE_2', 'HPE_2'],
      ['at https://x?ECONNRESET'],
      ['ECONNRESET at x'],
      ['econnreset'],
      ['E'],
      [''],
    ] as const) {
      const client = clientOf(url, { transport: () => Promise.resolve({ sent: 'unknown', reason }), maxRetries: 0 });
      assert.equal(factsOf(await failureOf(client.exchangeCode(code)))['reason'], shown);
    }
  });

  describe('cannot make a secret seen', () => {
    const failures: Record<string, Transport> = {
      'that it rejects with': ({ url }) => Promise.reject(new Error(url)),
      'that it throws': ({ url }) => {
        throw new Error(url);
      },
      'that it gives as a reason': ({ url }) => Promise.resolve({ sent: 'unknown', reason: url }),
    };
    for (const [how, transport] of Object.entries(failures)) {
      it(how, async () => {
        const error = await failureOf(clientOf(url, { transport, maxRetries: 0 }).exchangeCode(code));
        assert.ok(error instanceof WeChatNetworkError);
        assert.deepEqual([error.code, error.reason, error.sent], ['ERR_WECHAT_NETWORK', 'UNKNOWN', 'unknown']);
        assert.deepEqual(leaks(error, appSecret), []);
        assert.deepEqual(leaks(error, code), []);
      });
    }
  });
});
