import { listen } from './app.js';

export const appId = 'wx0123456789abcdef';
export const appSecret = 'aaaaaaaa1111bbbb2222cccc3333dddd';

/** What WeChat answers to an exchange for an official account, as a rule. */
export const tokenAnswer = {
  access_token: 'ACCESS_TOKEN_55_kNfOEyMl',
  expires_in: 7200,
  refresh_token: 'REFRESH_TOKEN_55_QnWpZbTr',
  openid: 'oOpenId_of-Alice',
  scope: 'snsapi_userinfo',
  unionid: 'oUnionId_of-Alice',
};

export const userInfoAnswer = {
  openid: 'oOpenId_of-Alice',
  nickname: '爱丽丝😀',
  sex: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  headimgurl: 'https://thirdwx.qlogo.cn/mmopen/132',
  privilege: ['chinaunicom'],
  unionid: 'oUnionId_of-Alice',
};

/** What WeChat answers to the code of a mini program. */
export const sessionAnswer = {
  session_key: 'U0VTU0lPTl9LRVlfNTVfa04=',
  openid: 'oOpenId_of-Alice',
  unionid: 'oUnionId_of-Alice',
};

export interface CannedWeChat {
  readonly url: string;
  /** The addresses that were asked for, oldest first. They hold secrets. */
  readonly requests: readonly URL[];
}

/** A WeChat that gives the same answers to everybody, and shows what it was asked. */
export async function startCannedWeChat(
  answers: { tokens?: object; userInfo?: object; session?: object } = {},
): Promise<CannedWeChat> {
  const requests: URL[] = [];
  const url = await listen((request, response) => {
    const asked = new URL(request.url ?? '', 'http://127.0.0.1');
    requests.push(asked);
    const answer = {
      '/sns/oauth2/access_token': answers.tokens ?? tokenAnswer,
      '/sns/userinfo': answers.userInfo ?? userInfoAnswer,
      '/sns/jscode2session': answers.session ?? sessionAnswer,
    }[asked.pathname];
    response.setHeader('content-type', 'text/plain').end(JSON.stringify(answer));
  });
  return { url, requests };
}
