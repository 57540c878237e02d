import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { callbackUrl, checkAuthorizeRequest } from './authorize.js';
import { replyOfStartPage } from './controls.js';
import type { ConnectionFault, Fault, FaultQueue } from './faults.js';
import type { SimulatedApp, SimulatedUser } from './options.js';
import { pageHeaders } from './html.js';
import { consentPage, errorPage } from './pages.js';
import { spoil, write, writeGateway } from './reply.js';
import type { Reply } from './reply.js';
import type { Answer, Endpoint, WeChatRules } from './rules.js';
import type { WeChatSimulator } from './simulator.js';

/** A request that the simulator got. It never holds a secret, a code or a token, so it can be printed. */
export interface Call {
  /** Which of the calls of a back end it was. */
  readonly endpoint: Endpoint;
  /** When, by the simulator's clock. */
  readonly time: Date;
  /** What WeChat decided, 0 for success, even if the answer was lost; undefined when a fault came before WeChat. */
  readonly errcode: number | undefined;
  /** The app, if WeChat processed the request and knew it. */
  readonly appId: string | undefined;
  /** The person's openid at this app, if WeChat processed the request and knew it. */
  readonly openid: string | undefined;
}

/** Everything that requests are answered from. */
export interface Simulation {
  readonly apps: readonly SimulatedApp[];
  readonly users: readonly SimulatedUser[];
  readonly rules: WeChatRules;
  readonly faults: FaultQueue;
  readonly calls: Call[];
  readonly createCode: WeChatSimulator['createCode'];
  readonly now: () => number;
}

interface Reaction {
  readonly reply: Reply | ConnectionFault['connection'];
  readonly errcode: number | undefined;
  readonly answer: Answer | undefined;
}

const endpointsByPath: ReadonlyMap<string, Endpoint> = new Map([
  ['/sns/oauth2/access_token', 'access_token'],
  ['/sns/oauth2/refresh_token', 'refresh_token'],
  ['/sns/userinfo', 'userinfo'],
  ['/sns/auth', 'auth'],
  ['/sns/jscode2session', 'jscode2session'],
]);
const maxCalls = 10_000;

/** The HTTP server, not listening yet: every request gets a reply of the rules, of a page or of a fault. */
export function createWeChatServer(simulation: Simulation): Server {
  const server = createServer((request, response) => {
    const [path = '', ...rest] = (request.url ?? '').split('?');
    const query = new URLSearchParams(rest.join('?'));
    const endpoint = endpointsByPath.get(path);
    if (endpoint) {
      answerCall(simulation, endpoint, query, request, response);
    } else if (path === '/' || path.startsWith('/simulator/')) {
      replyOfStartPage(request, path, isOnLoopback(server), simulation).then(
        (reply) => send(response, reply ?? write(simulation.rules.answerErrcode(40066).fields)),
        () => response.destroy(), // the client went away
      );
    } else {
      send(response, replyOfPage(simulation, request.method === 'GET' ? path : '', query));
    }
  });
  // Longer than clients keep idle connections, so that the simulator never closes one that is just being used again.
  server.keepAliveTimeout = 120_000;
  return server;
}

function isOnLoopback(server: Server): boolean {
  const address = server.address();
  return typeof address === 'object' && /^(::ffff:)?127\.|^::1$/.test(address?.address ?? '');
}

function answerCall(
  { rules, faults, calls, now }: Simulation,
  endpoint: Endpoint,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const fault = faults.take(endpoint);
  const process = (): Answer => rules.answer(endpoint, request.method ?? '', query);
  const { reply, errcode, answer } = react(rules, fault, process);
  calls.push({ endpoint, time: new Date(now()), errcode, appId: answer?.appId, openid: answer?.openid });
  if (calls.length > maxCalls) {
    calls.shift();
  }
  const finish = (): void => {
    if (reply === 'reset') request.socket.resetAndDestroy();
    else if (reply !== 'hang') send(response, reply);
  };
  if (!fault?.delay) {
    finish();
    return;
  }
  const timer = setTimeout(finish, fault.delay);
  response.once('close', () => {
    clearTimeout(timer);
  });
}

function react(rules: WeChatRules, fault: Fault | undefined, process: () => Answer): Reaction {
  if (fault && ('errcode' in fault || 'status' in fault || 'connection' in fault)) {
    const answer = fault.processed ? process() : undefined;
    if ('errcode' in fault) {
      const { errcode, errmsg } = fault;
      const { fields } = rules.answerErrcode(errcode);
      return { reply: write(errmsg === undefined ? fields : { errcode, errmsg }), errcode, answer };
    }
    const reply = 'status' in fault ? writeGateway(fault) : fault.connection;
    return { reply, errcode: answer?.errcode, answer };
  }
  const answer = process();
  const reply = fault && 'answer' in fault ? spoil(fault.answer, answer, rules) : write(answer.fields);
  return { reply, errcode: answer.errcode, answer };
}

function replyOfPage({ apps, users, rules }: Simulation, path: string, query: URLSearchParams): Reply {
  if (path !== '/connect/oauth2/authorize' && path !== '/connect/qrconnect') {
    return write(rules.answerErrcode(40066).fields);
  }
  const request = checkAuthorizeRequest(path, query, apps);
  if ('problem' in request) {
    return { status: 200, headers: pageHeaders, body: errorPage(request.problem) };
  }
  const picked = query.get('user');
  if (picked === null) {
    return { status: 200, headers: pageHeaders, body: consentPage(request, query, users) };
  }
  const user = users.find(({ id }) => id === picked);
  if (picked !== '' && !user) {
    const problem = { zh: '没有这个用户', en: 'the simulator has no user with this id' };
    return { status: 200, headers: pageHeaders, body: errorPage(problem) };
  }
  const code = user ? rules.createCode(request.app, user, request.scope) : 'authdeny';
  const headers = { Location: callbackUrl(request, code), 'Cache-Control': 'no-store' };
  return { status: 302, headers, body: Buffer.alloc(0) };
}

function send(response: ServerResponse, { status, headers, body, cut }: Reply): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) {
    response.setHeader(name, value);
  }
  if (!cut) {
    response.end(body);
    return;
  }
  response.setHeader('Content-Length', body.length);
  response.write(body.subarray(0, body.length / 2), () => response.socket?.destroy());
}
