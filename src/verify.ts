import { types } from 'node:util';

/** The classic callback: `done(error)`, `done(null, user, info)`, or `done(null, false, info)` when there is no user. */
export type Done = (error?: unknown, user?: unknown, info?: unknown) => void;

/** What a verify function made of a login. */
export interface Verified {
  user: unknown;
  info?: unknown;
}

/** Runs a verify function that calls back, or returns a promise of the user, or does both. Its first outcome counts. */
export function runVerify(verify: (...parameters: unknown[]) => unknown, parameters: unknown[]): Promise<Verified> {
  const takesDone = verify.length > parameters.length;
  return new Promise((resolve, reject) => {
    const done: Done = (error, user, info) => {
      // As Passport reads it: only a truthy error is one.
      if (error) reject(toError(error));
      else resolve({ user, info });
    };
    const returned = verify(...parameters, done);
    if (isThenable(returned)) {
      Promise.resolve(returned).then((user) => {
        // An async function that takes `done` says nothing by returning nothing: it will call back later.
        if (user !== undefined || !takesDone) resolve({ user });
      }, reject);
    } else if (returned !== undefined && !takesDone && verify.length > 0) {
      reject(new TypeError('verify neither calls done nor returns a promise of the user: make it async'));
    }
  });
}

/**
 * Makes sure that an error is one: Passport takes some other values for permission to go on. The value itself is
 * dropped, because nobody knows what it holds.
 */
export function toError(value: unknown): Error {
  if (isError(value)) return value;
  const error = new TypeError(
    `Something threw a value that is not an Error (${typeof value}): throw or pass an Error instead`,
  );
  return Object.assign(error, { status: 500, statusCode: 500 });
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || types.isNativeError(value);
  } catch {
    return false; // a revoked Proxy cannot even be asked
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  const holder = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return holder && 'then' in value && typeof value.then === 'function';
}
