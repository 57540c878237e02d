// Run by trust/secrecy.test.ts: a program that does not handle its failures, for what Node.js prints of them.
import process from 'node:process';

import { WeChatClient } from '../../src/index.js';
import { appId, openid } from './calls.js';
import { canaries } from './canaries.js';
import { transports } from './transports.js';

const { appSecret, code, accessToken, refreshToken } = canaries;
const order = JSON.parse(process.argv[2] ?? '') as {
  transport: string;
  how: 'warnings' | 'rejection' | 'exception' | 'control';
  baseUrl: string;
  row: number;
  rows: number;
};

function clientOf(row: number): WeChatClient {
  const http = transports.find(({ name }) => name === order.transport)?.http();
  const options = { ...http, baseUrl: order.baseUrl + String(row), retryDelay: 1, timeout: 600, maxRetries: 1 };
  return new WeChatClient({ appId, appSecret, http: options });
}

switch (order.how) {
  case 'warnings':
    for (let row = 0; row < order.rows; row += 1) {
      void clientOf(row).exchangeCode(code);
      void clientOf(row).getUserInfo(accessToken, openid);
      void clientOf(row).refreshToken(refreshToken);
    }
    break;
  case 'rejection':
    void clientOf(order.row).exchangeCode(code);
    break;
  case 'exception':
    clientOf(order.row)
      .exchangeCode(code)
      .catch((error: unknown) =>
        setImmediate(() => {
          throw error;
        }),
      );
    break;
  case 'control':
    void Promise.reject(Object.assign(new Error(code), { accessToken }));
}
