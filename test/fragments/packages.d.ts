/** Packages that the documents speak of and that are not installed here. */

declare module '@opentelemetry/instrumentation-http' {
  export const HttpInstrumentation: new (options: { redactedQueryParams?: string[] }) => object;
}
