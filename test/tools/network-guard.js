/**
 * Keeps a process, and the Node.js processes that it starts, on this machine: every connection and every name look-up
 * that leaves loopback is refused, and written down, because code under test may swallow the refusal. Mocha loads it
 * for each run of the tests (`require` in `.mocharc.json`), and fails the run when anything was written down.
 *
 * Pipes and Unix sockets are no network. What is not Node.js (a browser, a database) is not guarded.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { URL } from 'node:url';

/** @typedef {{ address: string, during: string, pid: number }} Refusal */

// A process that was started by a guarded one is told the file by the address of this module.
const inherited = new URL(import.meta.url).searchParams.get('journal');
const journal = inherited ?? join(mkdtempSync(join(tmpdir(), 'network-guard-')), 'journal');
if (inherited === null) {
  writeFileSync(journal, '');
  process.once('exit', () => rmSync(dirname(journal), { recursive: true, force: true }));
  const self = new URL(import.meta.url);
  self.searchParams.set('journal', journal);
  process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --import=${self.href}`.trim();
}
const DURING = 'NETWORK_GUARD_DURING';

/** Writes down what was refused, and gives the error to refuse it with. @param {string} address */
function refuse(address) {
  const during = process.env[DURING] ?? '';
  appendFileSync(journal, `${JSON.stringify({ address, during, pid: process.pid })}\n`);
  return Object.assign(new Error(`The tests may not leave this machine: ${address}`), { code: 'ENETGUARD' });
}

const loopback = new net.BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** @param {string} address */
const isLoopback = (address) => loopback.check(address, net.isIPv6(address) ? 'ipv6' : 'ipv4');

/** @typedef {(error: Error | null, addresses?: unknown, family?: number) => void} Found */
/** @typedef {(host: string, options: object, found: Found) => void} Lookup */

/** A look-up whose answers must be loopback too. @param {Lookup} lookup @returns {Lookup} */
const checked = (lookup) => (host, options, found) => {
  lookup(host, options, (error, addresses, family) => {
    const all = Array.isArray(addresses) ? addresses.map(({ address }) => address) : [addresses];
    const stranger = all.find((address) => typeof address === 'string' && address !== '' && !isLoopback(address));
    if (stranger === undefined) found(error, addresses, family);
    else found(refuse(`${host} (${stranger})`));
  });
};

/** @typedef {{ path?: string, host?: string, port?: number | string, lookup?: Lookup }} Target */

/**
 * The forms in which a socket is told where to connect to. @param {unknown[]} parameters
 * @returns {Target}
 */
function readTarget([first, second]) {
  const target = Array.isArray(first) ? /** @type {unknown[]} */ (first)[0] : first;
  if (typeof target === 'object' && target !== null) return target;
  if (typeof target === 'string' && !/^\d+$/.test(target)) return { path: target };
  return { port: Number(target), ...(typeof second === 'string' && { host: second }) };
}

replace(net.Socket.prototype, 'connect', (connect) => {
  /** @this {net.Socket} @param {unknown[]} parameters */
  return function (...parameters) {
    const target = readTarget(parameters);
    const { path, host = 'localhost', port, lookup = dns.lookup } = target;
    const here = net.isIP(host) > 0 && isLoopback(host);
    if (path || here) return Reflect.apply(connect, this, parameters);
    const guarded = { ...target, lookup: checked(/** @type {Lookup} */ (lookup)) };
    if (net.isIP(host) > 0) {
      // As a look-up that fails, so that the error comes when and where errors of connections come.
      const refusal = refuse(`${host}:${port}`);
      guarded.host = 'refused';
      guarded.lookup = (_host, _options, found) => process.nextTick(found, refusal);
    }
    const callback = parameters.flat().find((one) => typeof one === 'function');
    return Reflect.apply(connect, this, callback ? [guarded, callback] : [guarded]);
  };
});

for (const [api, later] of /** @type {const} */ ([
  [dns, true],
  [dns.promises, false],
])) {
  /** @param {string} asked @param {unknown[]} parameters */
  const refusal = (asked, parameters) => {
    const error = refuse(asked);
    const callback = parameters.at(-1);
    if (!later) return Promise.reject(error);
    if (typeof callback === 'function') process.nextTick(callback, error);
    return undefined;
  };
  replace(api, 'lookup', (original) => (...parameters) => {
    const host = String(parameters[0] ?? '');
    // To look up an address asks nobody; servers do it that listen on one.
    const here = net.isIP(host) > 0 || host === 'localhost' || host === '';
    return here ? Reflect.apply(original, api, parameters) : refusal(host, parameters);
  });
  // These ask a name server, which is never on loopback.
  for (const holder of [api, api.Resolver.prototype]) {
    for (const name of Object.getOwnPropertyNames(holder)) {
      if (!/^(?:resolve\w*|reverse|lookupService)$/.test(name)) continue;
      /** @param {unknown[]} parameters */
      const refuseQuestion = (...parameters) => refusal(`${name} ${String(parameters[0])}`, parameters);
      replace(holder, name, () => refuseQuestion);
    }
  }
}
// Nothing here speaks UDP.
replace(dgram, 'createSocket', () => () => {
  throw refuse('UDP');
});
syncBuiltinESMExports();

/**
 * Puts another function in the place of one, and keeps the properties of the first.
 *
 * @typedef {(...parameters: any[]) => unknown} Any
 * @param {object} holder @param {string} name @param {(original: Any) => Any} make
 */
function replace(holder, name, make) {
  const original = /** @type {Any | undefined} */ (Reflect.get(holder, name));
  if (original === undefined) return;
  Reflect.set(holder, name, Object.defineProperties(make(original), Object.getOwnPropertyDescriptors(original)));
}

/** What was refused so far, here and in the processes that were started. @returns {Refusal[]} */
function refusals() {
  const lines = readFileSync(journal, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

export const mochaHooks = {
  /** @this {{ currentTest?: { fullTitle(): string } }} */
  beforeEach() {
    process.env[DURING] = this.currentTest?.fullTitle() ?? '';
  },
  afterAll() {
    const list = refusals();
    writeFileSync(journal, '');
    if (list.length === 0) return;
    const lines = list.map(
      ({ address, during, pid }) => `  ${address} (process ${pid}, ${during || 'before the tests'})`,
    );
    throw new Error(`The tests tried to leave this machine, and were not let:\n${lines.join('\n')}`);
  },
};
