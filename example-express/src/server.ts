import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, Server } from 'node:net';

import { createApp } from './app.js';
import { createLog } from './log.js';
import { readSettings } from './settings.js';
import { openCache, openDatabase } from './stores.js';
import { logInAndTell } from './transcript.js';
import { openWeChat } from './wechat.js';

async function start(): Promise<void> {
  const settings = readSettings(process.env);
  const log = createLog(settings.LOG_LEVEL);
  const wechat = await openWeChat(settings);
  const database = await openDatabase(settings, log);
  const cache = await openCache(settings, log);

  let stopping = false;
  const server = createServer((_req, res) => stopping && res.setHeader('connection', 'close'));
  server.keepAliveTimeout = 65_000; // longer than proxies keep theirs, or they send a request to a closed connection
  server.listen(settings.PORT, settings.HOST);
  await once(server, 'listening');
  const { address: ip, port } = server.address() as AddressInfo;
  const address = settings.PUBLIC_URL ?? `http://localhost:${port}`;
  server.on('request', createApp({ settings, wechat, address, database, cache, log }));

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => server.closeAllConnections(), 10_000); // so long it waits for requests under way
    Server.prototype.close.call(server); // that of HTTP would end idle connections on which a request may be coming
    setInterval(() => server.closeIdleConnections(), 1_000);
    await once(server, 'close');
    await Promise.all([wechat.close(), database.close()]); // Redis would let it wait for ever when it is away
    process.exit(); // a request whose visitor has left may have opened something again
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  if (wechat.simulated) {
    console.log('\nWECHAT_APP_ID is not set: this runs with a simulator of WeChat. Here is one whole login:\n');
    const host = /^(0\.0\.0\.0|::)$/.test(ip) ? 'localhost' : ip.includes(':') ? `[${ip}]` : ip;
    console.log(await logInAndTell(`http://${host}:${port}`));
  }
  const unset = (['PUBLIC_URL', 'DATABASE_URL', 'REDIS_URL'] as const).filter((name) => settings[name] === undefined);
  if (!wechat.simulated && unset.length > 0) log.warn({ unset }, 'this is for trying out: see the README');
  console.log(`\nThe service is at ${address} (stop it with Ctrl+C)`);
}

start().catch((error: unknown) => {
  // Failed connections to several addresses of one host have no message, but a code.
  const { message, code } = error as NodeJS.ErrnoException;
  console.error(`The service cannot start:\n${message || String(code)}`);
  process.exit(1); // what was opened until then would keep it running
});
