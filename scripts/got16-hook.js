/** Preloaded by node-versions.js: whoever imports got gets the got 16 that was installed aside. */
import module from 'node:module';
import process from 'node:process';

/** @typedef {{ registerHooks: (hooks: { resolve: module.ResolveHook }) => void }} Newer what the types of Node 20 lack */
const { registerHooks } = /** @type {typeof module & Newer} */ (module);

const parentURL = new URL('../node_modules/.cache/got16/package.json', import.meta.url).href;
let used = false;

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== 'got') return nextResolve(specifier, context);
    used = true;
    return nextResolve(specifier, { ...context, parentURL });
  },
});

process.on('exit', () => {
  if (used) return;
  console.error('Nothing imported got, so nothing was tested with got 16.');
  process.exitCode = 1;
});
