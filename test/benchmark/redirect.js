/**
 * Preloaded into everything that is measured: connections to WeChat go to the mock, whose port is in `MOCK_PORT`, and no
 * other address can be reached. It costs something once for each connection, and nothing for a request.
 */
import net from 'node:net';
import process from 'node:process';

const { connect } = net.Socket.prototype;
const mock = { host: '127.0.0.1', port: Number(process.env['MOCK_PORT']) };

/** @param {any} options */
function redirected(options) {
  if (options.host !== 'api.weixin.qq.com' || Number(options.port) !== 443) {
    throw new Error(`Nothing but the mock may be reached, and not ${options.host}:${options.port}`);
  }
  return { ...options, ...mock };
}

net.Socket.prototype.connect = function (/** @type {any[]} */ ...args) {
  // Either the options, or what Node.js has made of the arguments: an array that it marks, so it has to stay the same.
  if (Array.isArray(args[0])) args[0][0] = redirected(args[0][0]);
  else args[0] = redirected(args[0]);
  return Reflect.apply(connect, this, args);
};
