import { types } from 'node:util';

/** The classic callback: `done(error)`, `done(null, user, info)`, or `done(null, false, info)` when there is no user. */
export type Done = (error?: unknown, user?: unknown, info?: unknown) => void;

/** What a verify function made of a login. */
export interface Verified {
  user: unknown;
  info?: unknown;
}

/**
 * Runs a verify function that calls back, or returns a promise of the user, or does both. Its first outcome counts.
 * Rejects with an `Error` in every case: Passport takes some other values for permission to go on.
 */
export function runVerify(verify: (...parameters: unknown[]) => unknown, parameters: unknown[]): Promise<Verified> {
  const takesDone = verify.length > parameters.length;
  return new Promise<Verified>((resolve, reject) => {
    const done: Done = (error, user, info) => {
      // As Passport reads it: only a truthy error is one.
      if (error) reject(toError(error));
      else resolve({ user, info });
    };
    const returned = verify(...parameters, done);
    if (isThenable(returned)) {
      returned.then((user) => {
        // An async function that takes `done` says nothing by returning nothing: it will call back later.
        if (user !== undefined || !takesDone) resolve({ user });
      }, reject);
    } else if (verify.length > 0 && !takesDone) {
      reject(new TypeError('verify neither takes done nor returns a promise: make it async, or call done'));
    }
  }).catch((error: unknown) => {
    throw toError(error);
  });
}

/** Makes sure that an error is one. The value itself is dropped: nobody knows what it holds. */
export function toError(value: unknown): Error {
  if (value instanceof Error || types.isNativeError(value)) return value;
  return new TypeError(
    `Something threw a value that is not an Error (${typeof value}): throw or pass an Error instead`,
  );
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
