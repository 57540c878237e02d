// koa-passport has no types of its own. In a project of yours, install @types/koa-passport in place of this file.
declare module 'koa-passport' {
  import type { Middleware } from 'koa';
  import type { Strategy } from 'passport';

  type Callback = (error: unknown, user: unknown, info: unknown, status: unknown) => void;

  const passport: {
    use(strategy: Strategy): void;
    initialize(): Middleware;
    authenticate(name: string, options: { session: boolean }, callback: Callback): Middleware;
  };
  export default passport;
}
