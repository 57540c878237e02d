/**
 * What an app is registered as with WeChat. It decides the page its users see, the scopes it can ask for, and the
 * endpoint for its codes: `jscode2session` for mini programs (mini games among them), `access_token` for all others.
 */
export type AppKind = 'official-account' | 'website' | 'mobile' | 'mini-program';

/**
 * What an app asks a user for. Official accounts: `snsapi_userinfo` or `snsapi_base`; websites: `snsapi_login`; mobile
 * apps: `snsapi_userinfo`; mini programs have no scopes.
 */
export type Scope = 'snsapi_base' | 'snsapi_userinfo' | 'snsapi_login';

/** An app that is registered with the simulated WeChat. */
export interface SimulatedApp {
  /** The id of the app: no two may have the same. */
  readonly appId: string;
  /** The secret that its back end must send. Any text. */
  readonly appSecret: string;
  /** What it is registered as. */
  readonly kind: AppKind;
  /** What the pages call the app. Default: its `appId`. */
  readonly name?: string;
  /** The Open Platform account the app is bound to, any name. Apps of one account see the same unionid. Default: none, so no unionid. */
  readonly openPlatform?: string;
  /** The host that `redirect_uri` must have, without a port (授权回调域). Default: any host. */
  readonly callbackDomain?: string;
}

/** A person with a WeChat account. */
export interface SimulatedUser {
  /** What the tests call this person. openid and unionid are derived from it, so they are the same in every run. */
  readonly id: string;
  /** Default: the `id`. */
  readonly nickname?: string;
  /** Default: `''`, as for a user without an avatar. */
  readonly headimgurl?: string;
  /** Default: 0, as WeChat answers for everybody since October 2021. */
  readonly sex?: 0 | 1 | 2;
  /** Default: `''`, as WeChat answers since October 2021. */
  readonly language?: string;
  /** Default: `''`, as WeChat answers since October 2021. */
  readonly city?: string;
  /** Default: `''`, as WeChat answers since October 2021. */
  readonly province?: string;
  /** Default: `''`, as WeChat answers since October 2021. */
  readonly country?: string;
  /** Default: `[]`. */
  readonly privilege?: readonly string[];
  /** A virtual account of a snapshot page (快照页): `is_snapshotuser` at the exchange; user info has a virtual nickname and no avatar. */
  readonly snapshot?: boolean;
  /** WeChat's risk control blocks this person: the exchange answers 40226. */
  readonly blocked?: boolean;
}

/** Options of `startWeChatSimulator`. */
export interface SimulatorOptions {
  /** Default: 0, any free port. */
  readonly port?: number;
  /** The address to listen on. Default: `127.0.0.1`, so that nothing but this machine reaches it. */
  readonly host?: string;
  /**
   * Default: the website `wx0123456789abcdef` with the secret `aaaaaaaa1111bbbb2222cccc3333dddd`, the official account
   * `wxfedcba9876543210` with the secret `dddd3333cccc2222bbbb1111aaaaaaaa` and the mini program `wx0011223344556677` with
   * the secret `eeee4444ffff5555eeee4444ffff5555`, all bound to one Open Platform account.
   */
  readonly apps?: readonly SimulatedApp[];
  /** Default: `alice` with an avatar, `bob` without one, and `snapshot`, a snapshot user. */
  readonly users?: readonly SimulatedUser[];
}

const defaultApps: readonly SimulatedApp[] = [
  {
    appId: 'wx0123456789abcdef',
    appSecret: 'aaaaaaaa1111bbbb2222cccc3333dddd',
    kind: 'website',
    name: '示例网站 Example website',
    openPlatform: 'example',
  },
  {
    appId: 'wxfedcba9876543210',
    appSecret: 'dddd3333cccc2222bbbb1111aaaaaaaa',
    kind: 'official-account',
    name: '示例服务号 Example service account',
    openPlatform: 'example',
  },
  {
    appId: 'wx0011223344556677',
    appSecret: 'eeee4444ffff5555eeee4444ffff5555',
    kind: 'mini-program',
    name: '示例小程序 Example mini program',
    openPlatform: 'example',
  },
];

const defaultUsers: readonly SimulatedUser[] = [
  {
    id: 'alice',
    nickname: '爱丽丝😀',
    headimgurl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/132',
  },
  { id: 'bob', nickname: '王小明' },
  { id: 'snapshot', nickname: '快照页用户', snapshot: true },
];

const scopesByKind: Readonly<Record<AppKind, readonly Scope[]>> = {
  'official-account': ['snsapi_userinfo', 'snsapi_base'],
  website: ['snsapi_login'],
  mobile: ['snsapi_userinfo'],
  'mini-program': [],
};

/** The scopes an app of this kind can ask for; the first is the one it asks for unless told otherwise. */
export function scopesOf(kind: AppKind): readonly Scope[] {
  return scopesByKind[kind];
}

