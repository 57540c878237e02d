/**
 * Mutation testing of the library: `npm run test:mutation` changes `src/` in a thousand places, one at a time, and shows
 * which changes no test notices. CONTRIBUTING.md explains the figures.
 *
 * The simulator and its command line are left out, because they are tools for tests; so are the tests of the package, the example and the
 * documents, because they run what was built from the sources and not the sources.
 */

import process from 'node:process';

// Last those that take long: most changes are noticed before.
const files = [
  ...['errcodes', 'failure', 'http-options', 'newtypes', 'answer', 'authorize', 'client', 'tracing'],
  ...['mini-program-strategy', 'trust/hostile-request', 'verify', 'strategy', 'own-transport', 'trust/fault-matrix'],
  ...['retry', 'transport', 'trust/secrecy'],
];
process.env['TRUST_ONE_BY_ONE'] = '1'; // the fault matrix reads it

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: ['src/**/*.ts', '!src/simulator/**', '!src/cli.ts'],
  testRunner: 'mocha',
  testRunnerNodeArgs: ['--import=ts-blank-space/register'],
  mochaOptions: {
    'no-config': true,
    // What the type checker says no mutant changes, and what measures time fails by itself while others run.
    grep: '/^(?!the type checker |parseAnswer takes time )/',
    spec: files.map((name) => `test/${name}.test.ts`),
    require: ['./test/tools/stryker.config.js'],
  },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // A test that waits for ever is ended by the hook below; this is for loops that never end.
  timeoutMS: 30_000,
  timeoutFactor: 2,
  disableTypeChecks: false, // one test reads its own type errors
  ignorePatterns: ['/dist', '/docs', '/example-express', '/coverage'],
  tempDirName: 'coverage/mutation/sandbox',
  incremental: true,
  incrementalFile: 'coverage/mutation/incremental.json',
  reporters: ['clear-text', 'progress-append-only', 'json'],
  jsonReporter: { fileName: 'coverage/mutation/report.json' },
  clearTextReporter: {
    allowColor: false,
    allowEmojis: false,
    logTests: false,
    reportTests: false,
  },
  thresholds: { high: 95, low: 90, break: 90 },
};

/** Stryker runs mocha without a time limit for each test: here it is again. */
export const mochaHooks = {
  /** @this {import('mocha').Context} */
  beforeEach() {
    if (this.currentTest?.timeout() === 0) this.currentTest.timeout(20_000);
  },
};
