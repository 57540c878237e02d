import { call, lifetimeOf, type Login, Problem, type User } from './service.js';

/** What there is to say: the name of a text in the page, and a value to put into it. */
type Say = [text: string, value?: string];

const main = find('main', HTMLElement);
const status = find('#status', HTMLElement);
const nameHeading = find('#name', HTMLElement);
const initialLetter = find('#initial', HTMLElement);
const avatar = find('#avatar', HTMLImageElement);
const life = find('#life', HTMLElement);
const loginButton = find('#login', HTMLButtonElement);
const texts = find('#texts', HTMLTemplateElement).content;

// What is kept is kept for this tab, and gone with it. A script could read it, but the CSP lets in none but this one.
let login = JSON.parse(sessionStorage.getItem('login') ?? 'null') as Login | null;
let busy = false;

function find<Kind extends HTMLElement>(selector: string, kind: new () => Kind): Kind {
  const found = document.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${selector}`);
}

/** What the page says for this, in both languages: the style sheet shows one of them. */
function textFor(name: string): Node[] | undefined {
  const text = texts.querySelector(`[data-for~="${CSS.escape(name)}"]`)?.cloneNode(true);
  return text && [...text.childNodes];
}

function render(): void {
  // Anybody can have any name and avatar: they are only ever text, and the address of a picture.
  const nickname = login?.user.nickname.trim() ?? '';
  nameHeading.replaceChildren(...(nickname === '' ? (textFor('nameless') ?? []) : [nickname]));
  const picture = login?.user.avatar.startsWith('https://') ? login.user.avatar : '';
  if (avatar.getAttribute('src') !== picture) {
    avatar.hidden = true; // the initial is seen until the picture has loaded
    avatar.src = picture;
  }

  const focused = document.activeElement;
  for (const part of document.querySelectorAll<HTMLElement>('[data-view]')) {
    part.hidden = part.dataset['view'] !== (login ? 'user' : 'login');
  }
  for (const button of document.querySelectorAll('[data-action]')) button.ariaDisabled = String(busy);
  main.hidden = false;
  if (focused?.closest('[hidden]')) loginButton.focus();
  [initialLetter.textContent = ''] = nameHeading.innerText;
  countDown();
}

function show(tone: 'calm' | 'good' | 'bad', text: string, value = ''): void {
  status.className = tone;
  status.replaceChildren(...(textFor(text) ?? []));
  for (const place of status.querySelectorAll('data')) place.textContent = value;
  render();
}

function keep(next: Login | null): void {
  login = next;
  sessionStorage.setItem('login', JSON.stringify(next));
}

/** Does one thing at a time, and says how it went. */
async function act(work: () => Say | Promise<Say>): Promise<void> {
  if (busy) return;
  busy = true;
  show('calm', 'wait');
  try {
    const say = await work();
    busy = false;
    show('good', ...say);
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem(500);
    if (problem !== error) console.error(error);
    if (problem.status === 401) keep(null);
    busy = false;
    show('bad', explain(problem));
  }
}

function explain({ code, status }: Problem): string {
  if (code !== undefined && textFor(code)) return code;
  if (status === 0) return 'offline';
  if (status === 429) return 'TOO_MANY_LOGINS';
  return status >= 500 ? 'ours' : 'other';
}

/** Goes to WeChat, with a state that only this tab knows. */
async function start(): Promise<Say> {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const state = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  sessionStorage.setItem('state', state);
  const { url } = (await call('GET', `/api/auth/wechat?state=${state}`)) as { url: string };
  location.assign(url);
  // Busy until the browser has left; but the visitor may stop it on its way, which nothing tells.
  return await new Promise((resolve) => setTimeout(resolve, 10_000, ['welcome']));
}

/** Comes back from WeChat. Without the state of this tab, the code may be of somebody else's login: nothing is sent. */
async function finish(code: string | null, state: string | null): Promise<Say> {
  const expected = sessionStorage.getItem('state');
  sessionStorage.removeItem('state');
  if (state === null || state !== expected) throw new Problem(403, 'ERR_WECHAT_WRONG_STATE');
  if (code === null || code === 'authdeny') throw new Problem(401, 'ERR_WECHAT_LOGIN_REFUSED');
  const { token, user } = (await call('POST', '/api/auth/wechat', null, { code, state })) as Omit<Login, 'end'>;
  keep({ token, user, end: Date.now() + lifetimeOf(token) });
  return ['loggedIn'];
}

const actions: Record<string, () => Say | Promise<Say>> = {
  login: start,
  me: async () => {
    const { user } = (await call('GET', '/api/me', login)) as { user: User };
    if (login) keep({ ...login, user });
    return ['known', user.openid];
  },
  refresh: async () => {
    const { expiresIn } = (await call('POST', '/api/wechat/refresh', login)) as { expiresIn: number };
    return ['refreshed', String(Math.round(expiresIn / 60))];
  },
  validate: async () => {
    const { valid } = (await call('GET', '/api/wechat/validate', login)) as { valid: boolean };
    if (!valid) throw new Problem(200, 'invalid');
    return ['valid'];
  },
  logout: () => {
    keep(null);
    return ['loggedOut'];
  },
};

function countDown(): void {
  if (!login) return;
  const left = Math.ceil((login.end - Date.now()) / 1000);
  const [minutes, seconds] = [Math.floor(left / 60) % 60, left % 60].map((part) => String(part).padStart(2, '0'));
  life.textContent = `${Math.floor(left / 3600)}:${minutes}:${seconds}`;
  if (left > 0) return;
  keep(null);
  show('bad', 'UNAUTHORIZED');
}

function speak(language: string): void {
  document.documentElement.lang = /^zh\b/i.test(language) ? 'zh-CN' : 'en';
}

for (const button of document.querySelectorAll<HTMLElement>('[data-action]')) {
  const action = actions[button.dataset['action'] ?? ''];
  if (action) button.addEventListener('click', () => void act(action));
}
find('#language', HTMLButtonElement).addEventListener('click', () => {
  speak(document.documentElement.lang === 'en' ? 'zh-CN' : 'en');
  sessionStorage.setItem('language', document.documentElement.lang);
  render();
});
avatar.addEventListener('load', () => {
  avatar.hidden = false;
});
// The way back from WeChat may show the page as it was left: busy.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

speak(sessionStorage.getItem('language') ?? navigator.language);
const query = new URLSearchParams(location.search);
// Before anything is sent, so that no reload and no way back sends the code again.
history.replaceState(null, '', '/');
if (query.has('code') || query.has('state')) void act(() => finish(query.get('code'), query.get('state')));
else if (login) show('good', 'loggedIn');
else show('calm', 'welcome');
setInterval(countDown, 1000);
