import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const axeSource = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Debian's Chromium, without the background requests that a closed network refuses one by one. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export type Window = { context: BrowserContext; page: Page; requests: string[]; consoleErrors: string[] };

/** A private window. Every address that it asks for is noted, so that a test can say where the browser never went. */
export async function openWindow(
  browser: Browser,
  baseURL: string,
  options: {
    javaScriptEnabled?: boolean;
    width?: number;
    height?: number;
    locale?: string;
    colorScheme?: 'light' | 'dark';
    /** Of the test bed's CA, which the browser does not know */
    ignoreHTTPSErrors?: boolean;
    clientCertificates?: BrowserContextOptions['clientCertificates'];
  } = {},
): Promise<Window> {
  const { width = 1280, height = 900, locale = 'en-GB', ...rest } = options;
  const context = await browser.newContext({
    baseURL,
    viewport: { width, height },
    locale,
    acceptDownloads: true,
    ...rest,
  });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const requests: string[] = [];
  const consoleErrors: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => {
    if (message.type() === 'error') consoleErrors.push(message.text());
  });
  page.on('pageerror', (error) => consoleErrors.push(error.message));
  return { context, page, requests, consoleErrors };
}

type Finding = { id: string; nodes: string[] };
const AXE_OPTIONS = {
  iframes: false,
  runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] },
};

// Half-way from one theme to the other, words have the colour of neither. One that was replaced meanwhile has nothing to wait for.
const TRANSITIONS_ENDED = `Promise.allSettled(document.getAnimations()
  .filter((each) => each instanceof CSSTransition).map((each) => each.finished)).then(() => undefined)`;

/** WCAG 2.2 A and AA by axe: no finding at all. The sandboxed frame runs no scripts and is judged by its own test. */
export async function assertAccessible(page: Page, where: string): Promise<void> {
  await page.evaluate(TRANSITIONS_ENDED);
  await page.evaluate(axeSource);
  const findings = await page.evaluate<Finding[]>(`axe.run(document, ${JSON.stringify(AXE_OPTIONS)}).then((result) =>
    result.violations.map((each) => ({
      id: each.id,
      nodes: each.nodes.map((node) => node.html.slice(0, 160) + ' — ' + node.failureSummary),
    })))`);
  assert.deepEqual(findings, [], `accessibility of ${where}`);
}

/** How long the browser may take to lay a page out anew, or to hand the focus from one process to another. */
export const SETTLE_MS = 5000;

/** Nothing may be cut off or need sideways scrolling at this width. A window that was just resized is laid out a little later. */
export async function assertFits(page: Page, where: string): Promise<void> {
  const overflow = () =>
    page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
  const endMs = performance.now() + SETTLE_MS;
  let tooWide = await overflow();
  while (tooWide > 1 && performance.now() < endMs) {
    await page.waitForTimeout(50);
    tooWide = await overflow();
  }
  assert.ok(tooWide <= 1, `${where} is ${tooWide} px wider than the window`);
}

/** Pictures of the last run, for people to look at; never compared. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const folder = path.resolve('test-results');
  fs.mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}
