import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

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
}

/** How long a store may take, in ms. PostgreSQL gives up first, or queries for nobody would use up its connections. */
const TIMEOUT = 3_000;

/** Opens the database, and makes the table if it is not there. */
export async function openDatabase({ DATABASE_URL }: Settings, log: Logger): Promise<Database> {
  const database = DATABASE_URL === undefined ? await PGlite.create() : openPostgres(DATABASE_URL, log);
  await database.query(await readFile(new URL('../schema.sql', import.meta.url), 'utf8'));
  return database;
}

function openPostgres(connectionString: string, log: Logger): Database {
  const patience = { connectionTimeoutMillis: TIMEOUT, query_timeout: TIMEOUT, statement_timeout: TIMEOUT - 200 };
  const pool = new pg.Pool({ connectionString, ...patience });
  // A lost idle connection is replaced at the next query.
  pool.on('error', (err) => log.warn({ err }, 'lost a connection to PostgreSQL'));
  return { query: (text, values) => pool.query(text, values), close: () => pool.end() };
}

export async function openCache({ REDIS_URL }: Settings, log: Logger): Promise<Cache> {
  if (REDIS_URL === undefined) return { tokens: new Keyv<string>(), rateLimits: new MemoryStore() };
  const reconnectStrategy = (retries: number) => Math.min(50 * 2 ** retries, 1_000);
  // Fail at once when Redis is away, instead of letting visitors wait until it is back.
  const client = createClient({
    url: REDIS_URL,
    disableOfflineQueue: true,
    // Nothing but pings shows that an idle connection still works; one that is silent for longer is replaced.
    pingInterval: TIMEOUT / 2,
    socket: { connectTimeout: TIMEOUT, socketTimeout: TIMEOUT, reconnectStrategy },
  });
  client.on('error', (err: Error) => log.warn({ err }, 'lost the connection to Redis'));
  // It would go on trying for ever: at the start one failure is enough.
  void client.connect();
  await once(client, 'ready').then(() => client.ping()); // without the password it is ready, too
  const store = new KeyvRedis<string>(client, { throwOnErrors: true });
  const rateLimits = new RedisStore({
    prefix: 'example-express::logins:',
    sendCommand: (...command: string[]) => {
      const reply = client.sendCommand<string | number[]>(command);
      // It remembers a script that it could not load as such for ever; one that Redis does not know, it loads again.
      return command[0] === 'SCRIPT' ? reply.catch(() => 'not loaded') : reply;
    },
  });
  return {
    tokens: new Keyv<string>({ store, namespace: 'example-express', useKeyPrefix: false, throwOnErrors: true }),
    rateLimits,
  };
}
