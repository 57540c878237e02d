#!/usr/bin/env node
import { createRequire } from 'node:module';
import process from 'node:process';
import { announcementOf } from './simulator/announcement.js';
import { parseCommandLine, usage } from './simulator/command-line.js';
import { startWeChatSimulator } from './simulator/index.js';
import type { SimulatorOptions } from './simulator/index.js';

async function simulate(options: SimulatorOptions): Promise<void> {
  const wechat = await startWeChatSimulator(options);
  // Once, so that a second Ctrl+C ends the process whatever happens.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void wechat.close());
  try {
    console.log(announcementOf(wechat));
  } catch (error) {
    await wechat.close(); // a callbackDomain that is no domain
    throw error;
  }
}

function versionOf(): string {
  const { version } = createRequire(import.meta.url)('../package.json') as { readonly version: string };
  return version;
}

/** One line that says what to do. What is no wrong usage is a port or an address that cannot be had. */
function explain(error: unknown): string {
  if (!(error instanceof Error) || error instanceof TypeError)
    return error instanceof Error ? error.message : String(error);
  const taken = 'code' in error && error.code === 'EADDRINUSE';
  const problem = taken ? (error.message.split(':')[0] ?? '') : `cannot start (${error.message})`;
  return `${problem}; choose another --port${taken ? '' : ' or --host'}, or stop what is in the way`;
}

try {
  const command = parseCommandLine(process.argv.slice(2));
  if (command.name === 'simulator') await simulate(command.options);
  else console.log(command.name === 'help' ? usage : versionOf());
} catch (error) {
  console.error(`passport-wechat-code: ${explain(error)}`);
  // 2 for a wrong command line, as shells have it; 1 for what the machine refused.
  process.exitCode = error instanceof TypeError ? 2 : 1;
}
