/**
 * Says what the client must make of a body, from what is documented of WeChat's answers and promised of the client. It
 * shares nothing with the client's parser, so it imports nothing.
 */

/** What a call must come to. */
export type Verdict =
  /** `value` is the result, with its secrets in the open. */
  { kind: 'accepted'; value: unknown } | { kind: 'refused'; errcode: number; code: string } | { kind: 'unusable' };

/** Which method asked, and for whom. */
export interface Question {
  method: 'exchangeCode' | 'codeToSession' | 'refreshToken' | 'getUserInfo' | 'validateToken';
  openid: string;
  unionid?: string;
}

type Fields = ReadonlyMap<string, unknown>;

const unusable: Verdict = { kind: 'unusable' };

export function judge(question: Question, body: Uint8Array): Verdict {
  const fields = body.byteLength > 65_536 ? undefined : readObject(body);
  if (fields === undefined) return unusable;
  const errcode = fields.has('errcode') ? toInteger(fields.get('errcode')) : 0;
  if (errcode === undefined) return unusable;
  if (errcode !== 0) return refuse(question, errcode);
  const value = readValue(question, fields);
  return value === undefined ? unusable : { kind: 'accepted', value };
}

function refuse({ method }: Question, errcode: number): Verdict {
  if (method === 'validateToken' && [40001, 40003, 40014, 42001, 42007, 48012, 49003].includes(errcode)) {
    return { kind: 'accepted', value: false };
  }
  if (errcode === 40001 && ['exchangeCode', 'codeToSession'].includes(method))
    return { kind: 'refused', errcode, code: 'ERR_WECHAT_CONFIG' };
  const [code = 'ERR_WECHAT_API'] = Object.entries(errcodes).find(([, all]) => all.includes(errcode)) ?? [];
  return { kind: 'refused', errcode, code };
}

const errcodes: Readonly<Record<string, readonly number[]>> = {
  ERR_WECHAT_INVALID_CODE: [40029, 42003, 41008],
  ERR_WECHAT_CODE_USED: [40163],
  ERR_WECHAT_ACCESS_TOKEN_EXPIRED: [40001, 40014, 42001, 41001, 48012],
  ERR_WECHAT_REFRESH_TOKEN_EXPIRED: [40030, 42002, 41003, 42007],
  ERR_WECHAT_INVALID_OPENID: [40003, 41009, 49003],
  ERR_WECHAT_USER_BLOCKED: [40226],
  ERR_WECHAT_PERMISSION_DENIED: [48001, 48002, 48003, 48004, 50001, 50003, 50004, 50005, 43004, 43104],
  ERR_WECHAT_CONFIG: [40013, 40125, 41002, 41004, 40164, 40243, 50002, 61004, 45035, 40090, 89503, 89506, 89507],
  ERR_WECHAT_RATE_LIMITED: [45009, 45011],
  ERR_WECHAT_BUSY: [-1],
};

/** The result that the fields make, or undefined when they make none. */
function readValue(question: Question, fields: Fields): unknown {
  switch (question.method) {
    case 'exchangeCode':
    case 'refreshToken':
      return readTokens(fields);
    case 'codeToSession':
      return readSession(fields);
    case 'getUserInfo':
      return readUser(fields, question);
    case 'validateToken':
      // An empty object must not let anybody in.
      return fields.has('errcode') ? true : undefined;
  }
}

// ---- bytes to fields

/** The members of the object that a body is, once with all rules, and then once more without those that WeChat breaks. */
function readObject(body: Uint8Array): Fields | undefined {
  for (const text of [decode(body, true), escapeControls(decode(body, false))]) {
    try {
      const document: unknown = JSON.parse(text);
      if (typeof document !== 'object' || document === null || Array.isArray(document)) return undefined;
      return new Map(Object.entries(document));
    } catch {
      // Once more, then.
    }
  }
  return undefined;
}

/** Gives '', which is no JSON, for what has to be UTF-8 and is not. */
function decode(body: Uint8Array, fatal: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal }).decode(body);
  } catch {
    return '';
  }
}

