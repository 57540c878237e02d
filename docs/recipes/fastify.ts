import passport from '@fastify/passport';
import fastify from 'fastify';
import { WeChatCodeStrategy, WeChatError } from 'passport-wechat-code';

const { WECHAT_APP_ID: appId = '', WECHAT_APP_SECRET: appSecret = '', WECHAT_API_URL: baseUrl } = process.env;
const strategy = new WeChatCodeStrategy({ appId, appSecret, http: { baseUrl } }, (_tokens, profile, done) => {
  done(null, { id: `${profile.appId}:${profile.openid}`, name: profile.displayName }); // find or create the user here
});
passport.use(strategy);

const app = fastify();
app.decorateRequest('session', null); // the next line insists on one, and nothing is kept in it
await app.register(passport.initialize());
app.post(
  '/auth/wechat',
  passport.authenticate('wechat-code', { session: false }, async (_request, reply, err, user, info, status) => {
    if (user) return reply.send({ user }); // issue your JWT here
    if (info) return reply.code(Number(status)).send({ error: info });
    console.error(err); // for the operator; a WeChatError holds no secret
    return reply.code(err instanceof WeChatError ? err.status : 500).send({ error: { message: 'Try again later' } });
  }),
);
await app.listen({ port: Number(process.env['PORT'] ?? 3000) });
