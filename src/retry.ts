import type { Failure, FailureKind } from './failure.js';

/**
 * How often each kind of failure is tried again. A code is good once, so an exchange is sent again only where that can
 * rescue the login without keeping the visitor waiting. The other calls change nothing at WeChat.
 */
const limits: Readonly<Record<'exchange' | 'others', Readonly<Record<FailureKind, number>>>> = {
  exchange: { 'never-sent': Infinity, busy: 2, ambiguous: 1, timeout: 0, unusable: 0, final: 0 },
  others: { 'never-sent': Infinity, busy: Infinity, ambiguous: Infinity, timeout: 1, unusable: 1, final: 0 },
};

/** With less time left, in ms, an exchange would only use its code up: no answer can be hoped for. */
const LEAST_PATIENCE = 100;

interface PlanSettings {
  timeout: number;
  maxRetries: number;
  retryDelay: number;
  hosts: number;
}

/** Decides for one call what is tried again, where and when. */
export class RetryPlan {
  readonly #settings: PlanSettings;
  readonly #exchange: boolean;
  readonly #used = new Map<FailureKind, number>();
  #retries = 0;
  #backoffs = 0;
  #moves = 0;

  constructor(settings: PlanSettings, exchange: boolean) {
    this.#settings = settings;
    this.#exchange = exchange;
  }

  /** The index of the host that the next attempt goes to. */
  get host(): number {
    return this.#moves % this.#settings.hosts;
  }

  /** How long the next attempt may take, in ms: half of what is left where a second one could still follow. */
  patience(left: number): number {
    return this.#allows('timeout') ? left / 2 : left;
  }

  /** How long to wait, in ms, before another attempt; undefined when there is to be none. */
  next(failure: Failure, left: number): number | undefined {
    if (!this.#allows(failure.kind)) return undefined;
    // A code goes to another host only when the first one certainly never saw it.
    const moves = failure.kind === 'never-sent' || !(this.#exchange || failure.atOnce === true);
    const untried = moves && this.#moves + 1 < this.#settings.hosts;
    const backoff = this.#settings.retryDelay * 2 ** this.#backoffs * (0.5 + Math.random() / 2);
    // Who waited for an answer in vain has waited enough.
    const atOnce = failure.atOnce === true || failure.kind === 'timeout' || untried;
    const wait = Math.max(atOnce ? 0 : backoff, failure.retryAfter ?? 0);
    if (wait + this.#least > left) return undefined;
    this.#retries += 1;
    this.#used.set(failure.kind, (this.#used.get(failure.kind) ?? 0) + 1);
    if (moves) this.#moves += 1;
    if (wait > 0) this.#backoffs += 1;
    return wait;
  }

  get #least(): number {
    return this.#exchange ? Math.min(LEAST_PATIENCE, this.#settings.timeout / 10) : 1;
  }

  #allows(kind: FailureKind): boolean {
    const limit = limits[this.#exchange ? 'exchange' : 'others'][kind];
    return this.#retries < this.#settings.maxRetries && (this.#used.get(kind) ?? 0) < limit;
  }
}
