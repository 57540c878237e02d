import { createHash } from 'node:crypto';

import { seed } from './seed.js';

const letters = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789');
const odd = [...letters.slice(0, 16), ...Array.from('+/ &=%?#\'"\\<>:;@$,!()*~é微😀')];

/** A secret that can be told by any eight of its characters, and that encodings change in its middle. */
function makeCanary(name: string): string {
  const bytes = createHash('sha512')
    .update(`${String(seed)} ${name}`)
    .digest();
  const text = (characters: string[], from: number, to: number): string =>
    Array.from(bytes.subarray(from, to), (byte) => characters[byte % characters.length]).join('');
  return text(letters, 0, 20) + text(odd, 20, 36) + text(letters, 36, 56);
}

/** The secrets of this run: others in each. */
export const canaries = {
  appSecret: makeCanary('appSecret'),
  code: makeCanary('code'),
  accessToken: makeCanary('accessToken'),
  refreshToken: makeCanary('refreshToken'),
  sessionKey: makeCanary('sessionKey'),
};

/** So many characters of a canary are one too many. */
const PIECE = 8;
const pieces = new Map<string, string>();
for (const [name, whole] of Object.entries(canaries)) {
  for (let from = 0; from + PIECE <= whole.length; from += 1) pieces.set(whole.slice(from, from + PIECE), name);
}

/** Lines in which there was none. The same ones come again and again: those of stacks above all. */
const clean = new Set<string>();

/** The canaries of which a text shows eight characters in a row, however they are encoded. */
export function canariesIn(text: string): string[] {
  const found = new Set<string>();
  for (const line of text.split(/\n|\\n/)) {
    if (clean.has(line)) continue;
    const names = readings(line).flatMap(lookFor);
    for (const name of names) found.add(name);
    if (names.length === 0) clean.add(line);
  }
  return [...found];
}

function lookFor(text: string): string[] {
  const found = new Set<string>();
  for (let from = 0; from + PIECE <= text.length; from += 1) {
    const name = pieces.get(text.slice(from, from + PIECE));
    if (name !== undefined) found.add(name);
  }
  return [...found];
}

/** A text, and what it says when its encodings are undone. */
function readings(text: string): string[] {
  const plain = undoEscapes(text);
  const texts = [text, plain, plain.replaceAll('+', ' '), undoPercent(text), undoPercent(text.replaceAll('+', ' '))];
  const packed = [...undoBase64(text), ...undoHex(text)].join('\n');
  return [...new Set([...texts, undoPercent(plain), packed, undoEscapes(packed), undoPercent(packed)])];
}

function undoPercent(text: string): string {
  return text.replace(/(?:%[\da-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString());
}

/** Those of JSON, JavaScript and HTML. */
function undoEscapes(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text
    .replace(
      /&(?:#x([\da-f]{1,4})|#(\d{1,5})|(amp|lt|gt|quot|apos));/gi,
      (all, hex?: string, decimal?: string, name?: string) => {
        if (name !== undefined) return named[name.toLowerCase()] ?? all;
        return String.fromCharCode(hex === undefined ? Number(decimal) : parseInt(hex, 16));
      },
    )
    .replace(
      /\\(?:u([\da-f]{4})|x([\da-f]{2})|(["'\\/`]))/gi,
      (_all, four?: string, two?: string, quoted?: string) =>
        quoted ?? String.fromCharCode(parseInt(four ?? two ?? '', 16)),
    );
}

/** What the runs of Base64 in a text hold, wherever their groups of four begin. */
function undoBase64(text: string): string[] {
  return [...text.matchAll(/[\w+/-]{11,}/g)].flatMap(([run]) =>
    [0, 1, 2, 3].map((offset) => Buffer.from(run.slice(offset), 'base64').toString()),
  );
}

function undoHex(text: string): string[] {
  return [...text.matchAll(/[\da-f]{16,}/gi)].flatMap(([run]) =>
    [0, 1].map((offset) => Buffer.from(run.slice(offset), 'hex').toString()),
  );
}
