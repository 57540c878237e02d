import type { ErrorRequestHandler, RequestHandler } from 'express';

/** An answer that is not a success, as the client gets it. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const notFound: RequestHandler = () => {
  throw new Problem(404, 'NOT_FOUND', 'There is nothing at this address');
};

/** Answers every error as JSON. What is our own fault is logged, and not explained to the visitor. */
export const answerProblem: ErrorRequestHandler = (error: unknown, req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  const { status = 500, code = 'INTERNAL', message } = error as Partial<Problem>;
  const ours = status >= 500;
  if (ours) req.log.error({ err: error }, 'request failed');
  res.status(status).json({
    error: {
      // Body parsers and the like have no code of ours.
      code: typeof code === 'string' ? code : 'BAD_REQUEST',
      message: ours ? 'The service has a problem: try again in a moment' : message,
    },
  });
};
