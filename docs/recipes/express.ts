import express from 'express';
import passport, { type AuthenticateCallback } from 'passport';
import { WeChatCodeStrategy, WeChatError } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '', WECHAT_API_URL: baseUrl } = process.env;
const strategy = new WeChatCodeStrategy({ appId, appSecret, http: { baseUrl } }, (_tokens, profile, done) => {
  done(null, { id: `${profile.appId}:${profile.openid}`, name: profile.displayName }); // find or create the user here
});
passport.use(strategy);

const app = express().use(express.json());
app.post('/auth/wechat', (req, res, next) => {
  const answer: AuthenticateCallback = (err, user, info, status) => {
    if (user) return res.json({ user }); // issue your JWT here
    if (info) return res.status(Number(status)).json({ error: info });
    console.error(err); // for the operator; a WeChatError holds no secret
    return res.status(err instanceof WeChatError ? err.status : 500).json({ error: { message: 'Try again later' } });
  };
  passport.authenticate('wechat-code', { session: false }, answer)(req, res, next);
});
app.listen(Number(process.env['PORT'] ?? 3000));
