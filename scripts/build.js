/**
 * Writes `dist/`: one file for each entry of the package, and what they share, because every module that an import has to
 * find, read and compile takes its time. The declarations stay a file for each module.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild-wasm';

const root = fileURLToPath(new URL('..', import.meta.url));

rmSync(`${root}/dist`, { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: ['src/index.ts', 'src/undici.ts', 'src/simulator/index.ts', 'src/cli.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  chunkNames: 'shared-[hash]',
  format: 'esm',
  platform: 'node',
  packages: 'external',
  logLevel: 'warning',
});
