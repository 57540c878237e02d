import { AccessToken, isId, type OpenId, RefreshToken, SessionKey, textProblem, type UnionId } from './newtypes.js';

/**
 * The tokens that a code or a refresh token was exchanged for. The tokens are redacted in every output: to store
 * them, take the plain object that {@link exposeTokens} gives.
 */
export interface TokenResponse {
  /** Reads the user's information from WeChat, for {@link expiresIn} seconds. */
  accessToken: AccessToken;
  /** Gets new access tokens. Store the one that came last. */
  refreshToken: RefreshToken;
  /** How long the access token lives, in seconds: 7200 as a rule. */
  expiresIn: number;
  /** The user's id in this app. */
  openid: OpenId;
  /** The user's id in all apps of your Open Platform account. Absent when the app is bound to none, and after a refresh. */
  unionid?: UnionId;
  /** What the user granted, such as `['snsapi_userinfo']`. Empty when WeChat did not say. */
  scope: readonly string[];
  /** Whether this is a virtual user of a snapshot page (快照页), whose ids and name are not real. */
  isSnapshotUser: boolean;
}

/** A {@link TokenResponse} in the clear, ready for `JSON.stringify` and a database. */
export interface ExposedTokens extends Omit<TokenResponse, 'accessToken' | 'refreshToken'> {
  /** The access token in the clear: whoever has it can read the user's information. */
  accessToken: string;
  /** The refresh token in the clear: whoever has it can get access tokens, for some weeks. */
  refreshToken: string;
}

/** What the code of a mini program or mini game was exchanged for. */
export interface WeChatSession {
  /** The user's id in this app. */
  openid: OpenId;
  /** The user's id in all apps of your Open Platform account. Absent when the app is bound to none. */
  unionid?: UnionId;
  /**
   * Decrypts and verifies what the front end passes on from WeChat. Redacted in every output; to store it, take
   * `sessionKey.exposeSecret()`. WeChat does not say how long it lives: the next login may bring another one.
   */
  sessionKey: SessionKey;
}

/** What WeChat tells about a user, in WeChat's own spelling. Texts are cleaned of control characters. */
export interface UserInfo {
  /** The user's id in this app: the one that was asked for, or the answer would have been refused. */
  openid: OpenId;
  /** Any text at all: show it as text, never as HTML. */
  nickname: string;
  /** 0 unknown, 1 male, 2 female. Always 0 since October 2021. */
  sex: 0 | 1 | 2;
  /** Empty since October 2021. */
  province: string;
  /** Empty since October 2021. */
  city: string;
  /** Empty since October 2021. */
  country: string;
  /** The https address of the avatar, or `''`. It stops working when the user changes the avatar: keep a copy. */
  headimgurl: string;
  /** Privileges of the user at WeChat, such as `chinaunicom`. Often empty. */
  privilege: string[];
  /** The user's id in all apps of your Open Platform account. Absent when the app is bound to none. */
  unionid?: UnionId;
}

/** Gives the tokens in the clear, to be stored. Everywhere else they stay redacted. */
export function exposeTokens(tokens: TokenResponse): ExposedTokens {
  return {
    ...tokens,
    scope: [...tokens.scope],
    accessToken: tokens.accessToken.exposeSecret(),
    refreshToken: tokens.refreshToken.exposeSecret(),
  };
}

/** An answer that cannot be used. The message says why, and never quotes the answer: that may hold tokens. */
export class UnusableAnswer extends Error {}

/** A JSON object whose fields nobody has looked at yet. */
export type Answer = Readonly<Record<string, unknown>>;

/**
 * Reads the bytes of an answer. WeChat sends raw control characters, and at times broken UTF-8, inside nicknames;
 * what is no JSON for that reason alone is read all the same.
 *
 * @throws UnusableAnswer when it is no JSON object.
 */
export function parseAnswer(body: Uint8Array): Answer {
  let answer: unknown;
  try {
    answer = JSON.parse(escapeControlCharacters(decoder.decode(body)));
  } catch {
    // The error of JSON.parse quotes the body, and so the tokens: it goes no further.
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) {
    throw new UnusableAnswer('it is not a JSON object');
  }
  return answer as Answer;
}

const decoder = new TextDecoder();

/** Makes no difference to what is JSON already. */
function escapeControlCharacters(json: string): string {
  if (!/\p{Cc}/u.test(json)) return json; // the rule, and by far the cheaper way
  // The closing quote is optional to keep this linear: what lacks it is no JSON, and JSON.parse will say so.
  const strings = /"(?:[^"\\]|\\.)*"?/gs;
  // What follows a backslash stays as it is: to escape it would make another text of it.
  const escape = (found: string): string =>
    found.startsWith('\\') ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return json.replace(strings, (string) => string.replace(/\\.|\p{Cc}/gsu, escape));
}

/** The `errcode` of an answer: 0, or absent, is success. @throws UnusableAnswer when it is no whole number. */
export function readErrcode(answer: Answer): number {
  const errcode = own(answer, 'errcode');
  return errcode === undefined ? 0 : toInteger('errcode', errcode);
}

