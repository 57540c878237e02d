// Run by recipe.ts: imports a recipe, and reports the port that it listens on.
import { subscribe } from 'node:diagnostics_channel';
import type { AddressInfo, Server } from 'node:net';
import process from 'node:process';

subscribe('tracing:net.server.listen:asyncEnd', (message) => {
  const { server } = message as { readonly server: Server };
  process.send?.((server.address() as AddressInfo).port);
});

await import(process.argv[2] ?? '');
