import { format, inspect } from 'node:util';

/** Where a text can be seen in a value, by any of the ways in which programs show values. */
export function leaks(value: unknown, text: string): string[] {
  return Object.entries(renderings(value))
    .filter(([, render]) => attempt(render).includes(text))
    .map(([name]) => name);
}

function renderings(value: unknown): Record<string, () => string> {
  return {
    message: () => String(Reflect.get(Object(value), 'message')),
    stack: () => String(Reflect.get(Object(value), 'stack')),
    cause: () => deepInspect(Reflect.get(Object(value), 'cause')),
    string: () => String(value),
    inspect: () => deepInspect(value),
    format: () => format('%s %o %O %j', value, value, value, value),
    json: () => JSON.stringify(value),
    clone: () => deepInspect(structuredClone(value)),
    properties: () => JSON.stringify(stringsIn(value)),
  };
}

function attempt(render: () => string): string {
  try {
    return render();
  } catch (error) {
    // What cannot be cloned or is circular is not shown in that way.
    return String(error);
  }
}

function deepInspect(value: unknown): string {
  return inspect(value, {
    showHidden: true,
    depth: Infinity,
    getters: true,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
  });
}

/** Every text that can be reached by properties, own and inherited, hidden and symbols, with their names. */
function stringsIn(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'symbol') return [String(value)];
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return [];
  seen.add(value);
  const holder: object = value;
  return [...Reflect.ownKeys(holder), Reflect.getPrototypeOf(holder)].flatMap((key) => {
    if (typeof key === 'object') return stringsIn(key, seen);
    return [String(key), ...stringsIn(Reflect.getOwnPropertyDescriptor(holder, key)?.value, seen)];
  });
}
