import { randomBytes } from 'node:crypto';

/** WeChat's texts, as real answers have them; the line break in 40002 is WeChat's own. */
const texts: Readonly<Partial<Record<number, string>>> = {
  [-1]: 'system error',
  40001: 'invalid credential, access_token is invalid or not latest',
  40002: 'invalid grant_type\n',
  40003: 'invalid openid',
  40013: 'invalid appid',
  40014: 'invalid access_token',
  40029: 'invalid code',
  40030: 'invalid refresh_token',
  40066: 'invalid url',
  40125: 'invalid appsecret',
  40163: 'code been used',
  40164: 'invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist',
  40226: 'code blocked',
  40243: 'AppSecret has been frozen',
  41001: 'access_token missing',
  41002: 'appid missing',
  41003: 'refresh_token missing',
  41004: 'appsecret missing',
  41008: 'missing code',
  41009: 'missing openid',
  42001: 'access_token expired',
  42002: 'refresh_token expired',
  42003: 'code expired',
  42007: 'access_token and refresh_token exception',
  43001: 'require GET method',
  43003: 'require https',
  43004: 'require subscribe',
  43104: 'this appid does not have permission',
  45009: 'reach max api daily quota limit',
  45011: 'api minute-quota reach limit, must slower, retry next minute',
  48001: 'api unauthorized',
  48004: 'api forbidden for irregularities',
  48012: 'invalid token',
  49003: 'not match openid with appid',
  50001: 'api unauthorized or user unauthorized',
  50002: 'user limited',
  61004: 'access clientip is not registered',
};

/** WeChat's words for an errcode. */
export function textOf(errcode: number): string {
  return errcode === 0 ? 'ok' : (texts[errcode]?.trimEnd() ?? 'unknown error');
}

/** WeChat's errmsg for an errcode, with a fresh request id whose first group is the time in hexadecimal Unix seconds. */
export function errmsgOf(errcode: number, now: number): string {
  if (errcode === 0) {
    return 'ok';
  }
  const seconds = Math.floor(now / 1000).toString(16);
  const rid = `${seconds}-${randomBytes(4).toString('hex')}-${randomBytes(4).toString('hex')}`;
  // Real answers leave the comma out after "user limited".
  return `${texts[errcode] ?? 'unknown error'}${errcode === 50002 ? '' : ','} rid: ${rid}`;
}
