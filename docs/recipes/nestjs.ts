import { Controller, HttpCode, HttpException, Module, Post, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { type TokenResponse, WeChatCodeStrategy, WeChatError, type WeChatProfile } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '' } = process.env;
const http = { baseUrl: process.env['WECHAT_API_URL'] ?? 'https://api.weixin.qq.com' };

class WeChatStrategy extends PassportStrategy(WeChatCodeStrategy) {
  validate(_tokens: TokenResponse, { appId, openid, displayName }: WeChatProfile): unknown {
    return { id: `${appId}:${openid}`, name: displayName }; // find or create the user here
  }
}
const strategy = { provide: WeChatStrategy, useFactory: () => new WeChatStrategy({ appId, appSecret, http }) };

class WeChatGuard extends AuthGuard('wechat-code') {
  override handleRequest<User>(err: unknown, user: User, info: unknown, _context: unknown, status = 500): User {
    if (user) return user;
    if (info) throw new HttpException({ error: info }, status);
    if (!(err instanceof WeChatError)) throw err;
    console.error(err); // for the operator; it holds no secret
    throw new HttpException({ error: { message: 'Try again later' } }, err.status);
  }
}

@Controller()
class AuthController {
  @Post('auth/wechat')
  @HttpCode(200)
  @UseGuards(WeChatGuard)
  logIn(@Req() { user }: { user: unknown }): unknown {
    return { user }; // issue your JWT here
  }
}

@Module({ controllers: [AuthController], providers: [strategy] })
class AppModule {}
const app = await NestFactory.create(AppModule);
await app.listen(Number(process.env['PORT'] ?? 3000));
