/** Packages that the documents speak of and that are not installed here. */

declare module '@opentelemetry/instrumentation-http' {
  export const HttpInstrumentation: new (options: { redactedQueryParams?: string[] }) => object;
}

declare module '@opentelemetry/instrumentation-undici' {
  export const UndiciInstrumentation: new (options: {
    ignoreRequestHook?: (request: { path: string }) => boolean;
  }) => object;
}

declare module 'express-session' {
  import type { RequestHandler } from 'express';

  const session: (options: {
    secret: string | undefined;
    resave: boolean;
    saveUninitialized: boolean;
  }) => RequestHandler;
  export default session;
}

declare module 'hpagent' {
  import https from 'node:https';

  export class HttpsProxyAgent extends https.Agent {
    constructor(options: https.AgentOptions & { proxy: string });
  }
}
