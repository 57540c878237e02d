import { HttpException } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { WeChatError } from 'passport-wechat-code';

/** Answers a failed login with its own status and reason, where Nest's guard always says 401. */
export class WeChatGuard extends AuthGuard('wechat-code') {
  override handleRequest<User>(err: unknown, user: User, info: unknown, _context: unknown, status = 500): User {
    if (user) return user;
    if (info) throw new HttpException({ error: info }, status);
    if (!(err instanceof WeChatError)) throw err;
    console.error(err); // for the operator; it holds no secret
    throw new HttpException({ error: { message: 'Try again later' } }, err.status);
  }
}
