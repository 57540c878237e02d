import type { TokenResponse, WeChatProfile } from 'passport-wechat-code';

import type { Database } from './stores.js';

/** A user of this service. */
export interface User {
  id: string;
  openid: string;
  nickname: string;
  avatar: string;
}

/** The users, with the refresh token that WeChat gave for each. An account is one user of one app. */
export class Users {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Makes the table if it is not there. Several instances may do so at once: the lock makes them wait for each other. */
  async prepare(): Promise<void> {
    await this.#database.query(`
      DO $$ BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('example-express'));
        CREATE TABLE IF NOT EXISTS users (
          id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
          app_id text NOT NULL,
          openid text NOT NULL,
          unionid text,
          nickname text NOT NULL,
          avatar text NOT NULL,
          refresh_token text NOT NULL,
          created_at timestamptz NOT NULL DEFAULT now(),
          seen_at timestamptz NOT NULL DEFAULT now(),
          UNIQUE (app_id, openid)
        );
        CREATE INDEX IF NOT EXISTS users_unionid ON users (unionid);
      END $$`);
  }

  /** Stores who logged in, in one statement: two logins at once make one user, and none is half written. */
  async save(profile: WeChatProfile, tokens: TokenResponse): Promise<User> {
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
      [
        profile.appId,
        profile.openid,
        profile.unionid ?? null,
        profile.displayName ?? null,
        profile.photos && (profile.photos[0]?.value ?? ''),
        tokens.refreshToken.exposeSecret(),
      ],
    );
    return rows[0] as User;
  }

  async find(id: string): Promise<User | undefined> {
    const { rows } = await this.#database.query('SELECT id, openid, nickname, avatar FROM users WHERE id = $1', [id]);
    return rows[0] as User | undefined;
  }

  async refreshToken(id: string): Promise<string> {
    const { rows } = await this.#database.query('SELECT refresh_token FROM users WHERE id = $1', [id]);
    return (rows[0] as { refresh_token: string }).refresh_token;
  }

  async saveRefreshToken(id: string, { refreshToken }: TokenResponse): Promise<void> {
    await this.#database.query('UPDATE users SET refresh_token = $2 WHERE id = $1', [id, refreshToken.exposeSecret()]);
  }
}
