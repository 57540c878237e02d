import 'reflect-metadata';

import { Controller, HttpCode, HttpException, Injectable, Module, Post, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { type TokenResponse, WeChatCodeStrategy, WeChatError, type WeChatProfile } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '' } = process.env;
const http = { baseUrl: process.env['WECHAT_API_URL'] ?? 'https://api.weixin.qq.com' };

@Injectable()
class WeChatStrategy extends PassportStrategy(WeChatCodeStrategy) {
  constructor() {
    super({ appId, appSecret, http });
  }

  validate(_tokens: TokenResponse, profile: WeChatProfile): unknown {
    return { id: `${profile.appId}:${profile.openid}`, name: profile.displayName }; // find or create the user here
  }
}

class WeChatGuard extends AuthGuard('wechat-code') {
  // Nest's own makes every failed login a bare 401.
  override handleRequest<User>(error: unknown, user: User, info: unknown, _context: unknown, status: number): User {
    if (error instanceof WeChatError) {
      console.error(error); // for the operator; it holds no secret
      throw new HttpException({ error: { code: error.code, message: 'Logging in is not possible now' } }, error.status);
    } else if (error) throw error;
    else if (!user) throw new HttpException({ error: info }, status);
    return user;
  }
}

@Controller('auth')
class AuthController {
  @Post('wechat')
  @HttpCode(200)
  @UseGuards(WeChatGuard)
  logIn(@Req() request: { user: unknown }): unknown {
    return { user: request.user }; // issue your JWT here
  }
}

@Module({ controllers: [AuthController], providers: [WeChatStrategy] })
class AppModule {}

const app = await NestFactory.create(AppModule);
export const server: unknown = await app.listen(Number(process.env['PORT'] ?? 3000));
