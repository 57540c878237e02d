import assert from 'node:assert/strict';

import { startWeChatSimulator, type WeChatSimulator } from 'passport-wechat-code/simulator';

import { call, login, me, refresh, refusal, settingsFor, tokenFor, until, validate } from './support/api.js';
import { describeWithServers } from './support/servers.js';
import { type Service, startService } from './support/service.js';

const people = Array.from({ length: 20 }, (_, index) => `person${index}`);

describeWithServers('two instances with one PostgreSQL and one Redis', (servers) => {
  let wechat: WeChatSimulator;
  let one: Service;
  let other: Service;

  before(async function () {
    this.timeout(60_000);
    wechat = await startWeChatSimulator({ users: people.map((id) => ({ id })) });
    const env = { ...settingsFor(wechat), ...servers().env, LOGINS_PER_MINUTE: '1000' };
    // Both at once, so that both set up the tables.
    [one, other] = await Promise.all([startService(env), startService(env)]);
  });
  after(async () => {
    await Promise.all([one.stop(), other.stop(), wechat.close()]);
  });

  it('serve one user: who logs in at one is known to the other', async () => {
    const { body } = await login(one, wechat.createCode());
    const token = body.token;
    assert.deepEqual((await me(other, token)).body, { user: body.user });
    assert.deepEqual((await validate(other, token)).body, { valid: true });
    wechat.advance(7_201_000);
    assert.deepEqual((await validate(one, token)).body, { valid: false });
    assert.deepEqual((await refresh(other, token)).body, { expiresIn: 7200 });
    assert.deepEqual((await validate(one, token)).body, { valid: true });
  });

  it('make one user of logins at both at the same time', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        tokenFor(index % 2 ? one : other, wechat.createCode({ user: 'person1' })),
      ),
    );
    const subjects = tokens.map((token) => Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    assert.equal(new Set(subjects.map((claims) => (JSON.parse(claims) as { sub: string }).sub)).size, 1);
  });

  it('let a code in once, whichever it is sent to', async () => {
    const code = wechat.createCode();
    const answers = await Promise.all([one, other, one, other].map((service) => login(service, code)));
    const refusals = answers.filter(({ status }) => status !== 200).map(refusal);
    assert.deepEqual(refusals, Array(3).fill('401 ERR_WECHAT_CODE_USED'));
  });

  // The last, because it leaves only one of them.
  it('lose no request that reached the one when the other is killed, and no user', async () => {
    const tokens = new Map<string, string>();
    const failures: string[] = [];
    let killed = false;
    let going = true;
    const visit = async (person: string, service: Service) => {
      const answer = await login(service, wechat.createCode({ user: person }));
      if (answer.body.token === undefined) return refusal(answer);
      tokens.set(person, answer.body.token);
      const { status } = await me(service, answer.body.token);
      return status === 200 ? undefined : String(status);
    };
    const load = Promise.all(
      people.map(async (person, index) => {
        for (let turn = index; going; turn += 1) {
          const service = turn % 2 ? one : other;
          const failure = await visit(person, service).catch((error: unknown) => {
            // No answer of the one that is gone is what a load balancer turns to the other.
            if (service === one && killed) return undefined;
            return String(error);
          });
          if (failure !== undefined) failures.push(failure);
        }
      }),
    );
    await until(() => tokens.size === people.length);
    const asked = wechat.calls.length;
    killed = true;
    await one.kill();
    await until(() => wechat.calls.length > asked + 200);
    going = false;
    await load;
    assert.deepEqual(failures, []);
    for (const [person, token] of tokens) {
      const { status, body } = await me(other, token);
      assert.deepEqual([status, body.user?.nickname], [200, person]);
    }
  });
});

describeWithServers('the rate limit of two instances with one Redis', (servers) => {
  let wechat: WeChatSimulator;
  let services: [Service, Service];

  before(async function () {
    this.timeout(60_000);
    wechat = await startWeChatSimulator();
    const env = { ...settingsFor(wechat), ...servers().env, LOGINS_PER_MINUTE: '4' };
    services = await Promise.all([startService(env), startService(env)]);
  });
  after(async () => {
    await Promise.all([...services.map((service) => service.stop()), wechat.close()]);
  });

  it('is one limit, wherever the logins claim to come from', async () => {
    const [one, other] = services;
    const statuses: number[] = [];
    for (const [index, service] of [one, other, one, other, one, other].entries()) {
      const address = `192.0.2.${index}`;
      const headers = { 'x-forwarded-for': address, forwarded: `for=${address}`, 'x-real-ip': address };
      const answer = await call(service, '/api/auth/wechat', { json: { code: wechat.createCode() }, headers });
      statuses.push(answer.status);
    }
    assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
  });
});
