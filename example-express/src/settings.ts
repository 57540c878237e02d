import { cleanEnv, EnvError, EnvMissingError, makeExactValidator, str } from 'envalid';

/** Every setting of the service. They come from environment variables; the README says what each is for. */
export type Settings = ReturnType<typeof readSettings>;

// Envalid's own checks quote the value in their message; it may hold a password.
const oneOf = <const Choice extends string>(...choices: Choice[]) =>
  makeExactValidator((value) => {
    const choice = choices.find((known) => known === value);
    if (choice === undefined) throw new EnvError(`must be one of ${choices.join(', ')}`);
    return choice;
  });
const httpUrl = makeExactValidator((value) => checkUrl(value, 'http', 'https'));
const origins = makeExactValidator((value) =>
  value.split(',').map((url) => new URL(checkUrl(url.trim(), 'http', 'https')).origin),
);
const postgresUrl = makeExactValidator((value) => checkUrl(value, 'postgres', 'postgresql'));
const redisUrl = makeExactValidator((value) => checkUrl(value, 'redis', 'rediss'));
const longText = makeExactValidator((value) => {
  if (Buffer.byteLength(value) < 32) throw new EnvError('must have at least 32 bytes: try "openssl rand -base64 32"');
  return value;
});
const scope = oneOf('snsapi_login', 'snsapi_userinfo', 'snsapi_base');
const logLevel = oneOf('silent', 'error', 'warn', 'info', 'debug');

const wholeNumber = (least: number, most: number) =>
  makeExactValidator((value) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most) {
      throw new EnvError(`must be a whole number from ${least} to ${most}`);
    }
    return number;
  });

function checkUrl(value: string, ...schemes: string[]): string {
  if (!URL.canParse(value) || !schemes.includes(new URL(value).protocol.slice(0, -1))) {
    throw new EnvError(`must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`);
  }
  return value.replace(/\/+$/, '');
}

/** Reads and checks the settings. @throws Error with one line for each that is wrong; none quotes a value. */
export function readSettings(environment: NodeJS.ProcessEnv) {
  // A line "NAME=" in a file of settings means that it is not set.
  const env = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  return cleanEnv(
    env,
    {
      HOST: str({ default: '127.0.0.1' }),
      PORT: wholeNumber(0, 65_535)({ default: 3000 }),
      PUBLIC_URL: httpUrl({ default: undefined }),
      WECHAT_APP_ID: str({
        default: undefined,
        // Without an app a simulator lets anybody in.
        requiredWhen: () => env['NODE_ENV'] === 'production' || env['WECHAT_APP_SECRET'] !== undefined,
      }),
      WECHAT_APP_SECRET: str({ default: undefined, requiredWhen: hasApp }),
      WECHAT_SCOPE: scope({ default: 'snsapi_login' }),
      WECHAT_API_URL: httpUrl({ default: 'https://api.weixin.qq.com' }),
      WECHAT_AUTHORIZE_URL: httpUrl({ default: 'https://open.weixin.qq.com' }),
      WECHAT_TIMEOUT: wholeNumber(1, 60)({ default: 10 }),
      JWT_SECRET: longText({ default: undefined, requiredWhen: hasApp }),
      JWT_SECONDS: wholeNumber(60, 31_536_000)({ default: 7200 }),
      DATABASE_URL: postgresUrl({ default: undefined }),
      REDIS_URL: redisUrl({ default: undefined }),
      CORS_ORIGINS: origins({ default: [] }),
      LOGINS_PER_MINUTE: wholeNumber(1, 1_000_000)({ default: 20 }),
      TRUSTED_PROXIES: wholeNumber(0, 10)({ default: 0 }),
      LOG_LEVEL: logLevel({ default: 'info' }),
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

function hasApp(env: Record<string, unknown>): boolean {
  return env['WECHAT_APP_ID'] !== undefined;
}
