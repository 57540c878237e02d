/** A CommonJS application. test/package.test.ts compiles it against the packed package. */
import express = require('express');
import passport = require('passport');
import { WeChatClient, WeChatCodeStrategy, type WeChatProfile } from 'passport-wechat-code';
import simulator = require('passport-wechat-code/simulator');

const client = new WeChatClient({ appId: 'wx0123456789abcdef', appSecret: 'secret' });

passport.use(
  new WeChatCodeStrategy({ client }, (_tokens, profile: WeChatProfile, done) => {
    done(null, { openid: profile.openid });
  }),
);

const app = express();
app.post('/auth/wechat', express.json(), passport.authenticate('wechat-code', { session: false }), (_req, res) => {
  res.sendStatus(204);
});

simulator.startWeChatSimulator().then(
  () => app.listen(3000),
  (error: unknown) => console.error(error),
);