/** WeChat sends control characters in nicknames as they are, which JSON does not allow. */
function escapeControls(text: string): string {
  let inString = false;
  let escaped = '';
  for (let n = 0; n < text.length; n += 1) {
    const character = text.charAt(n);
    if (inString && character === '\\') {
      escaped += character + text.charAt((n += 1));
    } else if (inString && character < ' ') {
      escaped += `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    } else {
      if (character === '"') inString = !inString;
      escaped += character;
    }
  }
  return escaped;
}

// ---- fields to values

function readTokens(fields: Fields): unknown {
  const accessToken = toSecret(fields.get('access_token'));
  const refreshToken = toSecret(fields.get('refresh_token'));
  const openid = toId(fields.get('openid'));
  const unionid = toOptionalId(fields.get('unionid'));
  const expiresIn = toInteger(fields.get('expires_in')) ?? 0;
  const scope = toScope(fields.get('scope') ?? '');
  const snapshot = fields.has('is_snapshotuser') ? toInteger(fields.get('is_snapshotuser')) : 0;
  const aYear = 365 * 24 * 60 * 60;
  if (accessToken === undefined || refreshToken === undefined || openid === undefined) return undefined;
  if (unionid === undefined || scope === undefined || expiresIn < 1 || expiresIn > aYear) return undefined;
  if (snapshot !== 0 && snapshot !== 1) return undefined;
  return {
    accessToken,
    refreshToken,
    expiresIn,
    openid,
    ...(unionid !== '' && { unionid }),
    scope,
    isSnapshotUser: snapshot === 1,
  };
}

function readSession(fields: Fields): unknown {
  const openid = toId(fields.get('openid'));
  const unionid = toOptionalId(fields.get('unionid'));
  const sessionKey = toSecret(fields.get('session_key'));
  if (openid === undefined || unionid === undefined || sessionKey === undefined) return undefined;
  return { openid, ...(unionid !== '' && { unionid }), sessionKey };
}

function readUser(fields: Fields, { openid, unionid: expected }: Question): unknown {
  const unionid = toOptionalId(fields.get('unionid'));
  if (fields.get('openid') !== openid || unionid === undefined) return undefined;
  if (unionid !== '' && expected !== undefined && unionid !== expected) return undefined;
  const sex = toInteger(fields.get('sex'));
  const privilege = fields.get('privilege');
  return {
    openid,
    nickname: toText(fields.get('nickname')),
    sex: sex === 1 || sex === 2 ? sex : 0,
    province: toText(fields.get('province')),
    city: toText(fields.get('city')),
    country: toText(fields.get('country')),
    headimgurl: toAvatar(fields.get('headimgurl')),
    privilege: Array.isArray(privilege) ? privilege.slice(0, 64).map(toText) : [],
    ...(unionid !== '' && { unionid }),
  };
}

/** A number, or a text that is one. */
function toInteger(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}

function toId(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,128}$/.test(value) ? value : undefined;
}

/** An id, or '' where there is none: WeChat's documents do not say whether that is null, empty or absent. */
function toOptionalId(value: unknown): string | undefined {
  return value === undefined || value === null || value === '' ? '' : toId(value);
}

function toSecret(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > 4096 || !value.isWellFormed()) return undefined;
  return withoutControls(value) === value ? value : undefined;
}

/** A list of words behind commas, of which the last may have one too. */
function toScope(value: unknown): string[] | undefined {
  if (typeof value !== 'string' || value.length > 1024 || /[^A-Za-z0-9_, ]/.test(value)) return undefined;
  return value.replaceAll(' ', ',').split(',').filter(Boolean);
}

/** What only decorates is made to fit. */
function toText(value: unknown): string {
  return typeof value === 'string' ? withoutControls(value).slice(0, 512).toWellFormed() : '';
}

function toAvatar(value: unknown): string {
  if (typeof value !== 'string' || value.length > 2048 || !URL.canParse(value)) return '';
  const { protocol, username, password, host, pathname, search, hash } = new URL(value);
  if (!['http:', 'https:'].includes(protocol) || username !== '' || password !== '') return '';
  return `https://${host}${pathname}${search}${hash}`;
}

function withoutControls(text: string): string {
  const isControl = (character: string): boolean => character < ' ' || (character > '~' && character < '\u00a0');
  return Array.from({ length: text.length }, (_, n) => text.charAt(n))
    .filter((character) => !isControl(character))
    .join('');
}
