import { join } from 'node:path';
import { clientFactory } from '@turnpike/test-kit';
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, chromium } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type RunningShop, runShop } from './running-shop.ts';

/** A shop for a test file, and visitors who complain of nothing. */
export interface Visits {
  readonly shop: RunningShop;
  /** Somebody with a browser of their own, who shares nothing with the other visitors. */
  visitor(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** Opens the page in a new tab. */
  tab(of: BrowserContext): Promise<Page>;
}

/** Pictures of the page, for people; git ignores them. */
export const PICTURES: string = join(import.meta.dirname, '../../../.cache/e2e');

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What Chromium itself writes of an answer that the page expects: of what a browser may be refused, and of nothing else. */
const EXPECTED = /^Failed to load resource: the server responded with a status of (?:401|409|422|429|503) /;

/** Call it once, at the top of a test file. After each test no page may have complained on the console. */
export function visits(): Visits {
  let shop: RunningShop | undefined;
  let browser: Browser | undefined;
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];

  const there = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('visits: used outside of a test');
    return value;
  };

  beforeAll(async () => {
    const executablePath = process.env['TURNPIKE_CHROMIUM'] ?? '/usr/bin/chromium';
    [shop, browser] = await Promise.all([runShop(), chromium.launch({ executablePath, args: ARGS })]);
  });
  // Nobody has searched, ordered or signed in before.
  beforeEach(async () => {
    const clients = clientFactory(there(shop).redis);
    await clients.client().flushall();
    await clients.close();
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') await picture(contexts, task.name);
    await Promise.all(contexts.splice(0).map((context) => context.close()));
    expect(complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
    await shop?.stop();
  });

  return {
    get shop() {
      return there(shop);
    },
    async visitor(options) {
      const context = await there(browser).newContext({ reducedMotion: 'reduce', ...options });
      context.setDefaultTimeout(10_000);
      contexts.push(context);
      return context;
    },
    async tab(of) {
      const page = await of.newPage();
      // Chromium writes violations of the CSP to the console, as errors.
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type()) && !EXPECTED.test(message.text()))
          complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(there(shop).url);
      return page;
    },
  };
}

/** What was to be seen when a test failed. */
async function picture(contexts: readonly BrowserContext[], name: string): Promise<void> {
  const pages = contexts.flatMap((context) => context.pages());
  const file = (n: number) => join(PICTURES, `failed: ${name.replaceAll('/', ' ')} ${n + 1}.png`);
  await Promise.all(pages.map((page, n) => page.screenshot({ path: file(n), fullPage: true }).catch(() => undefined)));
}

/** Waits until an element of the page says so. */
export const says = async (page: Page, selector: string, text: string | RegExp): Promise<void> =>
  page.locator(selector).filter({ hasText: text }).first().waitFor();
