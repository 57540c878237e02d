import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { createClient } from '@keyv/redis';
import jwt from 'jsonwebtoken';
import { startWeChatSimulator, type WeChatSimulator } from 'passport-wechat-code/simulator';
import pg from 'pg';

import { createLog } from '../src/log.js';
import { readSettings } from '../src/settings.js';
import { openDatabase } from '../src/stores.js';
import {
  type Answer,
  call,
  login,
  me,
  refresh,
  refusal,
  settingsFor,
  tokenFor,
  until,
  validate,
} from './support/api.js';
import { describeWithServers, type Servers } from './support/servers.js';
import { type Service, startService } from './support/service.js';

const schema = readFileSync(new URL('../schema.sql', import.meta.url), 'utf8');
const nickname = `Robert'); DROP TABLE users;-- <script>alert("小明")</script> \\ $1 %s`;

describe('the service with its embedded stores', () => {
  const { service } = testStores(() => ({}));

  it('says what is missing for real visitors', () => {
    assert.match(service().output, /"level":40.*"unset":\["PUBLIC_URL","DATABASE_URL","REDIS_URL"\]/);
  });
});

describeWithServers('the service with PostgreSQL and Redis', (servers) => {
  testStores(() => servers().env);
  testRealStores(servers);
});

/** What holds with either kind of stores. */
function testStores(stores: () => Record<string, string>) {
  const { wechat, service } = startOfficialAccount(stores);

  it('makes one user of two logins at the same time', async () => {
    const codes = Array.from({ length: 8 }, () => wechat().createCode({ ...official(wechat()), user: 'bob' }));
    const tokens = await Promise.all(codes.map((code) => tokenFor(service(), code)));
    assert.equal(new Set(tokens.map(subject)).size, 1);
  });

  it('makes two users of two people', async () => {
    const app = official(wechat());
    const alice = await tokenFor(service(), wechat().createCode({ ...app, user: 'alice' }));
    const bob = await tokenFor(service(), wechat().createCode({ ...app, user: 'bob' }));
    assert.notEqual(subject(alice), subject(bob));
    assert.notEqual((await me(service(), alice)).body.user?.openid, (await me(service(), bob)).body.user?.openid);
  });

  it('forgets the access token when WeChat does', async () => {
    wechat().misbehave('access_token', tokenAnswer({ expires_in: 1 }));
    const token = await tokenFor(service(), 'anyCode');
    const asked = () => wechat().calls.filter(({ endpoint }) => endpoint === 'auth').length;
    // It asks WeChat as long as it has a token, and it has one for a second.
    await until(async () => {
      const before = asked();
      assert.deepEqual((await validate(service(), token)).body, { valid: false });
      return asked() === before;
    });
  });

  it('keeps the access token of a refresh', async () => {
    const token = await tokenFor(service(), wechat().createCode(official(wechat())));
    assert.deepEqual((await validate(service(), token)).body, { valid: true });
    wechat().advance(7_201_000);
    assert.deepEqual((await validate(service(), token)).body, { valid: false });
    assert.deepEqual((await refresh(service(), token)).body, { expiresIn: 7200 });
    assert.deepEqual((await validate(service(), token)).body, { valid: true });
  });

  it('keeps the refresh token of a refresh', async () => {
    const { token, user } = (await login(service(), wechat().createCode(official(wechat())))).body;
    const answer = { openid: user?.openid, refresh_token: 'aNewOneThatTheSimulatorDoesNotKnow' };
    wechat().misbehave('refresh_token', tokenAnswer(answer));
    assert.equal((await refresh(service(), token)).status, 200);
    assert.equal(refusal(await refresh(service(), token)), '401 ERR_WECHAT_REFRESH_TOKEN_EXPIRED');
  });

  it('ends no login because two refreshes met, of which one got another refresh token', async () => {
    const { token, user } = (await login(service(), wechat().createCode(official(wechat())))).body;
    wechat().misbehave('refresh_token', { errcode: 42002, delay: 400 });
    const asked = wechat().calls.length;
    const late = refresh(service(), token);
    await until(() => wechat().calls.length > asked);
    wechat().misbehave('refresh_token', tokenAnswer({ openid: user?.openid, refresh_token: 'another' }));
    assert.equal((await refresh(service(), token)).status, 200);
    assert.equal(refusal(await late), '503 TRY_AGAIN');
  });

  it('keeps nothing of a refresh that gives the tokens of another user', async () => {
    const token = await tokenFor(service(), wechat().createCode(official(wechat())));
    wechat().misbehave('refresh_token', tokenAnswer({ openid: 'oSomebodyElse0000000000000000' }));
    assert.equal(refusal(await refresh(service(), token)), '500 INTERNAL_SERVER_ERROR');
    assert.deepEqual((await validate(service(), token)).body, { valid: true });
    assert.deepEqual((await refresh(service(), token)).body, { expiresIn: 7200 });
  });

  it('keeps the tokens of a login that came while older ones were refreshed', async () => {
    const code = () => wechat().createCode({ ...official(wechat()), user: 'dave' });
    const token = await tokenFor(service(), code());
    const day = 24 * 3_600_000;
    wechat().advance(29 * day);
    wechat().misbehave('refresh_token', { delay: 500 });
    const asked = wechat().calls.length;
    const refreshed = refresh(service(), token);
    await until(() => wechat().calls.length > asked);
    await tokenFor(service(), code());
    assert.deepEqual((await refreshed).body, { expiresIn: 7200 });
    // The older ones end after thirty days, and cannot be refreshed any more.
    wechat().advance(2 * day);
    assert.deepEqual((await refresh(service(), token)).body, { expiresIn: 7200 });
  });

  it('keeps the name and the avatar when the user logs in without giving them', async () => {
    const app = official(wechat());
    const first = await login(service(), wechat().createCode({ ...app, user: 'alice' }));
    const second = await login(service(), wechat().createCode({ ...app, user: 'alice', scope: 'snsapi_base' }));
    assert.notEqual(first.body.user?.nickname, '');
    assert.deepEqual(second.body.user, first.body.user);
  });

  it('logs in whoever never gave a name', async () => {
    const { status, body } = await login(
      service(),
      wechat().createCode({ ...official(wechat()), user: 'nobody', scope: 'snsapi_base' }),
    );
    assert.deepEqual([status, body.user?.nickname, body.user?.avatar], [200, '', '']);
  });

  it('takes SQL and HTML in a name as text', async () => {
    const token = await tokenFor(service(), wechat().createCode({ ...official(wechat()), user: 'mallory' }));
    const { headers, body } = await me(service(), token);
    assert.equal(body.user?.nickname, nickname);
    assert.match(headers.get('content-type') ?? '', /^application\/json/);
  });
  return { service };
}

