import { once } from 'node:events';

import { PGlite } from '@electric-sql/pglite';
import KeyvRedis, { createClient } from '@keyv/redis';
import { MemoryStore, type Store } from 'express-rate-limit';
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
  rateLimits: Store;
  check: () => Promise<unknown>;
  close: () => Promise<void>;
}

/** How long a store may take, in ms. */
const TIMEOUT = 3_000;

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
    return {
      tokens,
      rateLimits: new MemoryStore(),
      check: () => tokens.has('health'),
      close: () => tokens.disconnect(),
    };
  }
  // Fail at once when Redis is away, instead of letting visitors wait until it is back.
  const client = createClient({
    url: REDIS_URL,
    disableOfflineQueue: true,
    // Nothing but pings shows that an idle connection still works; one that is silent for longer is replaced.
    pingInterval: TIMEOUT / 2,
    socket: {
      connectTimeout: TIMEOUT,
      socketTimeout: TIMEOUT,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 1_000),
    },
  });
  client.on('error', (err: Error) => log.warn({ err }, 'lost the connection to Redis'));
  // It would go on trying for ever: at the start one failure is enough.
  void client.connect();
  await once(client, 'ready');
  const store = new KeyvRedis<string>(client, { throwOnErrors: true });
  return {
    tokens: new Keyv<string>({ store, throwOnErrors: true }),
    rateLimits: new RedisStore({
      sendCommand: (...command: string[]) => {
        const reply = client.sendCommand<string | number[]>(command);
        // It remembers a script that it could not load as such for ever; one that Redis does not know, it loads again.
        return command[0] === 'SCRIPT' ? reply.catch(() => 'not loaded') : reply;
      },
    }),
    check: () => client.ping(),
    close: () => client.close(),
  };
}
