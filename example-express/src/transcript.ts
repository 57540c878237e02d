/** Carries one whole login through a service that runs with the simulator, and tells each step for a person to read. */
export async function logInAndTell(service: string): Promise<string> {
  const steps: string[] = [];
  const read = async (response: Response): Promise<Record<string, unknown>> =>
    (await response.json()) as Record<string, unknown>;

  const state = crypto.randomUUID().replaceAll('-', '');
  const { url } = await read(await fetch(`${service}/api/auth/wechat?state=${state}`));
  steps.push(`1. The page sends the browser to WeChat, with a state that only this browser knows:\n   ${String(url)}`);

  const choice = new URL(String(url));
  choice.searchParams.set('user', 'alice');
  const back = new URL((await fetch(choice, { redirect: 'manual' })).headers.get('location') ?? '');
  steps.push(`2. The user agrees, and WeChat sends the browser back with a code:\n   ${back.href}`);

  const code = back.searchParams.get('code');
  const login = await fetch(`${service}/api/auth/wechat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, state: back.searchParams.get('state') }),
  });
  const { token, user } = await read(login);
  steps.push(
    `3. POST /api/auth/wechat { code, state } -> ${login.status}\n   ${JSON.stringify({ user, token }, null, 2).replaceAll('\n', '\n   ')}`,
  );

  const me = await fetch(`${service}/api/me`, { headers: { authorization: `Bearer ${String(token)}` } });
  steps.push(`4. GET /api/me with that token -> ${me.status}\n   ${JSON.stringify(await read(me))}`);
  return steps.join('\n');
}
