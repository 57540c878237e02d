import { call, lifetimeOf, type Login, Problem, type User } from './service.js';
import { explain, type Language, type Texts, texts } from './texts.js';

/** Something to say, in the language of the moment. */
type Say = (text: Texts) => string;

const main = find('main', HTMLElement);
const status = find('#status', HTMLElement);
const nameHeading = find('#name', HTMLElement);
const initialLetter = find('#initial', HTMLElement);
const avatar = find('#avatar', HTMLImageElement);
const life = find('#life', HTMLElement);
const loginButton = find('#login', HTMLButtonElement);
const languageButton = find('#language', HTMLButtonElement);

// What is kept is kept for this tab, and gone with it. A script could read it, but the CSP lets in none but this one.
let login = JSON.parse(sessionStorage.getItem('login') ?? 'null') as Login | null;
let language: Language = /^zh\b/i.test(sessionStorage.getItem('language') ?? navigator.language) ? 'zh' : 'en';
let message: Say;
let busy = false;

function find<Kind extends HTMLElement>(selector: string, kind: new () => Kind): Kind {
  const found = document.querySelector(selector);
  if (found instanceof kind) return found;
  throw new Error(`The page has no ${selector}`);
}

function render(): void {
  const text = texts[language];
  document.documentElement.lang = text.lang;
  languageButton.lang = text.otherLang;
  languageButton.textContent = text.otherLanguage;
  for (const part of document.querySelectorAll<HTMLElement>('[data-label]')) {
    part.textContent = text.labels[part.dataset['label'] as keyof Texts['labels']];
  }
  status.textContent = message(text);
  loginButton.textContent = status.className === 'bad' ? text.again : text.login;

  // Anybody can have any name and avatar: they are only ever text, and the address of a picture.
  const nickname = login?.user.nickname.trim() ?? '';
  const name = nickname === '' ? text.nameless : nickname;
  [initialLetter.textContent = ''] = name;
  nameHeading.textContent = name;
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
  countDown();
}

function show(tone: 'calm' | 'good' | 'bad', say: Say): void {
  status.className = tone;
  message = say;
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
  show('calm', ({ wait }) => wait);
  try {
    const say = await work();
    busy = false;
    show('good', say);
  } catch (error) {
    const problem = error instanceof Problem ? error : new Problem(500);
    if (problem !== error) console.error(error);
    if (problem.status === 401) keep(null);
    busy = false;
    show('bad', (text) => explain(text, problem.code, problem.status));
  }
}

/** Goes to WeChat, with a state that only this tab knows. */
async function start(): Promise<Say> {
  const state = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0'));
  sessionStorage.setItem('state', state.join(''));
  const { url } = (await call('GET', `/api/auth/wechat?state=${state.join('')}`)) as { url: string };
  location.assign(url);
  return await new Promise<never>(() => undefined); // busy until the browser has left
}

/** Comes back from WeChat. Without the state of this tab, the code may be of somebody else's login: nothing is sent. */
async function finish(code: string | null, state: string | null): Promise<Say> {
  const expected = sessionStorage.getItem('state');
  sessionStorage.removeItem('state');
  if (state === null || state !== expected) throw new Problem(403, 'ERR_WECHAT_WRONG_STATE');
  if (code === null || code === 'authdeny') throw new Problem(401, 'ERR_WECHAT_LOGIN_REFUSED');
  const { token, user } = (await call('POST', '/api/auth/wechat', null, { code, state })) as Omit<Login, 'end'>;
  keep({ token, user, end: Date.now() + lifetimeOf(token) });
  return ({ loggedIn }) => loggedIn;
}

const actions: Record<string, () => Say | Promise<Say>> = {
  login: start,
  me: async () => {
    const { user } = (await call('GET', '/api/me', login)) as { user: User };
    if (login) keep({ ...login, user });
    return ({ known }) => known(user.openid);
  },
  refresh: async () => {
    const { expiresIn } = (await call('POST', '/api/wechat/refresh', login)) as { expiresIn: number };
    return ({ refreshed }) => refreshed(Math.round(expiresIn / 60));
  },
  validate: async () => {
    const { valid } = (await call('GET', '/api/wechat/validate', login)) as { valid: boolean };
    if (!valid) throw new Problem(200, 'INVALID_TOKEN');
    return (text) => text.valid;
  },
  logout: () => {
    keep(null);
    return ({ loggedOut }) => loggedOut;
  },
};

function countDown(): void {
  if (!login) return;
  const left = Math.ceil((login.end - Date.now()) / 1000);
  const [minutes, seconds] = [Math.floor(left / 60) % 60, left % 60].map((part) => String(part).padStart(2, '0'));
  life.textContent = `${Math.floor(left / 3600)}:${minutes}:${seconds}`;
  if (left > 0) return;
  keep(null);
  show('bad', (text) => explain(text, 'UNAUTHORIZED', 401));
}

for (const button of document.querySelectorAll<HTMLElement>('[data-action]')) {
  const action = actions[button.dataset['action'] ?? ''];
  if (action) button.addEventListener('click', () => void act(action));
}
languageButton.addEventListener('click', () => {
  language = language === 'zh' ? 'en' : 'zh';
  sessionStorage.setItem('language', language);
  render();
});
avatar.addEventListener('load', () => {
  avatar.hidden = false;
});
// The way back from WeChat may show the page as it was left: busy.
addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});

const query = new URLSearchParams(location.search);
// Before anything is sent, so that no reload and no way back sends the code again.
history.replaceState(null, '', location.pathname);
if (query.has('code') || query.has('state')) void act(() => finish(query.get('code'), query.get('state')));
else if (login) show('good', ({ loggedIn }) => loggedIn);
else show('calm', ({ welcome }) => welcome);
setInterval(countDown, 1000);
