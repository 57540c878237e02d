import { STATUS_CODES } from 'node:http';
import type { AnswerFault, StatusFault } from './faults.js';
import type { Answer, WeChatRules } from './rules.js';

/** What goes over the wire; with `cut` the connection ends after half the body. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly cut?: true;
}

/** The bytes of an answer, as WeChat writes JSON: slashes escaped, everything else raw UTF-8, no charset. */
export function write(fields: Answer['fields']): Reply {
  const json = JSON.stringify(fields).replaceAll('/', String.raw`\/`);
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: Buffer.from(json) };
}

/** A gateway's answer. */
export function writeGateway({ status, headers, body }: StatusFault): Reply {
  const title = `${String(status)} ${STATUS_CODES[status] ?? 'Unknown'}`;
  const page = `<html><head><title>${title}</title></head><body><center><h1>${title}</h1></center></body></html>`;
  return { status, headers: { 'Content-Type': 'text/html', ...headers }, body: Buffer.from(body ?? page) };
}

/** An answer, spoilt on its way. */
export function spoil(kind: AnswerFault['answer'], answer: Answer, rules: WeChatRules): Reply {
  const reply = write(answer.fields);
  const half = reply.body.subarray(0, reply.body.length / 2);
  switch (kind) {
    case 'html':
      return writeGateway({ status: 200 });
    case 'empty':
      return { ...reply, body: Buffer.alloc(0) };
    case 'malformed':
      return { ...reply, body: half };
    case 'cut':
      return { ...reply, cut: true };
    case 'control-characters':
      return { ...reply, body: inNickname(reply.body, Buffer.from('\u0014\u0007\b\n')) };
    case 'invalid-utf8':
      return { ...reply, body: inNickname(reply.body, Buffer.from([0xed, 0xa0, 0xbd])) };
    case 'another-openid':
      return answer.errcode === 0 ? write({ ...answer.fields, openid: rules.anotherOpenid(answer) }) : reply;
  }
}

function inNickname(body: Buffer, bytes: Buffer): Buffer {
  const key = '"nickname":"';
  const start = body.indexOf(key);
  if (start === -1) return body;
  const at = start + key.length;
  return Buffer.concat([body.subarray(0, at), bytes, body.subarray(at)]);
}
