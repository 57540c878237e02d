import { existsSync } from 'node:fs';
import { join } from 'node:path';

const { CHROMIUM_PATH, CI, PROGRAMFILES = '', LOCALAPPDATA = '' } = process.env;

const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  join(PROGRAMFILES, 'Google', 'Chrome', 'Application', 'chrome.exe'),
  join(LOCALAPPDATA, 'Google', 'Chrome', 'Application', 'chrome.exe'),
];

/** Where the browser is, if there is one. */
export const executablePath = CHROMIUM_PATH ?? usualPlaces.find((path) => existsSync(path));

/** Why tests that need a browser are left out, if they are. In CI they never are: there they fail without one. */
export const leftOut =
  executablePath === undefined && CI !== 'true' ? 'no Chromium here: install one, or set CHROMIUM_PATH' : undefined;
