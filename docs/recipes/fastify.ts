import passport from '@fastify/passport';
import fastify from 'fastify';
import { WeChatCodeStrategy, WeChatError } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '' } = process.env;
const http = { baseUrl: process.env['WECHAT_API_URL'] ?? 'https://api.weixin.qq.com' };

passport.use(
  new WeChatCodeStrategy({ appId, appSecret, http }, (_tokens, profile, done) => {
    done(null, { id: `${profile.appId}:${profile.openid}`, name: profile.displayName }); // find or create the user here
  }),
);

const app = fastify();
app.decorateRequest('session', null); // the next line insists on one, and nothing is kept in it
await app.register(passport.initialize());
app.post(
  '/auth/wechat',
  passport.authenticate('wechat-code', { session: false }, async (_request, reply, error, user, info, status) => {
    if (error instanceof WeChatError) {
      console.error(error); // for the operator; it holds no secret
      reply.code(error.status).send({ error: { code: error.code, message: 'Logging in is not possible now' } });
    } else if (error) throw error;
    else if (!user) reply.code(Number(status)).send({ error: info });
    else reply.send({ user }); // issue your JWT here
    await reply;
  }),
);

await app.listen({ port: Number(process.env['PORT'] ?? 3000) });
export const { server } = app;
