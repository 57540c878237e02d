import type { HttpOptions } from '../../src/index.js';

/** Every transport that the library has: what is promised is promised on each. */
export const transports: readonly { name: string; http: () => HttpOptions }[] = [{ name: 'got', http: () => ({}) }];
