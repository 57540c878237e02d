/** What is measured: each loads a package and gives a function that logs in with a code, and resolves to the openid. */
import https from 'node:https';

/** @typedef {(code: string) => Promise<unknown>} Login */
/** @typedef {{ name: string, package: string, load: (module: any) => Login | Promise<Login> }} Subject */

const app = { appId: 'wx0123456789abcdef', appSecret: '0123456789abcdef0123456789abcdef' };
const names = { appID: app.appId, clientID: app.appId, clientSecret: app.appSecret, ...app };
const base = 'https://api.weixin.qq.com/sns';
const ours = new URL('../../dist/index.js', import.meta.url).href;

/** @param {string} code */
const tokenUrl = (code) =>
  `${base}/oauth2/access_token?appid=${app.appId}&secret=${app.appSecret}&code=${code}&grant_type=authorization_code`;
/** @param {any} tokens */
const userInfoUrl = (tokens) => `${base}/userinfo?access_token=${tokens.access_token}&openid=${tokens.openid}`;

/** A login as Passport makes it. @param {any} strategy @returns {Login} */
function throughPassport(strategy) {
  return (code) =>
    new Promise((resolve, reject) => {
      const attempt = Object.create(strategy);
      attempt.success = (/** @type {any} */ user) => resolve(user.openid);
      attempt.fail = (/** @type {any} */ info) => reject(new Error(`failed: ${JSON.stringify(info)}`));
      attempt.error = reject;
      attempt.authenticate({ query: { code }, body: undefined, headers: {}, _passport: {} }, {});
    });
}

/** For the strategies with positional arguments, of which the last is `done` and the one before it or two the profile. */
const oldVerify = (
  /** @type {unknown} */ _accessToken,
  /** @type {unknown} */ _refreshToken,
  /** @type {any} */ profile,
  /** @type {any[]} */ ...rest
) => rest.at(-1)(null, { openid: profile.openid ?? profile._json.openid });

/** @param {() => Promise<object>} http @returns {Subject['load']} */
const strategyWith = (http) => async (module) =>
  throughPassport(
    new module.WeChatCodeStrategy(
      { ...app, http: await http() },
      async (/** @type {any} */ _tokens, /** @type {any} */ profile) => profile,
    ),
  );

/** @param {() => Promise<object>} http @returns {Subject['load']} */
const clientWith = (http) => async (module) => {
  const client = new module.WeChatClient({ ...app, http: await http() });
  return async (code) => {
    const tokens = await client.exchangeCode(code);
    return (await client.getUserInfo(tokens.accessToken, tokens.openid)).openid;
  };
};

const onGot = () => Promise.resolve({});
const onUndici = async () => ({ transport: (await import('../../dist/undici.js')).undiciTransport() });

/** @param {any} OAuth wechat-oauth, which calls back @returns {Login} */
function throughCallbacks(OAuth) {
  const api = new OAuth(app.appId, app.appSecret);
  return (code) =>
    new Promise((resolve, reject) => {
      api.getAccessToken(code, (/** @type {any} */ error, /** @type {any} */ tokens) => {
        if (error) reject(error);
        else {
          api.getUser({ openid: tokens.data.openid }, (/** @type {any} */ failure, /** @type {any} */ user) =>
            failure ? reject(failure) : resolve(user.openid),
          );
        }
      });
    });
}

/** @param {(url: string) => Promise<any>} get @returns {Login} */
const twoRequests = (get) => async (code) => (await get(userInfoUrl(await get(tokenUrl(code))))).openid;

/** The least that two requests cost. */
export const floor = 'node:https, bare';

/** @type {readonly Subject[]} */
export const subjects = [
  {
    name: floor,
    package: 'node:https',
    load: () => {
      const agent = new https.Agent({ keepAlive: true });
      return twoRequests(
        (url) =>
          new Promise((resolve, reject) => {
            https
              .get(url, { agent }, (response) => {
                let text = '';
                response.setEncoding('utf8');
                response.on('data', (chunk) => (text += chunk));
                response.on('end', () => resolve(JSON.parse(text)));
              })
              .on('error', reject);
          }),
      );
    },
  },
  { name: 'passport-wechat-code on undici', package: ours, load: strategyWith(onUndici) },
  { name: 'passport-wechat-code on undici, client', package: ours, load: clientWith(onUndici) },
  { name: 'passport-wechat-code', package: ours, load: strategyWith(onGot) },
  { name: 'passport-wechat-code, client', package: ours, load: clientWith(onGot) },
  {
    name: 'undici, bare',
    package: 'undici',
    load: ({ Agent, request }) => {
      const dispatcher = new Agent();
      return twoRequests(async (url) => (await request(url, { dispatcher })).body.json());
    },
  },
  {
    // The least that got can cost.
    name: 'got as a stream, bare',
    package: 'got',
    load: ({ got }) => {
      const agent = { https: new https.Agent({ keepAlive: true }) };
      const client = got.extend({ agent, retry: { limit: 0 }, followRedirect: false, throwHttpErrors: false });
      return twoRequests(
        (url) =>
          new Promise((resolve, reject) => {
            let text = '';
            client
              .stream(url)
              .setEncoding('utf8')
              .on('data', (/** @type {string} */ chunk) => (text += chunk))
              .on('end', () => resolve(JSON.parse(text)))
              .on('error', reject);
          }),
      );
    },
  },
  { name: 'got, bare', package: 'got', load: ({ got }) => twoRequests((url) => got(url).json()) },
  {
    name: 'passport-weixin',
    package: 'passport-weixin',
    load: (module) =>
      throughPassport(
        new module.default({ ...names, requireState: false, callbackURL: 'https://a.example' }, oldVerify),
      ),
  },
  {
    name: 'co-wechat-oauth',
    package: 'co-wechat-oauth',
    load: (module) => {
      const api = new module.default(app.appId, app.appSecret);
      return async (code) => {
        const tokens = await api.getAccessToken(code);
        return (await api.getUser({ openid: tokens.data.openid })).openid;
      };
    },
  },
  {
    name: 'better-auth',
    package: 'better-auth/social-providers',
    load: ({ wechat }) => {
      const provider = wechat({ clientId: app.appId, clientSecret: app.appSecret });
      return async (code) => {
        const tokens = await provider.validateAuthorizationCode({ code, redirectURI: 'https://a.example' });
        return (await provider.getUserInfo(tokens))?.data.openid;
      };
    },
  },
  {
    name: '@logto/connector-wechat-native',
    package: '@logto/connector-wechat-native',
    load: async (module) => {
      const connector = await module.default({ getConfig: () => Promise.resolve(app) });
      return async (code) => (await connector.getUserInfo({ code })).rawData.openid;
    },
  },
  { name: 'wechat-oauth', package: 'wechat-oauth', load: (module) => throughCallbacks(module.default) },
  {
    name: 'passport-wechat',
    package: 'passport-wechat',
    load: (module) => throughPassport(new module.default(names, oldVerify)),
  },
  {
    name: 'passport-wechat-public',
    package: 'passport-wechat-public',
    load: (module) => throughPassport(new module.default(names, oldVerify)),
  },
];
