/**
 * The mock of WeChat, in a process of its own: it answers every login with the same user. It talks raw TLS, so that it
 * costs far less than any client. It sends its port when it listens, and for every message `{ handshakes, open }`: how many
 * connections there have been and are now. A message is how many ms each further answer takes.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import tls from 'node:tls';

const read = (/** @type {string} */ name) => readFileSync(new URL(name, import.meta.url));
const tokens = answer({
  access_token: '55_kNfOEyMlACCESS_TOKEN-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
  expires_in: 7200,
  refresh_token: '55_QnWpZbTrREFRESH_TOKEN-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
  openid: 'oLVPpjqs9BhvzwPj5A-vTYAX3GLc',
  scope: 'snsapi_userinfo',
  unionid: 'o6_bmasdasdsad6_2sgVt7hMZOPfL',
});
const userInfo = answer({
  openid: 'oLVPpjqs9BhvzwPj5A-vTYAX3GLc',
  nickname: '爱丽丝😀',
  sex: 0,
  language: '',
  city: '',
  province: '',
  country: '',
  headimgurl: 'https://thirdwx.qlogo.cn/mmopen/vi_32/Q0j4TwGTfTIicD6rHxtE/132',
  privilege: [],
  unionid: 'o6_bmasdasdsad6_2sgVt7hMZOPfL',
});

/** @param {object} body */
function answer(body) {
  const bytes = Buffer.from(JSON.stringify(body));
  const head = `HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

let handshakes = 0;
let open = 0;
let latency = 0;

const server = tls.createServer({ cert: read('cert.pem'), key: read('key.pem') }, (socket) => {
  handshakes += 1;
  open += 1;
  socket.on('close', () => (open -= 1));
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = text.slice(0, end);
    const length = head.startsWith('POST') ? Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0) : 0;
    if (text.length < end + 4 + length) return;
    text = '';
    const reply = head.slice(0, 40).includes('/sns/userinfo') ? userInfo : tokens;
    const close = /^connection: *close/im.test(head);
    const send = () => (close ? socket.end(reply) : socket.write(reply));
    if (latency > 0) setTimeout(send, latency);
    else send();
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(typeof address === 'object' ? address?.port : undefined);
});
process.on('message', (message) => {
  latency = Number(message);
  process.send?.({ handshakes, open });
});
process.on('disconnect', () => process.exit());
