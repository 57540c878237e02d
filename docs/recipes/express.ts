import express from 'express';
import passport, { type AuthenticateCallback } from 'passport';
import { WeChatCodeStrategy, WeChatError } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '' } = process.env;
const http = { baseUrl: process.env['WECHAT_API_URL'] ?? 'https://api.weixin.qq.com' };

passport.use(
  new WeChatCodeStrategy({ appId, appSecret, http }, (_tokens, profile, done) => {
    done(null, { id: `${profile.appId}:${profile.openid}`, name: profile.displayName }); // find or create the user here
  }),
);

const app = express();
app.use(express.json());
app.post('/auth/wechat', (req, res, next) => {
  const answer: AuthenticateCallback = (error, user, info, status) => {
    if (error instanceof WeChatError) {
      console.error(error); // for the operator; it holds no secret
      res.status(error.status).json({ error: { code: error.code, message: 'Logging in is not possible now' } });
    } else if (error) next(error);
    else if (!user) res.status(Number(status)).json({ error: info });
    else res.json({ user }); // issue your JWT here
  };
  passport.authenticate('wechat-code', { session: false }, answer)(req, res, next);
});

export const server = app.listen(Number(process.env['PORT'] ?? 3000));
