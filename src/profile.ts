import type { TokenResponse, UserInfo, WeChatSession } from './answer.js';
import type { AppId, OpenId, UnionId } from './newtypes.js';

/**
 * Who logged in, in Passport's normal form. The key of an account is `appId` and `openid` together; `unionid` is a
 * second key that links accounts of several apps, never a substitute in the same column.
 *
 * @see https://www.passportjs.org/reference/normalized-profile/
 */
export interface WeChatProfile {
  /** Where the profile is from. */
  provider: 'wechat';
  /** The openid: always there, and never changing for one app. */
  id: OpenId;
  /** The nickname: any text at all. Absent without user info. */
  displayName?: string;
  /** The avatar, if there is one. Absent without user info. */
  photos?: {
    /** Its https address. It stops working when the user changes the avatar: keep a copy. */
    value: string;
  }[];
  /** The app that the user logged in to: the first half of the key of an account. */
  appId: AppId;
  /** The user's id in this app: the second half. */
  openid: OpenId;
  /** The user's id in all apps of your Open Platform account. Absent when WeChat gave none; it may come later. */
  unionid?: UnionId;
  /** WeChat's own fields, cleaned. Absent without user info. */
  _json?: UserInfo;
}

/** Makes the profile of the user that tokens or a session belong to. */
export function toProfile(
  appId: AppId,
  credentials: TokenResponse | WeChatSession,
  userInfo?: UserInfo,
): WeChatProfile {
  const { openid } = credentials;
  const unionid = credentials.unionid ?? userInfo?.unionid;
  return {
    provider: 'wechat',
    id: openid,
    ...(userInfo && {
      displayName: userInfo.nickname,
      photos: userInfo.headimgurl === '' ? [] : [{ value: userInfo.headimgurl }],
    }),
    appId,
    openid,
    ...(unionid !== undefined && { unionid }),
    ...(userInfo && { _json: userInfo }),
  };
}
