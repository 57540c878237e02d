import type { TokenResponse } from 'passport-wechat-code';

import type { Cache } from './stores.js';

/** Scenario 2: WeChat's access tokens in Redis. Each is forgotten when WeChat forgets it. */
export class AccessTokens {
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  async save(userId: string, { accessToken, expiresIn }: TokenResponse): Promise<void> {
    await this.#cache.tokens.set(`wechat:access_token:${userId}`, accessToken.exposeSecret(), expiresIn * 1000);
  }

  find(userId: string): Promise<string | undefined> {
    return this.#cache.tokens.get(`wechat:access_token:${userId}`);
  }
}
