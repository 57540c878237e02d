import { readFileSync } from 'node:fs';

const html = readFileSync(new URL('../../public/index.html', import.meta.url), 'utf8');

/** What the page says, read from its own texts, and what its buttons are named. */
export interface Texts {
  readonly lang: string;
  readonly title: string;
  readonly login: string;
  readonly again: string;
  readonly me: string;
  readonly refresh: string;
  readonly validate: string;
  readonly logout: string;
  readonly otherLanguage: string;
  /** The text for this. An example of a value stands where the page puts one. */
  say(name: string, value?: string): string;
}

function say(lang: string, name: string, value = ''): string {
  const text = new RegExp(`<p data-for="(?:[^"]* )?${name}(?: [^"]*)?">(.*?)</p>`, 's').exec(html)?.[1] ?? '';
  const inLanguage = new RegExp(`<span lang="${lang}"\\s*>(.*?)</span`, 's').exec(text)?.[1];
  if (inLanguage === undefined) throw new Error(`The page has no text for ${name} in ${lang}`);
  const plain = inLanguage.replace('<data></data>', value).replaceAll(/<[^>]*>/g, '');
  return plain.replaceAll(/\s+/g, ' ').trim();
}

export const zh: Texts = {
  lang: 'zh-CN',
  title: '欢迎',
  login: '微信登录',
  again: '重新登录',
  me: '我的账号',
  refresh: '刷新微信令牌',
  validate: '检查微信令牌',
  logout: '退出登录',
  otherLanguage: 'English',
  say: (name, value) => say('zh-CN', name, value),
};

export const en: Texts = {
  lang: 'en',
  title: 'Welcome',
  login: 'Log in with WeChat',
  again: 'Start again',
  me: 'My account',
  refresh: 'Refresh the WeChat token',
  validate: 'Check the WeChat token',
  logout: 'Log out',
  otherLanguage: '中文',
  say: (name, value) => say('en', name, value),
};
