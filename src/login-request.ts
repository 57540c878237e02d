import { codeProblem } from './newtypes.js';

/** As much of a request as the strategy reads: Express's, Fastify's and Koa's all have it. */
export interface LoginRequest {
  /** The parsed body: of JSON or a form. Without a parser there is none. */
  body?: unknown;
  /** The parsed query of the URL. */
  query?: unknown;
}

/** What a field of a request holds: a text, nothing, or something that cannot be used. */
export type Field = { text: string } | 'absent' | 'unusable';

/**
 * Reads a field that may stand in the body, in the query, or in both if they agree.
 *
 * Only own properties count: an inherited one is not what the visitor sent.
 */
export function readField(request: LoginRequest, name: string): Field {
  const values = [own(request.body, name), own(request.query, name)].filter((value) => value !== undefined);
  const [value] = values;
  if (value === undefined) return 'absent';
  if (typeof value !== 'string' || values.some((other) => other !== value)) return 'unusable';
  return { text: value };
}

/** Reads the code: a non-empty string of at most 512 characters without control characters. */
export function readCode(request: LoginRequest, name: string): Field {
  const field = readField(request, name);
  return typeof field === 'object' && codeProblem(field.text) !== undefined ? 'unusable' : field;
}

function own(part: unknown, name: string): unknown {
  const fields = typeof part === 'object' && part !== null && !Array.isArray(part) && !ArrayBuffer.isView(part);
  const holder = fields && Object.hasOwn(part, name);
  return holder ? (part as Record<string, unknown>)[name] : undefined;
}
