import { inspect } from 'node:util';

const REDACTED = '[REDACTED]';
const LONGEST_SECRET = 4096;
const LONGEST_CODE = 512;

/** What the type checker tells values apart by. It does not exist at run time. */
declare const kind: unique symbol;

/**
 * A value that must not be seen: `String()`, template literals, JSON, `console.log` and `util.inspect` show
 * `[REDACTED]`. {@link Secret.exposeSecret} is the only way to the text.
 */
abstract class Secret {
  readonly #value: string;

  protected constructor(name: string, value: string, longest: number) {
    this.#value = checkText(name, value, longest);
  }

  /** The text itself. Every call of it deserves a second look in a code review. */
  exposeSecret(): string {
    return this.#value;
  }

  /** Gives `[REDACTED]`. */
  toString(): string {
    return REDACTED;
  }

  /** Gives `[REDACTED]`: to store the text, take {@link Secret.exposeSecret}. */
  toJSON(): string {
    return REDACTED;
  }

  /** Gives `[REDACTED]`. */
  [inspect.custom](): string {
    return REDACTED;
  }
}

/** The secret of an app, from its page on the Official Accounts or Open Platform. */
export class AppSecret extends Secret {
  /** @internal */
  declare readonly [kind]: 'AppSecret';

  /** @throws TypeError when the value is no text, or begins or ends with white space (a line break from a file, say). */
  constructor(value: string) {
    super('appSecret', value, LONGEST_SECRET);
    if (value.trim() !== value) {
      throw new TypeError('appSecret begins or ends with white space: remove it, often it is a line break from a file');
    }
  }
}

/** The one-time code that the front end received from WeChat: it lives for minutes and works once. */
export class AuthorizationCode extends Secret {
  /** @internal */
  declare readonly [kind]: 'AuthorizationCode';

  /** @throws TypeError when the value is not a non-empty string of at most 512 characters without control characters. */
  constructor(value: string) {
    super('code', value, LONGEST_CODE);
  }
}

/** A user's access token. WeChat says how many seconds it lives: see `expiresIn`. */
export class AccessToken extends Secret {
  /** @internal */
  declare readonly [kind]: 'AccessToken';

  /** @throws TypeError when the value is not a non-empty string of at most 4096 characters without control characters. */
  constructor(value: string) {
    super('accessToken', value, LONGEST_SECRET);
  }
}

/** A user's refresh token. It buys new access tokens without the user, for some weeks. */
export class RefreshToken extends Secret {
  /** @internal */
  declare readonly [kind]: 'RefreshToken';

  /** @throws TypeError when the value is not a non-empty string of at most 4096 characters without control characters. */
  constructor(value: string) {
    super('refreshToken', value, LONGEST_SECRET);
  }
}

/**
 * The key of a mini program's session, with which your server decrypts and verifies what the front end passes on from
 * WeChat. Base64 of the bytes: `Buffer.from(sessionKey.exposeSecret(), 'base64')`. It must never reach a front end.
 */
export class SessionKey extends Secret {
  /** @internal */
  declare readonly [kind]: 'SessionKey';

  /** @throws TypeError when the value is not a non-empty string of at most 4096 characters without control characters. */
  constructor(value: string) {
    super('sessionKey', value, LONGEST_SECRET);
  }
}

/** The text of a secret that the caller passed as one or as a string. @throws TypeError when it cannot be one. */
export function reveal<S extends Secret>(Kind: new (value: string) => S, value: S | string): string {
  return (value instanceof Kind ? value : new Kind(value as string)).exposeSecret();
}

/** The public id of an app, such as `wx1234567890abcdef`. A string that the type checker tells from other ids. */
export type AppId = string & { readonly [kind]: 'AppId' };

/** A user's id within one app: always there, never changing, different in each app. */
export type OpenId = string & { readonly [kind]: 'OpenId' };

/** A user's id within all apps of one Open Platform account. */
export type UnionId = string & { readonly [kind]: 'UnionId' };

/** A string that has not been declared to be one kind of id: what callers may pass where an id is wanted. */
export type PlainString = string & { readonly [kind]?: never };

/** Declares a string to be an app id. @throws TypeError when it cannot be one. */
export function AppId(value: string): AppId {
  return checkId('appId', value) as AppId;
}

/** Declares a string to be an openid. @throws TypeError when it cannot be one. */
export function OpenId(value: string): OpenId {
  return checkId('openid', value) as OpenId;
}

/** Declares a string to be a unionid. @throws TypeError when it cannot be one. */
export function UnionId(value: string): UnionId {
  return checkId('unionid', value) as UnionId;
}

/** Whether a value has the form of WeChat's ids: 1 to 128 letters, digits, `_` and `-`. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,128}$/.test(value);
}

/** What is wrong with a value as a text that is to travel in a URL, or undefined. */
export function textProblem(value: unknown, longest: number): string | undefined {
  if (typeof value !== 'string') return 'is not a string';
  if (value === '') return 'is empty';
  if (value.length > longest) return `is longer than ${String(longest)} characters`;
  if (/\p{Cc}/u.test(value)) return 'has control characters';
  if (!value.isWellFormed()) return 'is not well-formed Unicode';
  return undefined;
}

/** What is wrong with a value as an authorization code, or undefined. */
export function codeProblem(value: unknown): string | undefined {
  return textProblem(value, LONGEST_CODE);
}

function checkText(name: string, value: unknown, longest: number): string {
  const problem = textProblem(value, longest);
  if (problem !== undefined) throw new TypeError(`${name} ${problem}: pass the text as WeChat gave it`);
  return value as string;
}

function checkId(name: string, value: unknown): string {
  if (!isId(value)) {
    throw new TypeError(`${name} must be 1 to 128 letters, digits, "_" or "-": pass it as WeChat gave it`);
  }
  return value;
}
