import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import express5, { type ErrorRequestHandler, type RequestHandler } from 'express';
import passport, { type Strategy } from 'passport';

// Their types are those of the newest: there are no others under these names.
const require = createRequire(import.meta.url);
const express4 = require('express4') as typeof express5;
const passport06 = require('passport06') as typeof passport;

/** Every Express that is supported. */
export const frameworks = { 'Express 4': express4, 'Express 5': express5 };

/** Every Passport that is supported. */
export const passports = { 'Passport 0.6': passport06, 'Passport 0.7': passport };

/** What Passport told a custom callback. */
export interface Outcome {
  error: unknown;
  user: unknown;
  info: unknown;
  status: unknown;
}

export interface LoginApp {
  readonly url: string;
  readonly passport: passport.Authenticator;
  /** How often the handler behind `/login` ran. */
  readonly handled: number;
  /** What reached the application's error handler. */
  readonly errors: readonly unknown[];
  /** What the custom callback of `/callback` was called with. */
  readonly outcomes: readonly Outcome[];
}

export interface LoginAppOptions {
  express?: typeof express5;
  passport?: typeof passport;
  env?: 'test' | 'development';
  /** Whether Passport gets the strategies by name or as instances. */
  by?: 'name' | 'instance';
  initialize?: boolean;
  session?: boolean;
  /** Runs after the body parsers. */
  before?: RequestHandler;
  /** Instead of Express's parsers for JSON and forms. */
  parsers?: RequestHandler[];
  /** How Express reads the query. By default as its version does by default. */
  queryParser?: 'simple' | 'extended';
}

const servers = new Set<Server>();

/** Starts a server on a free port of loopback, and gives its address. `closeServers` ends it. */
export async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.add(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

export async function closeServers(): Promise<void> {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }
  servers.clear();
}

/**
 * Starts an application with real Passport: `/login` is protected and answers with the user, `/callback` has a custom
 * callback and answers 204. Errors get Express's own treatment.
 */
export async function startLoginApp(
  strategies: Strategy | Strategy[],
  options: LoginAppOptions = {},
): Promise<LoginApp> {
  const { express = express5, by = 'name', session = false } = options;
  const authenticator = new (options.passport ?? passport).Passport();
  const chain = [strategies].flat();
  for (const strategy of chain) authenticator.use(strategy);
  const named = chain.map((strategy) => (by === 'name' ? (strategy.name ?? '') : strategy));
  const layers = (named.length === 1 ? named[0] : named) as string;

  const app = express();
  // Express answers with the stack, and keeps it out of the console, which it does not in development.
  app.set('env', options.env ?? 'test');
  if (options.queryParser) app.set('query parser', options.queryParser);
  const parsers = options.parsers ?? [express.json({ strict: false }), express.urlencoded({ extended: true })];
  for (const handler of [...parsers, ...(options.before ? [options.before] : [])]) app.use(handler);
  if (options.initialize) app.use(authenticator.initialize());

  const seen = { handled: 0, errors: [] as unknown[], outcomes: [] as Outcome[] };
  app.all('/login', authenticator.authenticate(layers, { session }) as RequestHandler, (req, res) => {
    seen.handled += 1;
    res.json({ user: req.user, authInfo: req.authInfo });
  });
  app.all('/callback', (req, res, next) => {
    const authenticate = authenticator.authenticate(
      layers,
      (error: unknown, user: unknown, info: unknown, status: unknown) => {
        seen.outcomes.push({ error, user, info, status });
        if (!res.headersSent) res.sendStatus(204);
      },
    ) as RequestHandler;
    void authenticate(req, res, next);
  });
  const onError: ErrorRequestHandler = (error: unknown, _req, _res, next) => {
    seen.errors.push(error);
    next(error);
  };
  app.use(onError);
  return Object.assign(seen, { url: await listen(app), passport: authenticator });
}

/** What to send. */
export interface Sent {
  json?: unknown;
  form?: string;
  /** A body of another kind, or JSON that is written out. */
  raw?: { type: string; text: string };
  /** Without the question mark, percent-encoded already. */
  query?: string;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
}

/** POSTs a body, or GETs without one. */
export async function send(app: { url: string }, path: string, sent: Sent): Promise<Reply> {
  const body = bodyOf(sent);
  const response = await fetch(
    `${app.url}${path}${sent.query === undefined ? '' : `?${sent.query}`}`,
    body && { method: 'POST', headers: { 'content-type': body.type }, body: body.text },
  );
  return { status: response.status, headers: response.headers, text: await response.text() };
}

function bodyOf({ json, form, raw }: Sent): Sent['raw'] {
  if (form !== undefined) return { type: 'application/x-www-form-urlencoded', text: form };
  return json === undefined ? raw : { type: 'application/json', text: JSON.stringify(json) };
}

/** The body of a reply, read as JSON: what the handler behind `/login` gives. */
export function parse(reply: Reply): { user: unknown; authInfo?: unknown } {
  return JSON.parse(reply.text) as { user: unknown; authInfo?: unknown };
}