/** What only servers can show, because they outlive the service. */
function testRealStores(servers: () => Servers): void {
  const { wechat, service, restart } = startOfficialAccount(() => servers().env);
  const code = (user = 'alice') => wechat().createCode({ ...official(wechat()), user });
  const healthy = async () => (await call(service(), '/healthz')).status === 200;

  it('sets up its tables any number of times at once', async () => {
    const database = await openDatabase(readSettings(servers().env), createLog('silent'));
    try {
      await database.query('DROP TABLE users');
      await Promise.all(Array.from({ length: 10 }, () => database.query(schema)));
      const { rows } = await database.query('SELECT * FROM users');
      assert.deepEqual(rows, []);
    } finally {
      await database.close();
    }
  });

  it('needs no right to create what is there, and takes no table of somebody else for its own', async () => {
    await withPostgres(servers(), async (database) => {
      await database.query('CREATE ROLE writer; GRANT SELECT, INSERT, UPDATE ON users TO writer; SET ROLE writer');
      await database.query(schema);
      await database.query('RESET ROLE; CREATE SCHEMA other; SET search_path = other');
      await database.query('CREATE TABLE users (id serial, email text, unionid text)');
      await assert.rejects(database.query(schema), /column "app_id" does not exist/);
    });
  });

  it('starts beside a transaction that has written to its table, and lets logins go on', async () => {
    await withPostgres(servers(), async (database) => {
      await database.query("BEGIN; INSERT INTO users (app_id, openid, nickname, avatar) VALUES ('a', 'o', '', '')");
      const second = await startService({ ...settingsFor(wechat(), wechat().apps[1]), ...servers().env });
      await tokenFor(service(), code());
      await second.stop();
    });
  });

  it('has PostgreSQL give up what nobody waits for any longer', async () => {
    await tokenFor(service(), code());
    await withPostgres(servers(), async (database) => {
      await database.query('BEGIN; SELECT FROM users FOR UPDATE');
      assert.equal((await login(service(), code())).status, 500);
      const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
      assert.equal((await database.query(waiting)).rowCount, 0);
    });
  });

  it('gives the access token in Redis the time to live that WeChat named', async () => {
    const token = await tokenFor(service(), code());
    const [key] = (await askRedis(servers(), 'KEYS', `*${subject(token)}`)) as string[];
    assert.equal(key, `example-express::wechat:access_token:${subject(token)}`);
    const milliseconds = Number(await askRedis(servers(), 'PTTL', key));
    assert.ok(milliseconds > 7_100_000 && milliseconds <= 7_200_000, `${milliseconds} ms`);
  });

  it('keeps users, tokens and logins over a restart', async () => {
    const token = await tokenFor(service(), code());
    const before = await me(service(), token);
    await restart();
    assert.deepEqual((await me(service(), token)).body, before.body);
    assert.deepEqual((await validate(service(), token)).body, { valid: true });
    assert.equal(subject(await tokenFor(service(), code())), subject(token));
  });

  it('stores nobody when it is killed between the exchange and the storage', async () => {
    wechat().misbehave('userinfo', { connection: 'hang' });
    const asked = wechat().calls.length;
    const used = code('victim');
    const broken = login(service(), used).catch(() => 'no answer');
    await until(() =>
      wechat()
        .calls.slice(asked)
        .some(({ endpoint }) => endpoint === 'userinfo'),
    );
    await restart('kill');
    assert.equal(await broken, 'no answer');
    assert.equal(await countUsers(servers(), 'victim', wechat()), 0);
    assert.equal(refusal(await login(service(), used)), '401 ERR_WECHAT_CODE_USED');
    await tokenFor(service(), code('victim'));
    assert.equal(await countUsers(servers(), 'victim', wechat()), 1);
  });

  for (const [where, pauseRedis] of [
    ['while PostgreSQL stores the user', false],
    ['after PostgreSQL has stored the user, before Redis has the token', true],
  ] as const) {
    it(`leaves nothing half written when it is killed ${where}`, async function () {
      this.timeout(60_000); // it starts the service again
      const user = pauseRedis ? 'second victim' : 'first victim';
      const used = code(user);
      const database = new pg.Client(servers().env.DATABASE_URL);
      await database.connect();
      try {
        await database.query('BEGIN; LOCK TABLE users IN EXCLUSIVE MODE');
        const broken = login(service(), used).catch(() => 'no answer');
        await until(
          async () =>
            (await database.query("SELECT FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted"))
              .rowCount === 1,
        );
        if (pauseRedis) await askRedis(servers(), 'CLIENT', 'PAUSE', '60000', 'WRITE');
        else await service().kill();
        await database.query('COMMIT');
        await until(async () => (await countUsers(servers(), user, wechat())) === 1);
        await restart('kill');
        assert.equal(await broken, 'no answer');
      } finally {
        await database.end();
        await askRedis(servers(), 'CLIENT', 'UNPAUSE');
      }
      assert.equal(await countBroken(servers()), 0);
      assert.equal(refusal(await login(service(), used)), '401 ERR_WECHAT_CODE_USED');
      const token = await tokenFor(service(), code(user));
      assert.deepEqual((await validate(service(), token)).body, { valid: true });
      assert.equal(await countUsers(servers(), user, wechat()), 1);
    });
  }

  for (const name of ['postgres', 'redis'] as const) {
    it(`answers 5xx while ${name} is away, and works again when it is back`, async () => {
      const token = await tokenFor(service(), code());
      // Logins and visits go on all the time.
      const answers: string[] = [];
      let going = true;
      const stream = Promise.all(
        ['bob', 'carol', 'dave'].map(async (user) => {
          while (going) {
            answers.push(outcome(await login(service(), code(user))));
            for (const ask of [me, validate, refresh]) answers.push(outcome(await ask(service(), token)));
          }
        }),
      );
      const recent = () => answers.slice(-24);
      await until(() => answers.length > 24);
      assert.deepEqual(new Set(answers), new Set(['fine']));
      await servers()[name].kill();
      await until(() => recent().filter((answer) => answer !== 'fine').length > 12);
      const health = await call(service(), '/healthz');
      assert.equal(refusal(health), '503 STORE_AWAY');
      assert.doesNotMatch(health.text, /ECONN|127\.0\.0\.1|redis|postgres/i);

      await servers()[name].start();
      await until(healthy);
      const back = answers.length;
      await until(() => answers.length > back + 24 && recent().every((answer) => answer === 'fine'));
      going = false;
      await stream;
      // Not knowing is no answer: nobody is unknown, and no token invalid, because it cannot be looked up.
      assert.deepEqual(new Set(answers), new Set(['fine', '500 INTERNAL_SERVER_ERROR, and not why']));
      for (const user of ['bob', 'carol', 'dave']) assert.equal(await countUsers(servers(), user, wechat()), 1);
      assert.equal(await countBroken(servers()), 0);
    });

    it(`answers 5xx within seconds when ${name} goes silent, and works again when it speaks`, async () => {
      await tokenFor(service(), code());
      servers()[name].freeze();
      try {
        const [health, refused] = await Promise.all([call(service(), '/healthz'), login(service(), code())]);
        assert.equal(refusal(health), '503 STORE_AWAY');
        assert.equal(refusal(refused), '500 INTERNAL_SERVER_ERROR');
      } finally {
        servers()[name].thaw();
      }
      await until(healthy);
      await tokenFor(service(), code());
    });
  }

  it('keeps its connection to Redis while nobody comes', async () => {
    const connection = async () => {
      const list = String(await askRedis(servers(), 'CLIENT', 'LIST', 'TYPE', 'normal'));
      const [, id, age] = /^id=(\d+) .* age=(\d+) .* cmd=(?!client)/m.exec(list) ?? [];
      return { id, age: Number(age) };
    };
    const { id, age } = await connection();
    await until(async () => {
      const now = await connection();
      assert.equal(now.id, id);
      return now.age > age + 3; // as long as a store may take for an answer
    });
  });

  it('limits logins again after a time in which Redis did not take the script that counts them', async () => {
    await askRedis(servers(), 'SCRIPT', 'FLUSH');
    await askRedis(servers(), 'ACL', 'SETUSER', 'default', '-script|load');
    assert.equal(refusal(await login(service(), code())), '500 INTERNAL_SERVER_ERROR');
    await askRedis(servers(), 'ACL', 'SETUSER', 'default', '+script|load');
    await tokenFor(service(), code());
  });

  it('does not start without its stores, and says which address does not answer', async function () {
    this.timeout(60_000);
    const env = settingsFor(wechat());
    for (const away of [
      { DATABASE_URL: servers().env.DATABASE_URL, REDIS_URL: 'redis://:aPassword@localhost:1' },
      { DATABASE_URL: 'postgres://someone:aPassword@localhost:1/users', REDIS_URL: servers().env.REDIS_URL },
    ]) {
      const failure: unknown = await startService({ ...env, ...away }).catch((error: unknown) => error);
      assert.ok(failure instanceof Error);
      assert.match(failure.message, /^The service ended with 1:[^]*The service cannot start:\n.*ECONNREFUSED/);
      assert.doesNotMatch(failure.message, /aPassword/);
    }
  });

  it('does not start without the password of Redis', async () => {
    const redis = createClient({ url: servers().env.REDIS_URL });
    await redis.connect();
    await redis.sendCommand(['CONFIG', 'SET', 'requirepass', 'aPassword']);
    try {
      // Without a database of its own there is nothing that Redis refuses before the first login.
      const env = { ...settingsFor(wechat()), ...servers().env, REDIS_URL: servers().redis.url };
      await assert.rejects(startService(env), /cannot start:\nNOAUTH/);
    } finally {
      await redis.sendCommand(['CONFIG', 'SET', 'requirepass', '']);
      await redis.close();
    }
  });

  it('stops in order even when a store is away', async () => {
    await servers().redis.kill();
    try {
      const { code: exitCode } = await service().stop();
      assert.equal(exitCode, 0, service().output);
    } finally {
      await servers().redis.start();
      await restart();
    }
  });

  it('stops in order even when Redis has said nothing for a while', async () => {
    servers().redis.freeze();
    try {
      await until(() => service().output.includes('lost the connection to Redis'));
      const { code: exitCode } = await service().stop();
      assert.equal(exitCode, 0, service().output);
    } finally {
      servers().redis.thaw();
      await restart();
    }
  });
}

