import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';

import type { HttpOptions } from '../../src/index.js';
import { undiciTransport } from '../../src/undici.js';

/** A transport that the library has. */
export interface NamedTransport {
  name: string;
  /** The options for a client on it. */
  http: (connections?: { ca?: Buffer; lookup?: LookupFunction }) => HttpOptions;
}

export const got: NamedTransport = {
  name: 'got',
  http: (connections) =>
    connections ? { agent: { http: new http.Agent(connections), https: new https.Agent(connections) } } : {},
};

export const undici: NamedTransport = {
  name: 'undici',
  http: (connections) => ({ transport: undiciTransport(connections) }),
};

/** Every transport that the library has: what is promised is promised on each. */
export const transports = [got, undici];
