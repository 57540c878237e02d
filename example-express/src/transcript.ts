/** Carries one whole login through a service that runs with the simulator, and tells each step for a person to read. */
export async function logInAndTell(service: string): Promise<string> {
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${service}${path}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const state = crypto.randomUUID().replaceAll('-', '');
  const { url } = (await ask(`/api/auth/wechat?state=${state}`)).body;
  // With a user chosen, the simulator's page answers at once.
  const page = await fetch(String(url).replace('#', '&user=alice#'), { redirect: 'manual' });
  const back = page.headers.get('location') ?? '';
  const code = new URL(back).searchParams.get('code');
  const headers = { 'content-type': 'application/json' };
  const login = await ask('/api/auth/wechat', { method: 'POST', headers, body: JSON.stringify({ code, state }) });
  const { token, user } = login.body;
  const me = await ask('/api/me', { headers: { authorization: `Bearer ${String(token)}` } });
  return `1. The page sends the browser to WeChat, with a state that only this browser knows:
   ${String(url)}
2. The user agrees, and WeChat sends the browser back with a code:
   ${back}
3. POST /api/auth/wechat { code, state } -> ${login.status}
   ${JSON.stringify({ user, token }, null, 2).replaceAll('\n', '\n   ')}
4. GET /api/me with that token -> ${me.status}
   ${JSON.stringify(me.body)}`;
}
