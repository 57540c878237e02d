import { PGlite } from '@electric-sql/pglite';
import KeyvRedis, { createClient } from '@keyv/redis';
import type { Store } from 'express-rate-limit';
import { Keyv } from 'keyv';
import pg from 'pg';
import type { Logger } from 'pino';
import { RedisStore } from 'rate-limit-redis';

import type { Settings } from './settings.js';

/** SQL, in PostgreSQL or in the same engine inside this process. */
export interface Database {
  query: (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;
  close: () => Promise<void>;
}

/** Values that forget themselves, in Redis or in memory, and the counts of the rate limits beside them. */
export interface Cache {
  tokens: Keyv<string>;
  rateLimits: Store | undefined;
  check: () => Promise<unknown>;
  close: () => Promise<void>;
}

const TIMEOUT = 5_000;

export async function openDatabase({ DATABASE_URL }: Settings, log: Logger): Promise<Database> {
  if (DATABASE_URL === undefined) return await PGlite.create();
  const pool = new pg.Pool({
    connectionString: DATABASE_URL,
    connectionTimeoutMillis: TIMEOUT,
    query_timeout: TIMEOUT,
  });
  // A lost idle connection is replaced at the next query.
  pool.on('error', (err) => log.warn({ err }, 'lost a connection to PostgreSQL'));
  return { query: (text, values) => pool.query(text, values), close: () => pool.end() };
}

export async function openCache({ REDIS_URL }: Settings, log: Logger): Promise<Cache> {
  if (REDIS_URL === undefined) {
    const tokens = new Keyv<string>();
    return { tokens, rateLimits: undefined, check: () => tokens.has('health'), close: () => tokens.disconnect() };
  }
  // Fail at once when Redis is away, instead of letting visitors wait until it is back.
  const client = createClient({ url: REDIS_URL, disableOfflineQueue: true, socket: { connectTimeout: TIMEOUT } });
  client.on('error', (err: Error) => log.warn({ err }, 'lost the connection to Redis'));
  await client.connect();
  const store = new KeyvRedis<string>(client, { throwOnConnectError: true, throwOnErrors: true });
  return {
    tokens: new Keyv<string>({ store, throwOnErrors: true }),
    rateLimits: new RedisStore({ sendCommand: (...command: string[]) => client.sendCommand(command) }),
    check: () => client.ping(),
    close: () => client.close(),
  };
}
