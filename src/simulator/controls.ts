import type { IncomingMessage } from 'node:http';
import type { AuthorizeProblem } from './authorize.js';
import type { Fault } from './faults.js';
import type { Scope } from './options.js';
import { errorPage } from './pages.js';
import type { Reply } from './reply.js';
import type { Endpoint } from './rules.js';
import type { Simulation } from './server.js';
import { startPage, startPageHeaders } from './start-page.js';

const loopbackNames = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/;
const shownCodes = 20;
const shownCalls = 50;
const maxFormLength = 10_000;

/**
 * The reply to a request for the start page or from one of its forms; undefined for what there is not.
 * Rejects when the client goes away in the middle of a form.
 *
 * @param path - the address without its query.
 * @param onLoopback - whether only this machine reaches the simulator.
 */
export async function replyOfStartPage(
  request: IncomingMessage,
  path: string,
  onLoopback: boolean,
  simulation: Simulation,
): Promise<Reply | undefined> {
  const { method = '' } = request;
  if (!((method === 'GET' && path === '/') || (method === 'POST' && Object.hasOwn(actions, path)))) return undefined;
  const forbidden = whyForbidden(request, onLoopback);
  if (forbidden) return { status: 403, headers: startPageHeaders, body: errorPage(forbidden) };
  const action = actions[path];
  if (!action) return { status: 200, headers: startPageHeaders, body: startPage(overviewOf(simulation)) };
  try {
    const location = action(await readForm(request), simulation);
    return { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' }, body: Buffer.alloc(0) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const body = errorPage({ zh: '这个表单不对', en: error.message });
    return { status: 400, headers: startPageHeaders, body };
  }
}

/** What each form does, and where the browser goes then. They throw a TypeError for a wrong form. */
const actions: Readonly<Record<string, (form: URLSearchParams, simulation: Simulation) => string>> = {
  '/simulator/codes': (form, { createCode }) => {
    const [appId = '', user = '', scope] = ['appId', 'user', 'scope'].map((name) => form.get(name) ?? undefined);
    createCode({ appId, user, ...(scope !== undefined && { scope: scope as Scope }) });
    return '/#codes';
  },
  '/simulator/faults/on': (form, { faults }) => {
    faults.add((form.get('endpoint') ?? '') as Endpoint | 'any', faultOf(form), numberOf(form, 'times') ?? Infinity);
    return '/#faults';
  },
  '/simulator/faults/off': (form, { faults }) => {
    faults.remove(numberOf(form, 'id') ?? 0);
    return '/#faults';
  },
};

/** FaultQueue checks what is in it. */
function faultOf(form: URLSearchParams): Fault {
  const [kind = '', value] = (form.get('fault') ?? '').split(' ');
  const delay = numberOf(form, 'delay');
  const fault: object = {
    ...(kind === 'errcode' && { errcode: value === undefined ? (numberOf(form, 'errcode') ?? NaN) : Number(value) }),
    ...(kind === 'status' && { status: Number(value) }),
    ...((kind === 'connection' || kind === 'answer') && { [kind]: value }),
    ...(form.has('processed') && { processed: true }),
    ...((kind === 'delay' || delay !== undefined) && { delay: delay ?? NaN }),
  };
  return fault as Fault;
}

function numberOf(form: URLSearchParams, name: string): number | undefined {
  const text = form.get(name) ?? '';
  return text === '' ? undefined : Number(text);
}

function overviewOf({ apps, users, rules, faults, calls }: Simulation): Parameters<typeof startPage>[0] {
  const latest = calls.slice(-shownCalls).reverse();
  return {
    apps,
    users,
    codes: rules.listCodes().slice(0, shownCodes),
    faults: faults.list(),
    calls: latest.map((call) => ({ ...call, user: rules.findUser(call) })),
  };
}

/** Keeps other websites from reading the page (by DNS rebinding) and from sending its forms (CSRF). */
function whyForbidden({ method, headers }: IncomingMessage, onLoopback: boolean): AuthorizeProblem | undefined {
  const here = urlOf(`http://${headers.host ?? ''}`);
  if (onLoopback && !loopbackNames.test(here?.hostname ?? '')) {
    return {
      zh: '请用 localhost 打开本页',
      en: 'open this page at localhost: the simulator listens to this machine only',
    };
  }
  if (method === 'POST' && (!here || urlOf(headers.origin ?? '')?.host !== here.host)) {
    return { zh: '表单不是来自本页', en: 'the form was not sent from the start page of this simulator' };
  }
  return undefined;
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) {
    body += String(chunk);
    if (body.length > maxFormLength) throw new TypeError('the form is too long');
  }
  return new URLSearchParams(body);
}
