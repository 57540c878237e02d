import type { IncomingMessage } from 'node:http';

import { type Logger, pino } from 'pino';
import { type HttpLogger, pinoHttp } from 'pino-http';

const shown = ['name', 'message', 'stack', 'code', 'errcode', 'errmsg', 'rid'];

/** Makes the log of the service. A line never holds a header, a body, a query or a row of the database. */
export function createLog(level: string): Logger {
  return pino({
    level,
    serializers: {
      // The query is left out: WeChat sends the code back in it.
      req: ({ id, method, url }: IncomingMessage & { id?: unknown }) => ({ id, method, path: url?.split('?')[0] }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
      // Only what is known to be safe: an error of the database can hold the row it is about.
      err: (error: object) => Object.fromEntries(shown.map((name) => [name, Reflect.get(error, name) as unknown])),
    },
  });
}

/** One line for each request, with an id that every other line about it has too. */
export function logRequests(logger: Logger): HttpLogger {
  return pinoHttp({
    logger,
    wrapSerializers: false, // or they would be replaced by ones that show every header
    genReqId: () => crypto.randomUUID(),
    customLogLevel: (_req, { statusCode }) => (statusCode < 500 ? 'info' : 'error'),
  });
}
