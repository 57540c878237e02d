import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

import { executablePath } from './chromium-path.js';

export async function launchChromium(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('There is no Chromium: install one, or set CHROMIUM_PATH');
  const noise = ['--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  return await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', ...noise] });
}

/** Somebody who has never been here, with a window of their own. */
export interface Visitor {
  page: Page;
  /** What the browser complained about: errors and warnings, exceptions, violations of the CSP. */
  complaints: string[];
  /** What was asked of other hosts, as `address (Referer)`. */
  requestsElsewhere: string[];
  /** The bodies that were posted to log in. */
  posted: unknown[];
}

// One green pixel.
const picture = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkOCD3HwAEAwIBNhE8vAAAAABJRU5ErkJggg==',
  'base64',
);

/** Opens a window. Other hosts than this machine are not asked: `thirdwx.qlogo.cn` has a picture, nobody else answers. */
export async function openWindow(browser: Browser, options: BrowserContextOptions = {}): Promise<Visitor> {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const visitor: Visitor = { page, complaints: [], requestsElsewhere: [], posted: [] };
  await context.route(/^https?:\/\/(?!localhost:|127\.0\.0\.1:)/, async (route, request) => {
    visitor.requestsElsewhere.push(`${request.url()} (${request.headers()['referer'] ?? ''})`);
    if (new URL(request.url()).host === 'thirdwx.qlogo.cn') {
      await route.fulfill({ body: picture, contentType: 'image/png' });
    } else {
      await route.abort();
    }
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) visitor.complaints.push(message.text());
  });
  page.on('pageerror', (error) => visitor.complaints.push(error.message));
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/api/auth/wechat')) {
      visitor.posted.push(request.postDataJSON());
    }
  });
  return visitor;
}
