import type { IncomingMessage } from 'node:http';

import { type Logger, pino } from 'pino';

/** Makes the log of the service. A line never holds a header, a body, a query or a row of the database. */
export function createLog(level: string): Logger {
  return pino({
    level,
    serializers: {
      // The query is left out: WeChat sends the code back in it.
      req: (req: IncomingMessage & { id?: unknown }) => ({
        id: req.id,
        method: req.method,
        path: req.url?.split('?')[0],
      }),
      res: ({ statusCode }: { statusCode?: number }) => ({ status: statusCode }),
      // Only what is known to be safe: an error of the database can hold the row it is about.
      err: ({
        name,
        message,
        stack,
        code,
        errcode,
        rid,
      }: Error & { code?: unknown; errcode?: unknown; rid?: unknown }) => ({
        type: name,
        message,
        stack,
        code,
        errcode,
        rid,
      }),
    },
  });
}
