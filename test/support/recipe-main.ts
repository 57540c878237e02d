// Run by recipe.ts: imports a recipe, and reports the port that it listens on.
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';

const { server } = (await import(process.argv[2] ?? '')) as { server: Server };
if (!server.listening) await once(server, 'listening');
process.send?.((server.address() as AddressInfo).port);
