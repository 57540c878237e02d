const zh = {
  lang: 'zh-CN',
  otherLang: 'en',
  otherLanguage: 'English',
  welcome: '用微信账号登录，\n无需注册，也不用记密码。',
  login: '微信登录',
  again: '重新登录',
  nameless: '微信用户',
  wait: '请稍候……',
  loggedIn: '你已登录。',
  loggedOut: '你已退出登录。',
  known: (openid: string) => `服务认得你，你的编号是\n${openid}`,
  refreshed: (minutes: number) => `微信给了新的令牌，${minutes} 分钟内有效。`,
  valid: '微信令牌有效。',
  labels: {
    title: '欢迎',
    note: '登录后，本服务会得到你的微信昵称、头像和一个仅用于本服务的编号。',
    life: '登录剩余有效期',
    me: '我的账号',
    refresh: '刷新微信令牌',
    validate: '检查微信令牌',
    logout: '退出登录',
  },
  problems: {
    invalid: '微信令牌已失效，请刷新令牌。',
    refused: '你在微信里拒绝了登录。如果改变主意，请重新登录。',
    used: '这次授权已经用过了，每次授权只能用一次。请重新登录。',
    outdated: '微信不再接受这次授权，可能已过期。请重新登录。',
    foreign: '这次登录不是在此窗口发起的，或者已经用过了。请重新登录。',
    lost: '微信的答复在路上丢失了。请重新登录。',
    blocked: '微信暂时不允许这个账号登录。请稍后再试，或换一个账号。',
    snapshot: '你正在用微信的快照页浏览。请点“使用完整服务”，再重新登录。',
    busy: '微信现在很忙。请过一分钟再试。',
    silent: '微信没有给出有效的答复。请稍后再试。',
    setup: '本服务与微信的连接没有设置好。请告诉管理员，修好之后再试。',
    ended: '登录已过期。请重新登录。',
    tooMany: '登录太频繁了。请过一分钟再试。',
    offline: '连不上服务。请检查网络，再试一次。',
    ours: '服务出了点问题。请稍后再试。',
    other: '没有成功。请重新登录。',
  },
};

const en: typeof zh = {
  lang: 'en',
  otherLang: 'zh-CN',
  otherLanguage: '中文',
  welcome: 'Continue with your WeChat account.\nNothing to sign up for, no password.',
  login: 'Log in with WeChat',
  again: 'Start again',
  nameless: 'WeChat user',
  wait: 'One moment…',
  loggedIn: 'You are logged in.',
  loggedOut: 'You are logged out.',
  known: (openid: string) => `The service knows you as\n${openid}`,
  refreshed: (minutes: number) => `WeChat gave a new token, good for ${minutes} minutes.`,
  valid: 'The WeChat token works.',
  labels: {
    title: 'Welcome',
    note: 'This service will get your WeChat nickname, your avatar and an id that is only for this service.',
    life: 'This login lasts another',
    me: 'My account',
    refresh: 'Refresh the WeChat token',
    validate: 'Check the WeChat token',
    logout: 'Log out',
  },
  problems: {
    invalid: 'The WeChat token no longer works: refresh it.',
    refused: 'You refused the login in WeChat. If you change your mind, start again.',
    used: 'This permission was used already, and each is good only once. Please start again.',
    outdated: 'WeChat no longer accepts this permission; it may have expired. Please start again.',
    foreign: 'This login did not start in this window, or was used already. Please start again.',
    lost: 'The answer of WeChat was lost on its way. Please start again.',
    blocked: 'WeChat does not let this account log in at the moment. Try again later, or with another account.',
    snapshot: 'This is a preview page of WeChat. Tap “Use full service” (使用完整服务), then start again.',
    busy: 'WeChat is very busy. Please try again in a minute.',
    silent: 'WeChat gave no useful answer. Please try again in a moment.',
    setup: 'This service is not set up right with WeChat. Please tell its operator, and try again once that is done.',
    ended: 'Your login has ended. Please start again.',
    tooMany: 'These were too many logins. Please try again in a minute.',
    offline: 'The service cannot be reached. Check your connection, then try again.',
    ours: 'The service has a problem. Please try again in a moment.',
    other: 'That did not work. Please start again.',
  },
};

export type Texts = typeof zh;
export type Language = 'zh' | 'en';
export const texts: Record<Language, Texts> = { zh, en };

const causes: Partial<Record<string, keyof Texts['problems']>> = {
  ERR_WECHAT_LOGIN_REFUSED: 'refused',
  ERR_WECHAT_CODE_USED: 'used',
  ERR_WECHAT_INVALID_CODE: 'outdated',
  ERR_WECHAT_WRONG_STATE: 'foreign',
  ERR_WECHAT_LOGIN_LOST: 'lost',
  ERR_WECHAT_USER_BLOCKED: 'blocked',
  ERR_WECHAT_SNAPSHOT_USER: 'snapshot',
  ERR_WECHAT_RATE_LIMITED: 'busy',
  ERR_WECHAT_BUSY: 'busy',
  ERR_WECHAT_TIMEOUT: 'silent',
  ERR_WECHAT_NETWORK: 'silent',
  ERR_WECHAT_RESPONSE: 'silent',
  ERR_WECHAT_CONFIG: 'setup',
  ERR_WECHAT_PERMISSION_DENIED: 'setup',
  ERR_WECHAT_REFRESH_TOKEN_EXPIRED: 'ended',
  UNAUTHORIZED: 'ended',
  TOO_MANY_LOGINS: 'tooMany',
  INVALID_TOKEN: 'invalid',
};

/** What went wrong, for people. A status of 0 means that there was no answer. */
export function explain({ problems }: Texts, code: string | undefined, status: number): string {
  const cause = causes[code ?? ''];
  if (cause) return problems[cause];
  if (status === 0) return problems.offline;
  if (status === 429) return problems.tooMany;
  return status >= 500 ? problems.ours : problems.other;
}
