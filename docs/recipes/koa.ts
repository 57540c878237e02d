import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import passport from 'koa-passport';
import { WeChatCodeStrategy, WeChatError } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '' } = process.env;
const http = { baseUrl: process.env['WECHAT_API_URL'] ?? 'https://api.weixin.qq.com' };

passport.use(
  new WeChatCodeStrategy({ appId, appSecret, http }, (_tokens, profile, done) => {
    done(null, { id: `${profile.appId}:${profile.openid}`, name: profile.displayName }); // find or create the user here
  }),
);

const router = new Router();
router.post('/auth/wechat', (ctx, next) => {
  const logIn = passport.authenticate('wechat-code', { session: false }, (error, user, info, status) => {
    if (error instanceof WeChatError) {
      console.error(error); // for the operator; it holds no secret
      ctx.status = error.status;
      ctx.body = { error: { code: error.code, message: 'Logging in is not possible now' } };
    } else if (error) throw error;
    else if (!user) Object.assign(ctx, { status, body: { error: info } });
    else ctx.body = { user }; // issue your JWT here
  });
  return logIn(ctx, next);
});

const app = new Koa();
app.use(bodyParser()).use(passport.initialize()).use(router.routes());
export const server = app.listen(Number(process.env['PORT'] ?? 3000));
