import { randomInt } from 'node:crypto';
import process from 'node:process';

/** What the random tests of this run are made from: `FAST_CHECK_SEED`, to repeat a run, or a new one. */
export const seed = Number(process.env['FAST_CHECK_SEED'] ?? randomInt(2 ** 31));

/** How many runs each property gets: `TRUST_RUNS`, for a long search, or few. */
export const runs = (few: number): number => Number(process.env['TRUST_RUNS'] ?? few);

/** How long a test of a property may take, in ms: as long as it likes in a long search. */
export const patience = process.env['TRUST_RUNS'] === undefined ? 120_000 : 0;

/** Prints the seed above the results of a suite. */
export function printSeed(): void {
  before(() => {
    console.log(`    random: FAST_CHECK_SEED=${String(seed)}`);
  });
}