/** What came of a request, in a word when it went well. */
function outcome(answer: Answer): string {
  const { status, body } = answer;
  if (status === 200) return body.valid === false ? 'a token that works is called invalid' : 'fine';
  const silent = body.error?.message === 'The service has a problem: try again in a moment';
  return `${refusal(answer)}${silent ? ', and not why' : ''}`;
}

/** A service whose WeChat is the simulator's official account, which has both scopes. */
function startOfficialAccount(stores: () => Record<string, string>) {
  let wechat: WeChatSimulator | undefined;
  let service: Service | undefined;
  const there = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('It is there from before() on');
    return part;
  };
  const start = async () => {
    const simulator = there(wechat);
    const app = simulator.apps.find(({ kind }) => kind === 'official-account');
    service = await startService({ ...settingsFor(simulator, app), ...stores() });
  };
  before(async function () {
    this.timeout(60_000);
    wechat = await startWeChatSimulator({
      users: [
        { id: 'alice', nickname: '爱丽丝😀', headimgurl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/a/132' },
        ...['bob', 'carol', 'dave', 'victim', 'first victim', 'second victim', 'nobody'].map((id) => ({ id })),
        { id: 'mallory', nickname },
      ],
    });
    await start();
  });
  afterEach(() => wechat?.behave());
  after(async () => {
    await service?.stop();
    await wechat?.close();
  });
  return {
    wechat: () => there(wechat),
    service: () => there(service),
    restart: async (how: 'stop' | 'kill' = 'stop') => {
      await there(service)[how]();
      await start();
    },
  };
}

