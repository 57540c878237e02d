import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { serialize } from 'node:v8';

import { pino } from 'pino';
import winston from 'winston';

/** Where a text can be seen in a value, by any of the ways in which programs show values. */
export function leaks(value: unknown, text: string): string[] {
  return Object.entries(renderings(value))
    .filter(([, rendered]) => rendered.includes(text))
    .map(([name]) => name);
}

/** What a value looks like, by each of the ways in which programs show, log, copy and store values. */
export function renderings(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(ways(value)).map(([name, render]) => [name, attempt(render)]));
}

function ways(value: unknown): Record<string, () => string> {
  const read = (name: string): unknown => Reflect.get(Object(value), name);
  return {
    message: () => String(read('message')),
    stack: () => String(read('stack')),
    cause: () => deepInspect(read('cause')),
    errors: () => deepInspect(read('errors')),
    string: () => String(value),
    template: () => `failed: ${value as string}`,
    inspect: () => deepInspect(value),
    format: () => format('%s %o %O %j', value, value, value, value),
    console: () => printed(value),
    json: () => JSON.stringify(value),
    clone: () => deepInspect(structuredClone(value)),
    serialized: () => decode(serialize(value)),
    properties: () => textsIn(value).join('\n'),
    'as a cause': () => deepInspect(new Error('outer', { cause: value })),
    'in an AggregateError': () => deepInspect(new AggregateError([value])),
    pino: () => loggedByPino(value),
    winston: () => loggedByWinston(value),
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

/** Where winston keeps the line that its transports write. */
const LINE = Symbol.for('message');

/** Collects what is written to a stream. */
function collector(): { stream: Writable; take: () => string } {
  let text = '';
  const stream = new Writable({
    objectMode: true,
    write(chunk: string | Record<symbol, unknown>, _encoding, done) {
      text += typeof chunk === 'string' ? chunk : String(chunk[LINE]);
      done();
    },
  });
  const take = (): string => {
    const taken = text;
    text = '';
    return taken;
  };
  return { stream, take };
}

function printed(value: unknown): string {
  const { stream, take } = collector();
  const console = new Console(stream, stream);
  console.log(value);
  console.error('failed:', value);
  console.dir(value, { depth: null, showHidden: true });
  console.table([value]);
  return take();
}

/** The texts of the format of structuredClone, where they stand as Latin-1 or UTF-16. */
function decode(bytes: Buffer): string {
  // Not toString('utf16le'), which makes some Node.js 24 crash when the bytes are not aligned.
  const utf16 = new TextDecoder('utf-16le');
  return [bytes.toString('latin1'), utf16.decode(bytes), utf16.decode(bytes.subarray(1))].join('\n');
}

const pinoLog = collector();
const pinoLogger = pino({ level: 'trace', base: null }, { write: (line) => pinoLog.stream.write(line) });

function loggedByPino(value: unknown): string {
  pinoLogger.error(value);
  pinoLogger.error(value, 'failed');
  pinoLogger.error({ err: value }, 'failed');
  pinoLogger.error({ value, list: [value] }, 'failed');
  pinoLogger.error('failed: %s %o %j', String(value), { value }, [value]);
  return pinoLog.take();
}

const { combine, errors, json, simple, splat, prettyPrint } = winston.format;
const winstonLog = collector();
const winstonFormats = [
  json(),
  simple(),
  combine(errors({ stack: true, cause: true }), splat(), json()),
  prettyPrint(),
];
const winstonLoggers = winstonFormats.map((format) => {
  const logger = winston.createLogger({ format });
  logger.pipe(winstonLog.stream);
  return logger;
});

function loggedByWinston(value: unknown): string {
  for (const logger of winstonLoggers) {
    logger.error(value);
    logger.error('failed', value);
    logger.error('failed', { value });
    logger.error({ message: value });
  }
  return winstonLog.take();
}

/** Everybody's, where nobody keeps a secret. */
const builtIns = [Object, Function, Array, Error, TypeError, Promise, Map, Set].flatMap((one) => [one, one.prototype]);

/** Every text that can be reached by properties, own and inherited, hidden and symbols, with their names. */
function textsIn(value: unknown, seen = new Set<unknown>(builtIns)): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'symbol') return [String(value)];
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) return [];
  seen.add(value);
  const holder: object = value;
  const members: unknown[] = value instanceof Map || value instanceof Set ? [...value] : [];
  return [...Reflect.ownKeys(holder), Reflect.getPrototypeOf(holder), ...members].flatMap((key) => {
    if (typeof key !== 'string' && typeof key !== 'symbol') return textsIn(key, seen);
    const property: PropertyDescriptor = Reflect.getOwnPropertyDescriptor(holder, key) ?? {};
    const held: unknown = property.get ? attempt(() => String(Reflect.get(holder, key))) : property.value;
    return [String(key), ...textsIn(held, seen)];
  });
}
