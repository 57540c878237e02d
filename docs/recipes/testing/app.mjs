import { once } from 'node:events';
import express from 'express';
import passport from 'passport';
import { createAuthorizeUrl, createState, WeChatCodeStrategy } from 'passport-wechat-code';

/**
 * The service under test: a website on which people log in with WeChat. `api` and `pages` are WeChat's own, unless a
 * test says where its simulator is.
 *
 * @param {{ appId: string, appSecret: string, api?: string, pages?: string, port?: number }} settings
 */
export async function startService({ appId, appSecret, api, pages = 'https://open.weixin.qq.com', port = 0 }) {
  /** @param {express.Request} req @param {string} state */
  const verifyState = (req, state) => state !== '' && (req.headers.cookie ?? '').split('; ').includes(`state=${state}`);
  const options = { appId, appSecret, verifyState, http: api ? { baseUrl: api } : {} };
  passport.use(new WeChatCodeStrategy(options, (_tokens, profile, done) => done(null, profile)));

  const app = express();
  app.get('/', (_req, res) => res.send('<a href="/login">Log in with WeChat</a>'));
  app.get('/login', (req, res) => {
    const state = createState();
    const redirectUri = `http://${req.headers.host}/callback`;
    res.cookie('state', state, { httpOnly: true, sameSite: 'lax' });
    res.redirect(createAuthorizeUrl({ kind: 'website', appId, redirectUri, state, baseUrl: pages }));
  });
  app.get('/callback', passport.authenticate('wechat-code', { session: false }), (req, res) => {
    const { displayName = '' } = /** @type {{ displayName?: string }} */ (req.user);
    res.type('text').send(`Hello ${displayName}`); // open your session here
  });
  /** @type {express.ErrorRequestHandler} */
  const apologise = (error, _req, res, _next) =>
    void res.status(error.status ?? 500).send('Logging in is not possible now. Try again later.');
  app.use(apologise);

  const server = app.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { url: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}
