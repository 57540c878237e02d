import { createHash } from 'node:crypto';

/** Text that is HTML already. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = string | Markup | readonly Markup[];

/** HTML with its values escaped, as names, addresses and states come from strangers. Only what is markup already stays as it is. */
export function markup(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const texts = values.map((value) =>
    typeof value === 'string'
      ? escape(value)
      : [value]
          .flat()
          .map(({ text }) => text)
          .join(''),
  );
  return new Markup(String.raw({ raw: strings }, ...texts));
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

const style = new Markup(
  `:root{color-scheme:light dark;--page:#ededed;--sheet:#fff;--field:#fff;--text:#191919;--soft:#5c5c5c;--line:#d5d5d5;--bad:#b3261e;--good:#067a3d}
@media(prefers-color-scheme:dark){:root{--page:#111;--sheet:#1e1e1e;--field:#111;--text:#ededed;--soft:#aaa;--line:#3a3a3a;--bad:#ff8a80;--good:#5fd38d}}
body{margin:0;background:var(--page);color:var(--text);font:17px/1.5 system-ui,sans-serif}
main{box-sizing:border-box;max-width:26rem;min-height:100vh;margin:auto;padding:1.5rem;background:var(--sheet)}
h1{font-size:1.25rem}h2{font-size:1rem}p,label,summary{color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
a,button{display:block;box-sizing:border-box;width:100%;margin:.6rem 0;padding:.75rem;border:0;border-radius:.5rem;
background:#067a3d;color:#fff;font:inherit;text-align:center;text-decoration:none;overflow-wrap:anywhere;cursor:pointer}
a.refuse{background:var(--page);color:var(--bad)}:focus-visible{outline:3px solid var(--text);outline-offset:2px}
input,select{display:block;box-sizing:border-box;width:100%;margin:.25rem 0 .75rem;padding:.5rem;
border:1px solid var(--line);border-radius:.35rem;background:var(--field);color:var(--text);font:inherit}
input[type=checkbox]{display:inline;width:auto;margin:0 .4rem 0 0}
main.wide{max-width:76rem;font-size:15px}main.wide h2{margin:0 0 .5rem;font-size:1.05rem}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:0 1.5rem;align-items:start}
section{min-width:0;margin:0 0 1.5rem;padding:1rem;border:1px solid var(--line);border-radius:.5rem}
h3{margin:1rem 0 0;font-size:1rem}h3:first-of-type{margin-top:0}section p{margin:.25rem 0 .5rem}
.row{display:flex;flex-wrap:wrap;gap:0 .75rem;align-items:end}.row label{flex:1 1 9rem}.row button{flex:1 1 9rem;margin:0 0 .75rem}
main.wide button{padding:.5rem .75rem}td button{width:auto;margin:0;background:var(--soft);color:var(--sheet)}
.scroll{margin:0 0 .75rem;overflow-x:auto}table{width:100%;border-collapse:collapse;font-size:.9rem}
th,td{padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}th{color:var(--soft);font-weight:normal}
code{user-select:all}.good{color:var(--good)}.bad{color:var(--bad)}.soft{color:var(--soft)}`,
);

/** The headers of every page: no script, no picture, no frame, no other site, nothing kept. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style.text).digest('base64')}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

/** A whole page. A wide one takes the width of a desktop. */
export function page(title: string, content: Markup, width: 'narrow' | 'wide' = 'narrow'): Buffer {
  const document = markup`<!doctype html>
<html lang="zh-CN">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title><style>${style}</style></head>
<body><main class="${width}"><h1>${title}</h1>${content}<p>模拟微信，仅供开发测试。This is a simulator for development, not WeChat.</p></main></body>
</html>
`;
  return Buffer.from(document.text);
}
