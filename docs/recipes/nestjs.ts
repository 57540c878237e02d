import { Controller, HttpCode, Module, Post, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { type TokenResponse, WeChatCodeStrategy, type WeChatProfile } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '', WECHAT_API_URL: baseUrl } = process.env;
class WeChatStrategy extends PassportStrategy(WeChatCodeStrategy) {
  validate(_tokens: TokenResponse, { appId, openid, displayName }: WeChatProfile): unknown {
    return { id: `${appId}:${openid}`, name: displayName }; // find or create the user here
  }
}
const strategy = { provide: WeChatStrategy, useValue: new WeChatStrategy({ appId, appSecret, http: { baseUrl } }) };

@Controller()
class AuthController {
  @Post('auth/wechat')
  @HttpCode(200)
  @UseGuards(AuthGuard('wechat-code'))
  logIn(@Req() { user }: { user: unknown }): unknown {
    return { user }; // issue your JWT here
  }
}

@Module({ controllers: [AuthController], providers: [strategy] })
class AppModule {}
const app = await NestFactory.create(AppModule);
await app.listen(Number(process.env['PORT'] ?? 3000));
