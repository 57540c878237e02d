import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { SimulatorOptions } from './options.js';

/** Where the simulator listens unless told otherwise: a port that no common development server takes. */
const defaultPort = 4090;

export const usage = `Usage: passport-wechat-code simulator [options]

Starts a simulator of WeChat's login, for development and tests. Nothing of it reaches WeChat.

Options:
  --port <number>     Default: ${String(defaultPort)}; 0 takes any free port.
  --host <address>    Default: 127.0.0.1, which only this machine reaches; 0.0.0.0 for phones and containers.
  --app <settings>    An app in place of the example's; repeat it for more. Its kind is website, official-account,
                      mobile or mini-program; it must have appId, appSecret and kind, and can have
                      name, openPlatform (any name; apps of one have the same unionids) and callbackDomain.
  --user <settings>   A person in place of the example's; repeat it for more. Must have an id, and can have
                      nickname, headimgurl, language, city, province, country, snapshot=true and blocked=true.
  --config <file>     JSON with any of port, host, apps and users, as startWeChatSimulator() takes them.
                      What the command line says wins.
  -h, --help          Shows this.
  -v, --version       Shows the version.

Examples:
  passport-wechat-code simulator
  passport-wechat-code simulator --port 8080 --app kind=mini-program,appId=wx1,appSecret=s1 --user ming
  passport-wechat-code simulator --user id=ming,nickname=小明 --user id=mallory,blocked=true
`;

/** What the command line asks for. */
export type Command =
  { readonly name: 'help' | 'version' } | { readonly name: 'simulator'; readonly options: SimulatorOptions };

/**
 * Reads the arguments that come after the program's name. Throws a TypeError of one line for wrong ones; the entries of
 * apps and users are checked by `startWeChatSimulator`.
 */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = readArguments(args);
  if (values.help) return { name: 'help' };
  if (values.version) return { name: 'version' };
  if (positionals.length !== 1 || positionals[0] !== 'simulator') {
    throw new TypeError('the one command is "simulator"; see --help');
  }
  const { port, host, app, user, config } = values;
  // startWeChatSimulator checks what is in it.
  const options: object = {
    port: defaultPort,
    ...(config !== undefined && readConfig(config)),
    ...(port !== undefined && { port: /^\d+$/.test(port) ? Number(port) : NaN }),
    ...(host !== undefined && { host }),
    ...(app && { apps: app.map((settings) => readSettings('--app', settings)) }),
    ...(user && { users: user.map((settings) => readSettings('--user', settings)) }),
  };
  return { name: 'simulator', options };
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        port: { type: 'string' },
        host: { type: 'string' },
        app: { type: 'string', multiple: true },
        user: { type: 'string', multiple: true },
        config: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
  } catch (error) {
    const [problem = ''] = error instanceof Error ? error.message.split(/\.\s|\n/) : [];
    throw new TypeError(`${problem}; see --help`, { cause: error });
  }
}

function readConfig(file: string): object {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new TypeError(`cannot read the file of --config, ${file}: ${reason}`, { cause: error });
  }
  let config: unknown;
  try {
    config = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new TypeError(`the file of --config, ${file}, is not JSON`, { cause: error });
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new TypeError(`the file of --config, ${file}, must hold a JSON object with port, host, apps or users`);
  }
  return config;
}

/** `name=value` pairs separated by commas; a first one without a name is the id of a user. */
function readSettings(option: '--app' | '--user', settings: string): Record<string, unknown> {
  const entries = settings.split(',').map((pair, index): [string, unknown] => {
    const at = pair.indexOf('=');
    if (at === -1 && option === '--user' && index === 0) return ['id', pair];
    if (at < 1) {
      throw new TypeError(
        `${option} takes name=value pairs separated by commas; see --help, and --config for other values`,
      );
    }
    const [name, value] = [pair.slice(0, at).trim(), pair.slice(at + 1)];
    return [name, name === 'snapshot' || name === 'blocked' ? booleanOf(value) : value];
  });
  return Object.fromEntries(entries);
}

function booleanOf(text: string): boolean | string {
  return text === 'true' || (text !== 'false' && text);
}
