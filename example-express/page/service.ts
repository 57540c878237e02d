export interface User {
  openid: string;
  nickname: string;
  avatar: string;
}

export interface Login {
  token: string;
  user: User;
  /** When the token expires, by the clock of this device. */
  end: number;
}

/** What did not succeed. The status is 0 when there was no answer. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, code?: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

/** Calls the service. @throws Problem unless it answers with success, in JSON. */
export async function call(method: string, path: string, login?: Login | null, body?: object): Promise<unknown> {
  const headers = new Headers({ 'content-type': 'application/json' });
  if (login) headers.set('authorization', `Bearer ${login.token}`);
  const signal = AbortSignal.timeout(45_000); // longer than the service waits for WeChat
  const response = await fetch(path, { method, headers, body: JSON.stringify(body), signal }).catch(() => undefined);
  // A proxy on the way may answer with anything.
  const answer: unknown = await response?.json().catch(() => undefined);
  if (response?.ok && answer !== undefined) return answer;
  throw new Problem(response?.status ?? 0, (answer as { error?: { code?: string } } | null | undefined)?.error?.code);
}

/** How long a fresh token is good for, in ms. Not until when: the clock of this device may be wrong. */
export function lifetimeOf(token: string): number {
  const payload = token.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '';
  const { iat, exp } = JSON.parse(atob(payload)) as { iat: number; exp: number };
  return (exp - iat) * 1000;
}
