import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, Server } from 'node:net';

import { createApp } from './app.js';
import { createLog } from './log.js';
import { readSettings } from './settings.js';
import { openCache, openDatabase } from './stores.js';
import { logInAndTell } from './transcript.js';
import { openWeChat } from './wechat.js';

/** How long a stop waits for requests under way, in ms. */
const PATIENCE = 10_000;

async function start(): Promise<void> {
  const settings = readSettings(process.env);
  const log = createLog(settings.LOG_LEVEL);
  const wechat = await openWeChat(settings);
  const database = await openDatabase(settings, log);
  const cache = await openCache(settings, log);

  let stopping = false;
  const server = createServer((_req, res) => stopping && res.setHeader('connection', 'close'));
  server.listen(settings.PORT, settings.HOST);
  await once(server, 'listening');
  const address = settings.PUBLIC_URL ?? `http://localhost:${(server.address() as AddressInfo).port}`;
  server.on('request', createApp({ settings, wechat, address, database, cache, log }));

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => server.closeAllConnections(), PATIENCE);
    Server.prototype.close.call(server); // that of HTTP would end idle connections on which a request may be coming
    setInterval(() => server.closeIdleConnections(), 1_000);
    await once(server, 'close');
    await Promise.all([wechat.close(), database.close(), cache.tokens.disconnect()]);
    process.exit(); // a request whose visitor has left may have opened something again
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  if (wechat.simulated) {
    console.log('\nWECHAT_APP_ID is not set: this runs with a simulator of WeChat. Here is one whole login:\n');
    console.log(await logInAndTell(address));
  }
  console.log(`\nThe service is at ${address} (stop it with Ctrl+C)`);
}

start().catch((error: unknown) => {
  // Failed connections to several addresses of one host have no message, but a code.
  const { message, code } = error as NodeJS.ErrnoException;
  console.error(`The service cannot start:\n${message || String(code)}`);
  process.exit(1); // what was opened until then would keep it running
});
