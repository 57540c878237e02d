// Vitest is not among the packages of this repository. In a project of yours it brings its own types.
declare module 'vitest' {
  export function test(name: string, run: () => Promise<void>): void;
  export function beforeAll(run: () => Promise<unknown>): void;
  export function afterAll(run: () => Promise<unknown>): void;
  export function expect(value: unknown): { toBe(expected: unknown): void };
}
