import http from 'node:http';
import https from 'node:https';

import { checkBaseUrl, checkFunction, checkObject, checkWholeNumber } from './checks.js';
import type { Agents } from './got.js';
import type { Transport } from './transport.js';

const WECHAT = 'https://api.weixin.qq.com';

/** How the client talks to WeChat. Everything has a default that suits production. */
export interface HttpOptions {
  /** How long one call may take in all, in ms, retries and waits included. Default 30 000. */
  timeout?: number | undefined;
  /** How long it may take to get a connection, in ms: waiting for a free one, name look-up, TCP and TLS. Default 10 000. */
  connectTimeout?: number | undefined;
  /** How many times one call may try again, where that is safe. 0 means never. Default 3. */
  maxRetries?: number | undefined;
  /** The base of the waits between attempts, in ms: they double, and are shortened at random by up to half. Default 1000. */
  retryDelay?: number | undefined;
  /** The `User-Agent` header. Default `passport-wechat-code`. */
  userAgent?: string | undefined;
  /**
   * Where WeChat is: `https:`, or `http:` on loopback. In an array the further ones are for fail-over, in order, such as
   * `['https://api.weixin.qq.com', 'https://api2.weixin.qq.com']`. Default `https://api.weixin.qq.com`.
   */
  baseUrl?: string | readonly string[] | undefined;
  /**
   * Agents of your own, for a proxy say. They replace the client's, which keep at most 128 connections, end those that
   * are idle for 4 s, and end an idle one on which something arrives: yours should do the same.
   */
  agent?: Agents | undefined;
  /**
   * What makes the requests in place of got: `undiciTransport()` of `passport-wechat-code/undici`, which takes less CPU
   * time, or one of your own. Not together with `agent`, which is for got.
   */
  transport?: Transport | undefined;
}

/** {@link HttpOptions} checked, and with the defaults filled in. */
export interface HttpSettings {
  timeout: number;
  connectTimeout: number;
  maxRetries: number;
  retryDelay: number;
  userAgent: string;
  /** Without a slash at the end. */
  baseUrls: readonly string[];
  agents: Agents;
  transport: Transport | undefined;
}

/** @throws TypeError that names the option which is wrong. */
export function checkHttpOptions(options: HttpOptions = {}): HttpSettings {
  checkObject('http', options);
  const { baseUrl = WECHAT, userAgent = 'passport-wechat-code', agent = {}, transport } = options;
  const { timeout = 30_000, connectTimeout = 10_000, maxRetries = 3, retryDelay = 1_000 } = options;
  if (transport !== undefined) checkFunction('http.transport', transport);
  if (transport !== undefined && options.agent !== undefined) {
    throw new TypeError(
      'Pass either http.transport or http.agent: agents are for got, which a transport takes the place of',
    );
  }
  return {
    timeout: checkWholeNumber('http.timeout', timeout, 1),
    connectTimeout: checkWholeNumber('http.connectTimeout', connectTimeout, 1),
    maxRetries: checkWholeNumber('http.maxRetries', maxRetries, 0),
    retryDelay: checkWholeNumber('http.retryDelay', retryDelay, 0),
    userAgent: checkUserAgent(userAgent),
    baseUrls: checkBaseUrls(baseUrl),
    agents: checkAgents(agent),
    transport,
  };
}

function checkUserAgent(userAgent: unknown): string {
  if (typeof userAgent !== 'string' || !/^[\x20-\x7e]+$/.test(userAgent)) {
    throw new TypeError('http.userAgent must be printable ASCII text');
  }
  return userAgent;
}

function checkBaseUrls(baseUrl: unknown): string[] {
  const baseUrls: unknown[] = Array.isArray(baseUrl) ? baseUrl : [baseUrl];
  if (baseUrls.length === 0) throw new TypeError('http.baseUrl must have at least one address');
  return baseUrls.map((each) => checkBaseUrl('http.baseUrl', each, WECHAT));
}

function checkAgents(agents: Agents): Agents {
  checkObject('http.agent', agents);
  if (agents instanceof http.Agent) throw new TypeError('http.agent must be { http, https }: say which one this is');
  for (const protocol of ['http', 'https'] as const) {
    if (agents[protocol] !== undefined && !(agents[protocol] instanceof http.Agent)) {
      throw new TypeError(`http.agent.${protocol} must be an ${protocol}.Agent`);
    }
  }
  if (agents.http instanceof https.Agent) throw new TypeError('http.agent.http must not be an https.Agent');
  const { rejectUnauthorized, minVersion, maxVersion, secureProtocol } = agents.https?.options ?? {};
  if (rejectUnauthorized === false) {
    throw new TypeError('http.agent.https must check certificates: remove rejectUnauthorized, and add your CA with ca');
  }
  if ([minVersion, maxVersion].some((version) => version === 'TLSv1' || version === 'TLSv1.1') || secureProtocol) {
    throw new TypeError('http.agent.https must use TLS 1.2 or later: remove minVersion, maxVersion and secureProtocol');
  }
  return agents;
}
