/** Packages that the documents speak of and that are not installed here. */

declare module '@opentelemetry/instrumentation-http' {
  export const HttpInstrumentation: new (options: { redactedQueryParams?: string[] }) => object;
}

declare module 'hpagent' {
  import https from 'node:https';

  export class HttpsProxyAgent extends https.Agent {
    constructor(options: https.AgentOptions & { proxy: string });
  }
}
