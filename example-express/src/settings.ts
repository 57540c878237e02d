import { randomBytes } from 'node:crypto';

import { cleanEnv, EnvError, EnvMissingError, makeExactValidator, str } from 'envalid';

/** Every setting of the service. They come from environment variables; the README says what each is for. */
export type Settings = ReturnType<typeof readSettings>;

/** A setting that `read` gives a value for. Envalid's own checks quote what they refuse; it may hold a password. */
const setting = <Value>(rule: string, read: (text: string) => Value | undefined) =>
  makeExactValidator<Value>((text) => {
    const value = read(text);
    if (value === undefined) throw new EnvError(`must ${rule}`);
    return value;
  });

const wholeNumber = (least: number, most: number) =>
  setting(`be a whole number from ${least} to ${most}`, (text) =>
    /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined,
  );

const oneOf = <const Choice extends string>(...choices: Choice[]) =>
  setting(`be one of ${choices.join(', ')}`, (text) => choices.find((choice) => choice === text));

const isUrl = (text: string, ...schemes: string[]) =>
  /^\w+:\/\/\S+$/.test(text) && URL.canParse(text) && schemes.includes(new URL(text).protocol);
const url = (example: string, ...schemes: string[]) =>
  setting(`be like ${example}, with special characters as %XX`, (text) => (isUrl(text, ...schemes) ? text : undefined));

const toOrigin = (text: string) =>
  isUrl(text, 'http:', 'https:') && /^\w+:\/\/[^/*?#]+\/*$/.test(text) ? new URL(text).origin : undefined;
const origin = setting('be like https://app.example, without a path', toOrigin);

const origins = setting('be like https://app.example, separated by commas', (text) => {
  const list = text.split(',').map((part) => toOrigin(part.trim()));
  return list.every((each) => each !== undefined) ? list : undefined;
});

const secret = setting('have at least 32 bytes: try "openssl rand -base64 32"', (text) =>
  Buffer.byteLength(text) >= 32 ? text : undefined,
);

/** Reads and checks the settings. @throws Error with one line for each that is wrong; none quotes a value. */
export function readSettings(environment: NodeJS.ProcessEnv) {
  // A line "NAME=" in a file of settings means that it is not set.
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const has = (name: string) => env[name] !== undefined;
  // Without an app a simulator lets anybody in.
  const isReal =
    env['NODE_ENV'] === 'production' ||
    has('WECHAT_APP_SECRET') ||
    has('WECHAT_MINI_ID') ||
    has('WECHAT_SIMULATOR_URL');
  return cleanEnv(
    env,
    {
      HOST: str({ default: '127.0.0.1' }),
      PORT: wholeNumber(0, 65_535)({ default: 3000 }),
      PUBLIC_URL: origin({ default: undefined }),
      WECHAT_APP_ID: str({ default: undefined, requiredWhen: () => isReal }),
      WECHAT_APP_SECRET: str({ default: undefined, requiredWhen: () => has('WECHAT_APP_ID') }),
      WECHAT_MINI_ID: str({ default: undefined, requiredWhen: () => has('WECHAT_MINI_SECRET') }),
      WECHAT_MINI_SECRET: str({ default: undefined, requiredWhen: () => has('WECHAT_MINI_ID') }),
      WECHAT_SCOPE: oneOf('snsapi_login', 'snsapi_userinfo', 'snsapi_base')({ default: 'snsapi_login' }),
      WECHAT_SIMULATOR_URL: origin({ default: undefined }),
      WECHAT_TIMEOUT: wholeNumber(1, 20)({ default: 10 }),
      JWT_SECRET: has('WECHAT_APP_ID') ? secret() : secret({ default: randomBytes(32).toString('base64') }),
      JWT_SECONDS: wholeNumber(60, 31_536_000)({ default: 7200 }),
      DATABASE_URL: url('postgres://user:password@host/name', 'postgres:', 'postgresql:')({ default: undefined }),
      REDIS_URL: url('redis://:password@host:6379', 'redis:', 'rediss:')({ default: undefined }),
      CORS_ORIGINS: origins({ default: [] }),
      LOGINS_PER_MINUTE: wholeNumber(1, 1_000_000)({ default: 20 }),
      TRUSTED_PROXIES: wholeNumber(0, 10)({ default: 0 }),
      LOG_LEVEL: oneOf('silent', 'error', 'warn', 'info', 'debug')({ default: 'info' }),
    },
    {
      reporter: ({ errors }) => {
        const lines = Object.entries(errors).map(
          ([name, error]) => `${name}: ${error instanceof EnvMissingError ? 'is missing' : error.message}`,
        );
        if (lines.length > 0) throw new Error(lines.join('\n'));
      },
    },
  );
}
