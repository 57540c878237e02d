import { STATUS_CODES } from 'node:http';

import type { ErrorRequestHandler } from 'express';
import { WeChatError } from 'passport-wechat-code';

/** An answer that is not a success, as the client gets it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
}

/** Answers every error as JSON. What is our own fault goes into the log, and is not explained to the visitor. */
export const answerProblem: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  // Body parsers and the like have a status too, but texts that quote the request; a store's error code tells of our insides.
  const { status = 500 } = error as { status?: number };
  const text = STATUS_CODES[status] ?? '';
  const shown: { code: string; message: string } =
    error instanceof Problem || error instanceof WeChatError
      ? error
      : { code: text.toUpperCase().replaceAll(/\W+/g, '_'), message: text };
  const ours = status >= 500;
  if (ours) res.err = ((error as Error).cause ?? error) as Error; // for the log
  res.status(status).json({
    error: { code: shown.code, message: ours ? 'The service has a problem: try again in a moment' : shown.message },
  });
};
