/**
 * WeChat's login on a local port, for tests and demos.
 *
 * @module passport-wechat-code/simulator
 */

export { startWeChatSimulator } from './simulator.js';
export type { AuthorizeUrlOptions, CreateCodeOptions, WeChatSimulator } from './simulator.js';
export type { Call } from './server.js';
export type { AppKind, NonEmpty, Scope, SimulatedApp, SimulatedUser, SimulatorOptions } from './options.js';
export type {
  AnswerFault,
  ConnectionFault,
  DelayFault,
  ErrcodeFault,
  Fault,
  LostAnswer,
  StatusFault,
} from './faults.js';
export type { Endpoint } from './rules.js';