function official({ apps }: WeChatSimulator): { appId: string } {
  return { appId: apps.find(({ kind }) => kind === 'official-account')?.appId ?? '' };
}

/** An answer of WeChat with one field that the simulator would not give. */
function tokenAnswer(field: Record<string, unknown>) {
  const answer = {
    access_token: 'anAccessToken',
    expires_in: 7200,
    refresh_token: 'aRefreshToken',
    openid: 'oAnybody0000000000000000000',
    scope: 'snsapi_base',
    ...field,
  };
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: JSON.stringify(answer) };
}

function subject(token: string): string {
  const claims = jwt.decode(token, { json: true });
  return claims?.sub ?? '';
}

async function countUsers(servers: Servers, nickname: string, { users }: WeChatSimulator): Promise<number> {
  assert.ok(users.some(({ id }) => id === nickname));
  return await count(servers, 'nickname = $1', [nickname]);
}

async function countBroken(servers: Servers): Promise<number> {
  return await count(servers, "refresh_token = '' OR openid = '' OR app_id = ''", []);
}

async function count(servers: Servers, condition: string, values: string[]): Promise<number> {
  return withPostgres(servers, async (database) => {
    const { rowCount } = await database.query(`SELECT FROM users WHERE ${condition}`, values);
    return rowCount ?? 0;
  });
}

async function withPostgres<T>({ env }: Servers, use: (database: pg.Client) => Promise<T>): Promise<T> {
  const database = new pg.Client(env.DATABASE_URL);
  await database.connect();
  try {
    return await use(database);
  } finally {
    await database.end();
  }
}

async function askRedis({ env }: Servers, ...command: string[]): Promise<unknown> {
  const client = createClient({ url: env.REDIS_URL });
  await client.connect();
  try {
    return await client.sendCommand(command);
  } finally {
    await client.close();
  }
}
