/** Checks of options. Each throws a TypeError that names the option, and never quotes the value. */

export function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${name} must be an object`);
}

/** The most is the longest timer of Node.js: a longer one would fire at once. */
export function checkWholeNumber(name: string, value: number, least: number): number {
  const most = 2 ** 31 - 1;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new TypeError(`${name} must be a whole number from ${String(least)} to ${String(most)}`);
  }
  return value;
}

export function checkText(name: string, value: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} must be a non-empty string`);
  return value;
}

export function checkFlag(name: string, value: boolean | undefined): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`${name} must be true or false`);
  return value ?? false;
}

export function checkChoice<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) throw new TypeError(`${name} must be one of ${choices.join(', ')}`);
  return value;
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function`);
}

/** What its receiver does not know would be lost without a word. */
export function checkAbsent(options: object, names: readonly string[], receivers: string): void {
  const given = names.find((name) => Reflect.get(options, name) !== undefined);
  if (given !== undefined) throw new TypeError(`${given} is not for ${receivers}`);
}

/** Gives it without a slash at the end. */
export function checkBaseUrl(name: string, baseUrl: unknown, example: string): string {
  if (typeof baseUrl !== 'string' || !URL.canParse(baseUrl)) {
    throw new TypeError(`${name} must be an address such as ${example}`);
  }
  const { protocol, hostname, username, password, href } = new URL(baseUrl);
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback)) {
    throw new TypeError(`${name} must be https, or http on loopback: what it carries is secret`);
  }
  if (username !== '' || password !== '' || /[?#]/.test(baseUrl)) {
    throw new TypeError(`${name} must not have a user name, password, query or fragment`);
  }
  return href.replace(/\/+$/, '');
}

export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal');
  return signal;
}
