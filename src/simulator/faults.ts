import { validateHeaderName, validateHeaderValue } from 'node:http';
import { endpoints } from './rules.js';
import type { Endpoint } from './rules.js';

/** The answer is right but late. WeChat acts on the request when it arrives: a client that gave up has spent its code. */
export interface DelayFault {
  /** Milliseconds of real time, not of the simulator's clock. */
  readonly delay: number;
}

/** What the faults that swallow WeChat's answer have in common. */
export interface LostAnswer extends Partial<DelayFault> {
  /** Whether WeChat acts on the request (spends the code, issues tokens) although its answer is lost. Default: false. */
  readonly processed?: boolean;
}

/** WeChat answers an errcode: -1 for "busy", 45011 for "too often", 42007 for a changed password, and so on. */
export interface ErrcodeFault extends LostAnswer {
  /** Any whole number, whether WeChat documents it or not. */
  readonly errcode: number;
  /** Sent as it is. Default: WeChat's own text with a request id. */
  readonly errmsg?: string;
}

/** A gateway before WeChat answers with an HTTP status, such as 502, 503 or 429. */
export interface StatusFault extends LostAnswer {
  /** 200 to 599. */
  readonly status: number;
  /** For example `{ 'Retry-After': '5' }`. Default: only `Content-Type: text/html`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: a gateway's page that names the status. */
  readonly body?: string;
}

/** No answer at all: the connection is reset, or hangs until the client gives up. */
export interface ConnectionFault extends LostAnswer {
  /** `reset`: the connection is reset. `hang`: nothing comes, until the client gives up or the simulator closes. */
  readonly connection: 'reset' | 'hang';
}

/**
 * WeChat acts on the request, and its answer arrives spoilt. Everywhere: `html` (a page, with status 200), `empty`, `malformed`
 * (half the JSON as if it were all), `cut` (the connection ends halfway). Only for `userinfo`, and only when it succeeds:
 * `control-characters` (raw ones in the nickname, which JSON forbids and WeChat sends), `invalid-utf8` (in the nickname),
 * `another-openid` (somebody else's).
 */
export interface AnswerFault extends Partial<DelayFault> {
  /** How the answer is spoilt. */
  readonly answer: 'html' | 'empty' | 'malformed' | 'cut' | 'control-characters' | 'invalid-utf8' | 'another-openid';
}

/** One way to misbehave, told apart by its key. Each may have a `delay` as well. */
export type Fault = DelayFault | ErrcodeFault | StatusFault | ConnectionFault | AnswerFault;

const answersOfUserInfo = ['control-characters', 'invalid-utf8', 'another-openid'] as const;

/** The choices of a fault that has such a key. */
export const choices = {
  connection: ['reset', 'hang'],
  answer: ['html', 'empty', 'malformed', 'cut', ...answersOfUserInfo],
} as const satisfies { connection: readonly ConnectionFault['connection'][]; answer: readonly AnswerFault['answer'][] };

/** What a fault of each kind can have; the first that fits tells the kind. */
const keysByKind: Readonly<Record<string, readonly string[]>> = {
  errcode: ['errcode', 'errmsg', 'processed', 'delay'],
  status: ['status', 'headers', 'body', 'processed', 'delay'],
  connection: ['connection', 'processed', 'delay'],
  answer: ['answer', 'delay'],
  delay: ['delay'],
};

/** A fault that waits for its requests. */
export interface WaitingFault {
  readonly id: number;
  readonly endpoint: Endpoint | 'any';
  readonly fault: Fault;
  /** How many requests it is still for. */
  readonly times: number;
}

/** The faults that wait for their requests, in order. */
export class FaultQueue {
  #waiting: (WaitingFault & { times: number })[] = [];
  #lastId = 0;

  add(endpoint: Endpoint | 'any', fault: Fault, times: number): void {
    checkFault(endpoint, { ...fault });
    if (!(times === Infinity || (Number.isInteger(times) && times > 0))) {
      throw new TypeError('times must be a positive integer, or Infinity for "until behave()"');
    }
    this.#waiting.push({ id: ++this.#lastId, endpoint, fault: structuredClone(fault), times });
  }

  take(endpoint: Endpoint): Fault | undefined {
    const index = this.#waiting.findIndex((waiting) => waiting.endpoint === endpoint || waiting.endpoint === 'any');
    const found = this.#waiting[index];
    if (found && --found.times === 0) {
      this.#waiting.splice(index, 1);
    }
    return found?.fault;
  }

  list(): readonly WaitingFault[] {
    return this.#waiting;
  }

  /** Forgets one. It may be gone already. */
  remove(id: number): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.id !== id);
  }

  clear(): void {
    this.#waiting = [];
  }
}

function checkFault(endpoint: Endpoint | 'any', fault: Readonly<Record<string, unknown>>): void {
  if (endpoint !== 'any' && !endpoints.includes(endpoint)) {
    throw new TypeError(`endpoint must be ${endpoints.join(', ')} or any`);
  }
  const kind = Object.keys(keysByKind).find((key) => key in fault);
  if (kind === undefined) {
    throw new TypeError('a fault needs one of delay, errcode, status, connection or answer');
  }
  for (const [key, value] of Object.entries(fault)) {
    if (!keysByKind[kind]?.includes(key)) {
      throw new TypeError(`a fault with ${kind} cannot have ${key}`);
    }
    const wrong = problemWith(key, value);
    if (wrong) {
      throw new TypeError(`${key} must be ${wrong}`);
    }
  }
  if (endpoint !== 'userinfo' && answersOfUserInfo.some((answer) => answer === fault['answer'])) {
    throw new TypeError(`the answer ${String(fault['answer'])} is for the endpoint userinfo only`);
  }
}

/** What the value should have been; undefined when it is right. */
function problemWith(key: string, value: unknown): string | undefined {
  switch (key) {
    case 'delay':
      return isNumber(value, 0, 2 ** 31 - 1) ? undefined : 'milliseconds, from 0 to 2147483647';
    case 'errcode':
      return Number.isInteger(value) ? undefined : 'an integer';
    case 'status':
      return Number.isInteger(value) && isNumber(value, 200, 599) ? undefined : 'an HTTP status from 200 to 599';
    case 'processed':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'connection':
    case 'answer':
      return choices[key].some((choice) => choice === value) ? undefined : `one of ${choices[key].join(', ')}`;
    case 'headers':
      return areHeaders(value) ? undefined : 'an object of valid header names and string values';
    default:
      return typeof value === 'string' ? undefined : 'a string';
  }
}

function isNumber(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}

function areHeaders(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    for (const [name, text] of Object.entries(value) as [string, unknown][]) {
      validateHeaderName(name);
      if (typeof text !== 'string') return false;
      validateHeaderValue(name, text);
    }
    return true;
  } catch {
    return false;
  }
}
