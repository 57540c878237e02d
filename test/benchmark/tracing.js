/** Measures what the tracing channel costs a call, in a process of its own, and sends that. */
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import process from 'node:process';

import { wechatCallChannel, WeChatClient } from '../../dist/index.js';

/** @typedef {{ untraced: number, question: number, traced: number }} Tracing in µs */

const smoke = process.argv.includes('--smoke');
const calls = smoke ? 100 : 20_000;
const questions = smoke ? 10_000 : 20_000_000;

// The network would drown what is measured.
const body = new TextEncoder().encode('{"errcode":0,"errmsg":"ok"}');
const client = new WeChatClient({
  appId: 'wx0123456789abcdef',
  appSecret: '0123456789abcdef0123456789abcdef',
  http: { transport: () => Promise.resolve({ status: 200, body }) },
});

/** In µs, of one. @param {number} times @param {() => Promise<unknown>} act */
async function cpuOf(times, act) {
  const before = process.cpuUsage();
  await act();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

const makeCalls = () =>
  cpuOf(calls, async () => {
    for (let n = 0; n < calls; n += 1) await client.validateToken('ACCESS_TOKEN', 'OPENID');
  });

const channel = tracingChannel(wechatCallChannel);
let ended = 0;
const listener = () => void (ended += 1);
const name = `tracing:${wechatCallChannel}:asyncEnd`;

/** @type {number[]} */
const untraced = [];
/** @type {number[]} */
const traced = [];
/** @type {number[]} */
const question = [];
let yes = 0;
// By turns; the first turn only warms up.
for (let round = 0; round < (smoke ? 2 : 12); round += 1) {
  untraced.push(await makeCalls());
  subscribe(name, listener);
  traced.push(await makeCalls());
  unsubscribe(name, listener);
  question.push(
    await cpuOf(questions, async () => {
      for (let n = 0; n < questions; n += 1) if (channel.hasSubscribers) yes += 1;
    }),
  );
}
if (ended !== traced.length * calls || yes > 0) throw new Error('what was measured did not happen');

/** The middle without the first. @param {number[]} values */
const middle = (values) => values.slice(1).sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
process.send?.({ untraced: middle(untraced), question: middle(question), traced: middle(traced) });
process.on('disconnect', () => process.exit());