/** A list that has a first entry, also for the type checker. */
export type NonEmpty<Entry> = readonly [Entry, ...Entry[]];

/** The options with every default filled in. */
export interface ResolvedOptions extends Required<SimulatorOptions> {
  readonly apps: NonEmpty<SimulatedApp>;
  readonly users: NonEmpty<SimulatedUser>;
}

/** What a value must be: a test, and its name in an error. */
interface Check {
  readonly fits: (value: unknown) => boolean;
  readonly expected: string;
  readonly required?: true;
}

const text: Check = { fits: (value) => typeof value === 'string', expected: 'a string' };
const requiredText: Check = {
  fits: (value) => typeof value === 'string' && value !== '',
  expected: 'a non-empty string',
  required: true,
};
const flag: Check = { fits: (value) => typeof value === 'boolean', expected: 'true or false' };

const appChecks: Readonly<Record<keyof SimulatedApp, Check>> = {
  appId: requiredText,
  appSecret: requiredText,
  kind: {
    fits: (value) => typeof value === 'string' && Object.hasOwn(scopesByKind, value),
    expected: `one of ${Object.keys(scopesByKind).join(', ')}`,
    required: true,
  },
  name: text,
  openPlatform: text,
  callbackDomain: {
    fits: (value) =>
      typeof value === 'string' && URL.canParse(`http://${value}`) && new URL(`http://${value}`).hostname === value,
    expected: 'a host in lower case, without a scheme, port or path, such as app.example',
  },
};

const userChecks: Readonly<Record<keyof SimulatedUser, Check>> = {
  id: requiredText,
  nickname: text,
  headimgurl: text,
  sex: { fits: (value) => value === 0 || value === 1 || value === 2, expected: '0, 1 or 2' },
  language: text,
  city: text,
  province: text,
  country: text,
  privilege: {
    fits: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
    expected: 'an array of strings',
  },
  snapshot: flag,
  blocked: flag,
};

const knownOptions: readonly string[] = ['port', 'host', 'apps', 'users'] satisfies (keyof SimulatorOptions)[];

/** Checks the options and fills in the defaults. Throws a TypeError that names the wrong option. */
export function resolveOptions(options: SimulatorOptions): ResolvedOptions {
  if (!isObject(options) || Array.isArray(options)) throw new TypeError('options must be an object');
  refuseUnknown(options, knownOptions, 'the simulator');
  const { port = 0, host = '127.0.0.1' } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError('port must be an integer from 0 to 65535; 0 takes any free port');
  }
  if (!requiredText.fits(host)) {
    throw new TypeError(`host must be ${requiredText.expected}`);
  }
  const apps = copyList(options.apps ?? defaultApps, 'apps', 'appId', appChecks);
  const users = copyList(options.users ?? defaultUsers, 'users', 'id', userChecks);
  return { port, host, apps, users };
}

function copyList<Entry extends object>(
  list: readonly Entry[],
  name: string,
  key: keyof Entry & string,
  checks: Readonly<Record<keyof Entry & string, Check>>,
): NonEmpty<Entry> {
  const [first, ...others] = isListOfObjects(list) ? list.map(copyOf) : [];
  if (!first) {
    throw new TypeError(`${name} must be an array of at least one object; leave it out for the default ${name}`);
  }
  for (const [index, entry] of list.entries()) {
    const path = `${name}[${String(index)}]`;
    refuseUnknown(entry, Object.keys(checks), path);
    for (const [field, { fits, expected, required }] of Object.entries<Check>(checks)) {
      const value: unknown = entry[field as keyof Entry];
      if ((value !== undefined || required) && !fits(value)) {
        throw new TypeError(`${path}.${field} must be ${expected}`);
      }
    }
  }
  if (new Set(list.map((entry) => entry[key])).size !== list.length) {
    throw new TypeError(`${name} must not have two entries with the same ${key}`);
  }
  return [first, ...others];
}

function copyOf<Entry extends object>(entry: Entry): Entry {
  const copy = { ...entry };
  for (const name of Object.keys(copy)) {
    const value: unknown = Reflect.get(copy, name);
    if (Array.isArray(value)) Reflect.set(copy, name, Object.freeze(value.slice()));
  }
  return Object.freeze(copy);
}

/** The options of a call that an app may be spread into, as in `{ ...app, user: 'alice' }`. */
export function refuseStray(options: object, known: readonly string[], what: string): void {
  if (!isObject(options)) throw new TypeError(`${what} takes an object with ${known.join(', ')}`);
  const others = Object.fromEntries(Object.entries(options).filter(([key]) => !Object.hasOwn(appChecks, key)));
  refuseUnknown(others, known, what);
}

function refuseUnknown(value: object, known: readonly string[], what: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(`${what} has no option ${JSON.stringify(unknown)}; it has ${known.join(', ')}`);
  }
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.every(isObject);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
