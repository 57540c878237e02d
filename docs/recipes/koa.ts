import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import passport from 'koa-passport';
import { WeChatCodeStrategy, WeChatError } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '', WECHAT_API_URL: baseUrl } = process.env;
const strategy = new WeChatCodeStrategy({ appId, appSecret, http: { baseUrl } }, (_tokens, profile, done) => {
  done(null, { id: `${profile.appId}:${profile.openid}`, name: profile.displayName }); // find or create the user here
});
passport.use(strategy);

const router = new Router();
router.post('/auth/wechat', (ctx, next) =>
  passport.authenticate('wechat-code', { session: false }, (err, user, info, status) => {
    if (err) console.error(err); // for the operator; a WeChatError holds no secret
    ctx.body = user ? { user } : { error: info ?? { message: 'Try again later' } }; // issue your JWT here
    if (!user) ctx.status = err instanceof WeChatError ? err.status : Number(status ?? 500);
  })(ctx, next),
);
const app = new Koa().use(bodyParser()).use(passport.initialize()).use(router.routes());
app.listen(Number(process.env['PORT'] ?? 3000));