/** The `errmsg` of an answer, as it came. */
export function readErrmsg(answer: Answer): string {
  const errmsg = own(answer, 'errmsg');
  return typeof errmsg === 'string' ? errmsg : '';
}

/** @throws UnusableAnswer when a field is missing or not of its documented form. */
export function readTokens(answer: Answer): TokenResponse {
  const unionid = readUnionId(answer);
  return {
    accessToken: new AccessToken(readSecret(answer, 'access_token')),
    refreshToken: new RefreshToken(readSecret(answer, 'refresh_token')),
    expiresIn: readExpiresIn(answer),
    openid: readOpenId(answer),
    ...(unionid !== undefined && { unionid }),
    scope: readScope(answer),
    isSnapshotUser: readSnapshotFlag(answer),
  };
}

/** @throws UnusableAnswer when a field is missing or not of its documented form. */
export function readSession(answer: Answer): WeChatSession {
  const unionid = readUnionId(answer);
  return {
    openid: readOpenId(answer),
    ...(unionid !== undefined && { unionid }),
    sessionKey: new SessionKey(readSecret(answer, 'session_key')),
  };
}

/** @throws UnusableAnswer when the answer is not about this user. Fields that only decorate are made to fit. */
export function readUserInfo(answer: Answer, openid: string, expectedUnionId?: string): UserInfo {
  if (readOpenId(answer) !== openid) throw new UnusableAnswer("its openid is another user's");
  const unionid = readUnionId(answer);
  if (unionid !== undefined && expectedUnionId !== undefined && unionid !== expectedUnionId) {
    throw new UnusableAnswer("its unionid is another user's");
  }
  const privilege = own(answer, 'privilege');
  return {
    openid: readOpenId(answer),
    nickname: toLabel(own(answer, 'nickname')),
    sex: toSex(own(answer, 'sex')),
    province: toLabel(own(answer, 'province')),
    city: toLabel(own(answer, 'city')),
    country: toLabel(own(answer, 'country')),
    headimgurl: toImageUrl(own(answer, 'headimgurl')),
    privilege: Array.isArray(privilege) ? privilege.slice(0, 64).map(toLabel) : [],
    ...(unionid !== undefined && { unionid }),
  };
}

/** @throws UnusableAnswer unless the answer says that all is well: an empty object must never count as a yes. */
export function readValidity(answer: Answer): true {
  if (own(answer, 'errcode') === undefined) throw new UnusableAnswer('its errcode is missing');
  return true;
}

function readSecret(answer: Answer, field: 'access_token' | 'refresh_token' | 'session_key'): string {
  const secret = own(answer, field);
  const problem = textProblem(secret, 4096);
  if (problem !== undefined) throw new UnusableAnswer(`its ${field} ${problem}`);
  return secret as string;
}

function readOpenId(answer: Answer): OpenId {
  const openid = own(answer, 'openid');
  if (!isId(openid)) throw new UnusableAnswer('its openid is missing or malformed');
  return openid as OpenId;
}

function readUnionId(answer: Answer): UnionId | undefined {
  const unionid = own(answer, 'unionid') ?? '';
  if (unionid === '') return undefined;
  if (!isId(unionid)) throw new UnusableAnswer('its unionid is malformed');
  return unionid as UnionId;
}

function readExpiresIn(answer: Answer): number {
  const seconds = toInteger('expires_in', own(answer, 'expires_in'));
  if (seconds < 1 || seconds > 31_536_000) throw new UnusableAnswer('its expires_in is out of range');
  return seconds;
}

function readScope(answer: Answer): string[] {
  const scope = own(answer, 'scope') ?? '';
  if (typeof scope !== 'string' || !/^[\w, ]{0,1024}$/.test(scope)) throw new UnusableAnswer('its scope is malformed');
  return scope.split(/[, ]/).filter((granted) => granted !== '');
}

function readSnapshotFlag(answer: Answer): boolean {
  const flag = own(answer, 'is_snapshotuser');
  if (flag === undefined) return false;
  const number = toInteger('is_snapshotuser', flag);
  if (number !== 0 && number !== 1) throw new UnusableAnswer('its is_snapshotuser is out of range');
  return number === 1;
}

function toInteger(field: string, value: unknown): number {
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (!Number.isSafeInteger(number)) throw new UnusableAnswer(`its ${field} is not a whole number`);
  return number as number;
}

function toSex(value: unknown): 0 | 1 | 2 {
  if (value === 1 || value === '1') return 1;
  return value === 2 || value === '2' ? 2 : 0;
}

function toLabel(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value
    .replace(/\p{Cc}/gu, '')
    .slice(0, 512)
    .toWellFormed();
}

function toImageUrl(value: unknown): string {
  if (typeof value !== 'string' || !URL.canParse(value)) return '';
  const url = new URL(value);
  if (url.protocol === 'http:') url.protocol = 'https:';
  const usable = url.protocol === 'https:' && url.username === '' && url.password === '' && url.href.length <= 2048;
  return usable ? url.href : '';
}

function own(answer: Answer, field: string): unknown {
  return Object.hasOwn(answer, field) ? answer[field] : undefined;
}
