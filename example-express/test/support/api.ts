import { startWeChatSimulator, type SimulatorOptions, type WeChatSimulator } from 'passport-wechat-code/simulator';

import { anyStores } from './servers.js';
import { type Service, startService } from './service.js';

export const JWT_SECRET = 'a secret of the tests, with more than 32 bytes';

/** An answer of the service. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed text. Empty when it is no JSON object. */
  readonly body: {
    readonly token?: string;
    readonly user?: { readonly openid: string; readonly nickname: string; readonly avatar: string };
    readonly valid?: boolean;
    readonly expiresIn?: number;
    readonly error?: { readonly code: string; readonly message: string };
  };
}

interface Options {
  readonly method?: string;
  /** The JWT to show. */
  readonly token?: string | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function call({ url }: { url: string }, path: string, options: Options = {}): Promise<Answer> {
  const { token, json, raw } = options;
  const body = json === undefined ? raw : JSON.stringify(json);
  const response = await fetch(`${url}${path}`, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(body !== undefined && { body }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parse(text) };
}

/** Status and code of a refusal, to be compared at once. */
export function refusal({ status, body }: Answer): string {
  return `${status} ${body.error?.code ?? 'without a code'}`;
}

export const login = (service: Service, code: string): Promise<Answer> =>
  call(service, '/api/auth/wechat', { json: { code, state: 'a state' } });

export const me = (service: Service, token?: string): Promise<Answer> => call(service, '/api/me', { token });

export const refresh = (service: Service, token?: string): Promise<Answer> =>
  call(service, '/api/wechat/refresh', { method: 'POST', token });

export const validate = (service: Service, token?: string): Promise<Answer> =>
  call(service, '/api/wechat/validate', { token });

/** Logs somebody in, who must succeed, and gives the JWT. */
export async function tokenFor(service: Service, code: string): Promise<string> {
  const { status, text, body } = await login(service, code);
  if (status !== 200 || body.token === undefined) throw new Error(`The login failed: ${status} ${text}`);
  return body.token;
}

/** The settings of a service whose WeChat is the simulator, and whose rate limit is out of the way. */
export function settingsFor({ url, apps }: WeChatSimulator, app = apps[0]): Record<string, string> {
  const miniProgram = apps.find(({ kind }) => kind === 'mini-program');
  return {
    WECHAT_APP_ID: app.appId,
    WECHAT_APP_SECRET: app.appSecret,
    ...(miniProgram && { WECHAT_MINI_ID: miniProgram.appId, WECHAT_MINI_SECRET: miniProgram.appSecret }),
    WECHAT_SIMULATOR_URL: url,
    JWT_SECRET,
    LOGINS_PER_MINUTE: '1000000',
  };
}

/** A simulator and a service for the tests of one suite; the service's settings can be added to. */
export function startBefore(
  env: Record<string, string> = {},
  options: SimulatorOptions = {},
): () => { wechat: WeChatSimulator; service: Service } {
  let parts: { wechat: WeChatSimulator; service: Service } | undefined;
  before(async function () {
    this.timeout(60_000);
    const stores = await anyStores();
    const wechat = await startWeChatSimulator(options);
    parts = { wechat, service: await startService({ ...settingsFor(wechat), ...stores, ...env }) };
  });
  afterEach(() => parts?.wechat.behave());
  after(async () => {
    await parts?.service.stop();
    await parts?.wechat.close();
  });
  return () => {
    if (parts === undefined) throw new Error('The service is there from before() on');
    return parts;
  };
}

/** Settles when the condition holds. The test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

function parse(text: string): Answer['body'] {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}
