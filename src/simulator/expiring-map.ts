const maxEntries = 10_000;

/** A map that forgets: each entry at its time, and the oldest when there are too many. So a demo can run for days. */
export class ExpiringMap<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly forgetAt: number }>();

  get size(): number {
    return this.#entries.size;
  }

  /** Everything that is remembered, newest first. */
  list(now: number): readonly (readonly [key: string, value: Value])[] {
    const known = [...this.#entries].filter(([, { forgetAt }]) => forgetAt > now);
    return known.map(([key, { value }]): [string, Value] => [key, value]).reverse();
  }

  /** Stores a value until `forgetAt`, and drops what is due by `now`. */
  set(key: string, value: Value, forgetAt: number, now: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, forgetAt });
    // Entries of one map live equally long, so the oldest come first and the walk can stop at the first one that stays.
    for (const [oldKey, entry] of this.#entries) {
      if (entry.forgetAt > now && this.#entries.size <= maxEntries) {
        break;
      }
      this.#entries.delete(oldKey);
    }
  }

  get(key: string, now: number): Value | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.forgetAt > now ? entry.value : undefined;
  }
}
