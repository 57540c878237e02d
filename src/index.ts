/**
 * WeChat login for back ends: a Passport strategy, and the stateless client under it.
 *
 * @module passport-wechat-code
 */

export { exposeTokens, type ExposedTokens, type TokenResponse, type UserInfo, type WeChatSession } from './answer.js';
export {
  type AuthorizeUrlOptions,
  createAuthorizeUrl,
  createState,
  type OfficialAccountAuthorizeOptions,
  type WebsiteAuthorizeOptions,
} from './authorize.js';
export { type CallOptions, type Lang, type UserInfoOptions, WeChatClient, type WeChatClientOptions } from './client.js';
export {
  type Endpoint,
  type Sent,
  WeChatApiError,
  type WeChatApiErrorCode,
  WeChatError,
  type WeChatErrorCode,
  WeChatNetworkError,
  type WeChatNetworkErrorCode,
  WeChatResponseError,
} from './errors.js';
export type { Agents } from './got.js';
export type { HttpOptions } from './http-options.js';
export type {
  AppOptions,
  ClientOptions,
  CommonLoginOptions,
  LoginClient,
  LoginFailure,
  LoginFailureCode,
} from './login.js';
export type { LoginRequest } from './login-request.js';
export {
  type SessionClient,
  type VerifySession,
  type VerifySessionWithRequest,
  WeChatMiniProgramStrategy,
  type WeChatMiniProgramStrategyOptions,
} from './mini-program-strategy.js';
export {
  AccessToken,
  AppId,
  AppSecret,
  AuthorizationCode,
  OpenId,
  type PlainString,
  RefreshToken,
  SessionKey,
  UnionId,
} from './newtypes.js';
export type { WeChatProfile } from './profile.js';
export {
  type LoginOptions,
  type Verify,
  type VerifyWithRequest,
  WeChatCodeStrategy,
  type WeChatCodeStrategyOptions,
} from './strategy.js';
export { type WeChatCall, wechatCallChannel } from './tracing.js';
export type { Transport, TransportAnswer, TransportFailure, TransportRequest } from './transport.js';
export type { Done } from './verify.js';
