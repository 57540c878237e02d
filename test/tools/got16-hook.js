/** Preloaded by node-versions.js: whoever imports got gets the got 16 that was installed aside. */
import module from 'node:module';
import process from 'node:process';

/** @typedef {{ registerHooks: (hooks: { resolve: module.ResolveHook }) => void }} Newer what the types of Node 20 lack */
const { registerHooks } = /** @type {typeof module & Newer} */ (module);

const aside = new URL('../../node_modules/.cache/got16/', import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    return nextResolve(specifier, specifier === 'got' ? { ...context, parentURL: `${aside}package.json` } : context);
  },
});

process.on('exit', () => {
  const got = import.meta.resolve('got');
  if (!got.startsWith(aside)) throw new Error(`The tests ran with ${got} instead of got 16`);
});
