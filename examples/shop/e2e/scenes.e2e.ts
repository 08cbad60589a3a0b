import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { says, visits } from './visit.ts';

const it_ = visits();

const text = (page: Page, selector: string): Promise<string> => page.locator(selector).innerText();
const number = async (page: Page, selector: string): Promise<number> => Number.parseInt(await text(page, selector), 10);

describe('limits', () => {
  it('serves ten searches, refuses the eleventh, and counts down to the next', async () => {
    const page = await it_.tab(await it_.visitor());
    const search = page.getByRole('button', { name: 'Search', exact: true });
    for (let left = 9; left >= 0; left -= 1) {
      await search.click();
      await says(page, '.quota-words', `${left} of 10 left`);
    }
    await says(page, '.found', 'Enamel mug');

    await search.click();
    await says(page, '.wire', '429 Too Many Requests');
    await says(page, '.wire', /Retry-After:?\s*\d+/);
    await says(page, '#limits-happened', 'rateLimit refused this search before the database heard of it');
    await says(page, '#quota-reset', /^again in \d+ s, all 10 in \d+ s$/);

    const seconds = async () => Number(/again in (\d+) s/.exec(await text(page, '#quota-reset'))?.[1]);
    const before = await seconds();
    await expect.poll(seconds, { interval: 50, timeout: 3_000 }).toBeLessThan(before);
  });
});

describe('two devices', () => {
  const device = (name: string) => `[aria-labelledby="device-${name.toLowerCase()}"]`;
  const signIn = (page: Page, name: string) => page.getByRole('button', { name: `Sign in on ${name}` }).click();

  it('are one at a time, and who is signed out hears at once by whom', async () => {
    const page = await it_.tab(await it_.visitor());
    await signIn(page, 'Phone');
    await says(page, `${device('Phone')} .who`, 'ann@example.com');
    await says(page, `${device('Phone')} .stream`, /^listening$/);

    await signIn(page, 'Laptop');
    await says(page, `${device('Phone')} .who`, 'Signed out by Laptop');
    await says(page, `${device('Phone')} .since`, '401 session_replaced');
    await says(page, `${device('Laptop')} .who`, 'ann@example.com');
    await says(page, '#devices-happened', 'let Laptop in and ended the session of Phone');

    await page.reload();
    await says(page, `${device('Laptop')} .who`, 'ann@example.com');
    await page.getByRole('button', { name: 'Revoke Laptop' }).click();
    await says(page, `${device('Laptop')} .who`, /^Revoked$/);

    await signIn(page, 'Phone');
    await page.getByRole('button', { name: 'Sign out on Phone' }).click();
    await says(page, `${device('Phone')} .who`, /^Signed out$/);
  });

  it('are so in two browsers as well', async () => {
    const [here, there] = [await it_.tab(await it_.visitor()), await it_.tab(await it_.visitor())];
    await signIn(here, 'Laptop');
    await says(here, `${device('Laptop')} .stream`, /^listening$/);
    await signIn(there, 'Phone');
    await says(here, `${device('Laptop')} .who`, 'Signed out by Phone');
    await signIn(here, 'Phone');
    await says(there, `${device('Phone')} .who`, 'Signed out by another Phone');
  });
});

describe('an order', () => {
  const badges = async (page: Page) => (await page.locator('#clicks .badge').allInnerTexts()).toSorted();
  const ordersOf = (page: Page) =>
    page.evaluate<{ id: string }[]>(`
      fetch('/orders', { headers: { Authorization: 'Bearer ' + localStorage.getItem('shop:bob@example.com') } })
        .then((response) => response.json())
        .then(({ orders }) => orders)`);

  it('that is clicked twice is placed once, and the stock is less by one of it', async () => {
    const page = await it_.tab(await it_.visitor());
    const click = page.getByRole('button', { name: 'Click twice' });
    await page.getByLabel('Enamel mugs').fill('3');
    await click.click();
    await says(page, '#order-happened', 'one order, and 3 fewer in stock');
    expect(await badges(page)).toEqual(['placed', 'replay']);
    const numbers = await page.locator('#clicks .number').allInnerTexts();
    expect(numbers).toHaveLength(2);
    expect(new Set(numbers).size).toBe(1);
    const [before, after] = [await number(page, '#stock-before'), await number(page, '#stock-after')];
    expect(before - after).toBe(3);
    expect(await ordersOf(page)).toHaveLength(1);

    await click.click();
    await says(page, '#order-happened', 'both clicks got the first answer again');
    expect(await badges(page)).toEqual(['replay', 'replay']);
    expect(await number(page, '#stock-after')).toBe(after);

    await page.getByLabel('Enamel mugs').fill('4');
    await click.click();
    await says(page, '#order-happened', 'this key stands for another order');

    await page.getByRole('button', { name: 'New order' }).click();
    await click.click();
    await says(page, '#order-happened', 'one order, and 4 fewer in stock');
    expect(await ordersOf(page)).toHaveLength(2);
  });

  it('that is in flight is said to be, and asked for again', async () => {
    const page = await it_.tab(await it_.visitor());
    // A click that is too late to meet the other in flight would leave this to chance.
    const refused = { code: 'idempotency_in_flight', status: 409 };
    await page.route(
      '**/orders',
      (route) =>
        route.fulfill({
          status: 409,
          contentType: 'application/problem+json',
          headers: { 'Retry-After': '1' },
          body: JSON.stringify(refused),
        }),
      { times: 1 },
    );
    await page.getByRole('button', { name: 'Click twice' }).click();
    await says(page, '#clicks', 'in flight');
    await says(page, '#clicks', 'Again in 1 s');
    await says(page, '#order-happened', 'got 409, and asked again');
    expect(await badges(page)).toEqual(['placed', 'replay']);
  });
});

describe('a product', () => {
  const change = async (page: Page, price: string) => {
    await page.getByLabel('New price').fill(price);
    await page.getByRole('button', { name: 'Change it' }).click();
  };

  it('comes from the cache, and shows a new price at once, in another tab as well', async () => {
    const visitor = await it_.visitor();
    const page = await it_.tab(visitor);
    await says(page, '#product-price', /^€\d/);
    await page.getByRole('button', { name: 'Look', exact: true }).click();
    await says(page, '#product-badges', /^hit$/);
    await says(page, '#product-age', /^\d+ s$/);

    const other = await it_.tab(visitor);
    await change(page, '11.11');
    await says(page, '#product-price', /^€11\.11$/);
    await says(page, '#product-happened', 'put the page out of date before the new price was answered');
    await says(other, '#product-price', /^€11\.11$/);

    await says(other, '#product-listening', /^listening$/);
    await change(page, '12.34');
    await says(page, '#product-price', /^€12\.34$/);
    await says(other, '#product-price', /^€12\.34$/);
    await says(other, '#product-happened', '/events told this tab: €12.34');
  });
});
