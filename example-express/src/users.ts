import type { TokenResponse, WeChatProfile } from 'passport-wechat-code';

import type { Cache, Database } from './stores.js';

/** A user of this service. */
export interface User {
  id: string;
  openid: string;
  nickname: string;
  avatar: string;
}

/** The users, and what WeChat gave for each: the refresh token lies beside the user, the access token in the cache. */
export class Users {
  readonly #database: Database;
  readonly #tokens: Cache['tokens'];

  constructor(database: Database, { tokens }: Pick<Cache, 'tokens'>) {
    this.#database = database;
    this.#tokens = tokens;
  }

  /** Stores who logged in, in one statement: two logins at once make one user, and none is half written. */
  async save(profile: WeChatProfile, tokens?: TokenResponse): Promise<User> {
    const { appId, openid, unionid = null, displayName = null, photos } = profile;
    const refreshToken = tokens?.refreshToken.exposeSecret() ?? null;
    const { rows } = await this.#database.query(
      `INSERT INTO users (app_id, openid, unionid, nickname, avatar, refresh_token)
       VALUES ($1, $2, $3, coalesce($4, ''), coalesce($5, ''), $6)
       ON CONFLICT (app_id, openid) DO UPDATE SET
         unionid = coalesce(excluded.unionid, users.unionid),
         nickname = coalesce($4, users.nickname),
         avatar = coalesce($5, users.avatar),
         refresh_token = excluded.refresh_token,
         seen_at = now()
       RETURNING id, openid, nickname, avatar`,
      [appId, openid, unionid, displayName, photos && (photos[0]?.value ?? ''), refreshToken],
    );
    const user = rows[0] as User;
    if (tokens) await this.#saveAccessToken(user.id, tokens);
    return user;
  }

  async find(id: string): Promise<User | undefined> {
    const { rows } = await this.#database.query('SELECT id, openid, nickname, avatar FROM users WHERE id = $1', [id]);
    return rows[0] as User | undefined;
  }

  async refreshToken(id: string): Promise<string | null> {
    const { rows } = await this.#database.query('SELECT refresh_token FROM users WHERE id = $1', [id]);
    return (rows[0] as { refresh_token: string | null }).refresh_token;
  }

  /** Stores what a refresh gave, unless a login has stored newer tokens meanwhile. */
  async replaceTokens(id: string, old: string, tokens: TokenResponse): Promise<void> {
    const update = 'UPDATE users SET refresh_token = $3 WHERE id = $1 AND refresh_token = $2 RETURNING id';
    const { rows } = await this.#database.query(update, [id, old, tokens.refreshToken.exposeSecret()]);
    if (rows.length > 0) await this.#saveAccessToken(id, tokens);
  }

  /** Scenario 2: WeChat's access tokens in Redis. Each is forgotten when WeChat forgets it. */
  async #saveAccessToken(id: string, { accessToken, expiresIn }: TokenResponse): Promise<void> {
    await this.#tokens.set(`wechat:access_token:${id}`, accessToken.exposeSecret(), expiresIn * 1000);
  }

  accessToken(id: string): Promise<string | undefined> {
    return this.#tokens.get(`wechat:access_token:${id}`);
  }
}
