import { describe, expect, it } from 'vitest';
import { problemIn, shop } from './shop.ts';

const it_ = shop();

const statusOf = (answer: { headers: Record<string, string> }) => answer.headers['cache-status'];

describe('GET /products', () => {
  it('is a search: by part of a name, in any case, by category, by price, in pages', async () => {
    const search = async (query: object) => (await it_.http.get('/products').query(query).expect(200)).body;
    const mugs = await search({ q: 'MUG' });
    expect(mugs.total).toBeGreaterThan(5);
    for (const { name } of mugs.products) expect(name).toMatch(/mug/i);
    const garden = await search({ category: 'garden', sort: 'price' });
    const prices = garden.products.map(({ priceCents }: { priceCents: number }) => priceCents);
    expect(prices).toEqual(prices.toSorted((one: number, other: number) => one - other));
    expect(prices).toHaveLength(24);
    const second = await search({ category: 'garden', sort: 'price', page: 2 });
    expect(second.page).toBe(2);
    expect(second.products[0].priceCents).toBeGreaterThanOrEqual(prices.at(-1));
    expect(await search({ q: 'no such thing' })).toEqual({ products: [], total: 0, page: 1 });
  });

  it('takes what means something to SQL for a text', async () => {
    for (const q of ["'; drop table products; --", '%', '_', '\\', "' or '1'='1", '100%']) {
      expect((await it_.http.get('/products').query({ q }).expect(200)).body.total).toBe(0);
    }
  });

  it('is one page whatever else hangs on the link, and in whatever order', async () => {
    await it_.http.get('/products?q=mug&category=kitchen').expect(200);
    const again = await it_.http.get('/products?category=kitchen&utm_source=mail&q=mug').expect(200);
    expect(statusOf(again)).toMatch(/^turnpike; hit/);
  });

  it('is asked ten times a minute, and the eleventh is told when to come back', async () => {
    const statuses = [];
    for (let n = 0; n < 10; n += 1) statuses.push((await it_.http.get('/products?q=mug')).status);
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 200));
    const refused = await it_.http.get('/products?q=mug').expect(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
    expect(problemIn(refused)['violated-policies']).toEqual(['search']);
    await it_.http.get('/products/p1').expect(200);
  });

  it.each(['q=a&q=b', `q=${'x'.repeat(81)}`, 'category=A%27', 'sort=stock', 'page=0', 'page=-1', 'page=1e3', 'q=%00'])(
    'refuses %s',
    async (query) => {
      expect(problemIn(await it_.http.get(`/products?${query}`).expect(400))['code']).toBe('no_such_filter');
    },
  );
});

describe('GET /products/:id', () => {
  it('is rendered once, and comes from the cache then, signed in or not', async () => {
    const first = await it_.http.get('/products/p1').expect(200);
    expect(statusOf(first)).toBe('turnpike; fwd=uri-miss');
    expect(first.body).toMatchObject({ id: 'p1', name: 'Enamel mug', priceCents: 1200, stock: 500 });
    const again = await it_.http
      .get('/products/p1?ref=mail')
      .set(await it_.as('ann'))
      .expect(200);
    expect(statusOf(again)).toMatch(/^turnpike; hit; ttl=2\d\d$/);
    expect(again.headers['age']).toBe('0');
    await it_.http.get('/products/p1').set('If-None-Match', String(again.headers['etag'])).expect(304);
  });

  it.each(['p9999', 'x'.repeat(200), '%00', "p1'", '..%2fp1'])('of %s is 404, with problem details', async (id) => {
    expect(problemIn(await it_.http.get(`/products/${id}`).expect(404))['code']).toMatch(/no_such_product|not_found/);
  });
});

describe('PUT /products/:id/price', () => {
  const price = (as: Record<string, string>, body: unknown, id = 'p1') =>
    it_.http
      .put(`/products/${id}/price`)
      .set(as)
      .send(body as object);

  it('shows at once: on the page, in every list, and where the order of a list is by price', async () => {
    const eve = await it_.as('eve');
    const byPrice = async () =>
      (await it_.http.get('/products?q=mug&sort=price').expect(200)).body.products.map(({ id }: { id: string }) => id);
    expect((await byPrice())[0]).toBe('p1');
    await it_.http.get('/products/p1').expect(200);
    await price(eve, { priceCents: 9_999_999 }).expect(200);
    expect((await it_.http.get('/products/p1').expect(200)).body.priceCents).toBe(9_999_999);
    expect((await byPrice()).at(-1)).toBe('p1');
  });

  it('is for admins, of what is a price, of what there is', async () => {
    const [ann, eve] = [await it_.as('ann'), await it_.as('eve')];
    await price({}, { priceCents: 1 }).expect(401);
    expect(problemIn(await price(ann, { priceCents: 1 }).expect(403))['code']).toBe('admins_only');
    for (const odd of [0, -1, 1.5, '12', null, 1e9, undefined]) {
      expect(problemIn(await price(eve, { priceCents: odd }).expect(400))['code']).toBe('not_a_price');
    }
    await price(eve, { priceCents: 1 }, 'p9999').expect(404);
    expect((await it_.http.get('/products/p1').expect(200)).body.priceCents).toBe(1200);
  });
});
