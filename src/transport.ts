import type { Sent } from './errors.js';

/** One attempt of one GET, as {@link Transport} gets it. */
export interface TransportRequest {
  /** Holds secrets: show it nowhere. */
  url: string;
  /** The `User-Agent`. What else a GET needs, the transport adds. */
  headers: Readonly<Record<string, string>>;
  /** Ends the attempt at once, and its connection. It also fires when the time is up. */
  signal: AbortSignal;
  /** How long it may take, in ms, to have a connection: waiting for a free one, name look-up, TCP and TLS. */
  connectTimeout: number;
  /** The largest body, in decompressed bytes. */
  maxBytes: number;
}

/** An answer to a {@link TransportRequest}, whatever its status. */
export interface TransportAnswer {
  /** The status of this very answer: a redirect is never followed. */
  status: number;
  /** The `Retry-After` header, as it came. */
  retryAfter?: string | undefined;
  /** Undefined when the status is not 200, and when the body is larger than `maxBytes` or badly compressed. */
  body: Uint8Array | undefined;
  /**
   * Ends the connection: what it carried is not what WeChat sends, so what comes next may be another's answer. Called at
   * once or never: from the next turn of the event loop on the connection may serve another request.
   */
  discard?: () => void;
}

/** Why no whole answer to a {@link TransportRequest} came. */
export interface TransportFailure {
  /**
   * Whether the request reached WeChat: `'no'` only when not a byte of it can have been read, `'yes'` only when a byte
   * of an answer came. What is sent again depends on it, and a code works once: when in doubt, `'unknown'`.
   */
  sent: Sent;
  /**
   * A code of Node.js, such as `ECONNRESET`; `ETIMEDOUT` after `connectTimeout`. Anything else than capitals, digits and
   * `_` is dropped, because messages hold URLs, and those secrets.
   */
  reason: string;
  /** Whether the connection had served before: then the server may simply have closed it while it was idle. */
  reusedSocket?: boolean;
}

/**
 * Makes one attempt of one GET, and always resolves: a failure is a result.
 *
 * Retries, deadlines, checks and redaction are not its business. What is: to follow no redirect, to check certificates,
 * to read no further than `maxBytes`, and to use no connection again on which anything odd happened or on which
 * something arrived that nobody asked for, since that would be taken for the answer to the next visitor.
 */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer | TransportFailure>;

/** Connections to one host. Further requests wait for a free one. */
export const MAX_CONNECTIONS = 128;

/** How long an idle connection is kept, in ms. Shorter than servers do: one that the server is closing must not be used. */
export const MAX_IDLE = 4_000;

/** Lets Node.js read whatever has arrived on idle connections, before one of them is chosen: two turns of the event loop. */
export function afterReading(callback: () => void): void {
  // The first one may be over before anything is read.
  setImmediate(() => setImmediate(callback));
}

/**
 * Whether a server closed a connection that was idle just as it was used. It may be closing the others too, so they are
 * ended: the next attempt is to have a fresh one.
 */
export function wasClosedWhileIdle({ sent, reason, reusedSocket }: TransportFailure): boolean {
  return reusedSocket === true && sent === 'unknown' && reason !== 'ABORT_ERR';
}
