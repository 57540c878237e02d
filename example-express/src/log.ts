import type { IncomingMessage } from 'node:http';

import { type Logger, pino } from 'pino';

type LoggedRequest = IncomingMessage & { id?: unknown };
type LoggedError = Error & { code?: unknown; errcode?: unknown; rid?: unknown };

/** Makes the log of the service. A line never holds a header, a body, a query or a row of the database. */
export function createLog(level: string): Logger {
  return pino({
    level,
    serializers: {
      // The query is left out: WeChat sends the code back in it.
      req: ({ id, method, url }: LoggedRequest) => ({ id, method, path: url?.split('?')[0] }),
      res: ({ statusCode }: { statusCode?: number }) => ({ status: statusCode }),
      // Only what is known to be safe: an error of the database can hold the row it is about.
      err: ({ name, message, stack, code, errcode, rid }: LoggedError) => ({
        name,
        message,
        stack,
        code,
        errcode,
        rid,
      }),
    },
  });
}
