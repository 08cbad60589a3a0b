import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { PICTURES, says, visits } from './visit.ts';

const it_ = visits();

const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 390, height: 844 };
const CONTRAST = readFileSync(join(import.meta.dirname, 'contrast.js'), 'utf8');

/** A scene in every panel, so that there is something to see. */
async function play(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await says(page, '#search-answer', /Enamel mug|429/);
  for (const name of ['Phone', 'Laptop']) {
    await page.getByRole('button', { name: `Sign in on ${name}` }).click();
    await says(page, `[aria-labelledby="device-${name.toLowerCase()}"] .sessions`, name);
  }
  await page.getByRole('button', { name: 'Click twice' }).click();
  await says(page, '#order-happened', 'one order');
  await page.getByRole('button', { name: 'Five at once' }).click();
  await says(page, '#product-happened', /looks at once|all 5 looks/);
}

describe('the page', () => {
  it('has a language, a title, one heading of the first rank, landmarks, and a name for every control', async () => {
    const page = await it_.tab(await it_.visitor());
    await says(page, '#product-price', /^€/);
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.title()).toMatch(/Turnpike/);
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
    for (const landmark of ['banner', 'main', 'navigation', 'search'] as const)
      expect(await page.getByRole(landmark).count()).toBe(1);

    const tree = await page.locator('body').ariaSnapshot();
    const controls = tree.match(/- (?:button|link|textbox|searchbox|combobox|spinbutton|meter|region|img)\b.*/g) ?? [];
    expect(controls.length).toBeGreaterThan(20);
    expect(controls.filter((line) => !/^- \w+ "./.test(line))).toEqual([]);
  });

  it('is reached by keyboard, panel by panel', async () => {
    const page = await it_.tab(await it_.visitor());
    const reached: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      await page.keyboard.press('Tab');
      reached.push(
        await page.evaluate<string>(
          `document.activeElement.closest('.panel')?.id ?? document.activeElement.closest('.strip, nav, .skip')?.className ?? ''`,
        ),
      );
    }
    const order = reached.filter((place, n) => place !== reached[n - 1]);
    expect(order.slice(0, 7)).toEqual(['skip', '', 'limits', 'devices', 'order', 'product', 'strip']);
  });

  it('signs in by keyboard, and does not lose the focus', async () => {
    const page = await it_.tab(await it_.visitor());
    await page.getByRole('button', { name: 'Sign in on Phone' }).focus();
    await page.keyboard.press('Enter');
    await says(page, '[aria-labelledby="device-phone"] .who', 'ann@example.com');
    await expect
      .poll(() => page.evaluate('document.activeElement.getAttribute("aria-label")'), { interval: 20 })
      .toBe('Sign out on Phone');
  });

  it('shows what each request cost, as a chart and as a table', async () => {
    const page = await it_.tab(await it_.visitor());
    await page.getByRole('button', { name: 'Look', exact: true }).click();
    await says(page, '#strip-totals', '2 requests');
    expect(await page.locator('#strip-chart .bar').count()).toBe(2);
    await page.getByText('As a table').click();
    const row = page.getByRole('table').getByRole('row').nth(1);
    expect((await row.innerText()).split('\t')).toEqual([
      'GET /products/p1',
      '200',
      expect.stringMatching(/^\d+$/),
      expect.stringMatching(/ ms$/),
      expect.stringMatching(/ ms$/),
    ]);
  });

  it('has the READMEs of the packages', async () => {
    const page = await it_.tab(await it_.visitor());
    for (const link of await page.getByRole('navigation').getByRole('link').all()) {
      const path = (await link.getAttribute('href')) ?? '';
      const readme = await page.request.get(it_.shop.url + path);
      expect(await readme.text()).toContain(`# @turnpike/${await link.innerText()}`);
    }
  });

  it.each([
    ['wide, light', { viewport: WIDE, colorScheme: 'light' as const }],
    ['wide, dark', { viewport: WIDE, colorScheme: 'dark' as const }],
    ['narrow, light', { viewport: NARROW, colorScheme: 'light' as const }],
    ['narrow, dark', { viewport: NARROW, colorScheme: 'dark' as const }],
  ])('is legible, and never wider than its window: %s', async (name, options) => {
    const page = await it_.tab(await it_.visitor(options));
    await play(page);
    expect(await page.evaluate(CONTRAST)).toEqual([]);
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(options.viewport.width);
    await page.screenshot({
      path: join(PICTURES, `${name.replace(', ', '-')}.png`),
      fullPage: options.viewport === NARROW,
    });
  });

  it('says in each panel that Redis is away, and is whole again when it is back', async () => {
    const page = await it_.tab(await it_.visitor());
    await says(page, '#product-price', /^€/);
    it_.shop.redis.pause();
    try {
      await page.getByRole('button', { name: 'Search', exact: true }).click();
      await page.getByRole('button', { name: 'Sign in on Phone' }).click();
      await page.getByRole('button', { name: 'Click twice' }).click();
      await page.getByRole('button', { name: 'Look', exact: true }).click();
      await says(page, '#limits-happened', /^Redis is away/);
      await says(page, '#devices-happened', /^Redis is away.*503 with Retry-After: \d+ s/);
      await says(page, '#order-happened', /^Redis is away.*503 with Retry-After: \d+ s/);
      await says(page, '#product-happened', /^Redis is away/);
      await page.screenshot({ path: join(PICTURES, 'redis-away.png') });
    } finally {
      it_.shop.redis.resume();
    }
    const isReady = async () => (await page.request.get(`${it_.shop.url}/readyz`)).status();
    await expect.poll(isReady, { interval: 50, timeout: 5_000 }).toBe(200);
    await page.getByRole('button', { name: 'Sign in on Phone' }).click();
    await says(page, '[aria-labelledby="device-phone"] .who', 'ann@example.com');
  });
});
