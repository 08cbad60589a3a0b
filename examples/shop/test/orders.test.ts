import { race } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { problemIn, shop } from './shop.ts';

const it_ = shop();

const MUGS = { productId: 'p1', quantity: 2 };
type As = { Authorization: string };
const order = (as: As, key = 'k', body: unknown = MUGS) =>
  it_.http
    .post('/orders')
    .set({ ...as, 'Idempotency-Key': key })
    .send(body as object);
const ordersOf = async (as: As) => (await it_.http.get('/orders').set(as).expect(200)).body.orders as { id: string }[];
const stock = async () =>
  (await it_.database.query<{ stock: number }>("select stock from products where id = 'p1'"))[0]?.stock;

describe('POST /orders', () => {
  it('places one order for a double click, and the second answer is the first again', async () => {
    const ann = await it_.as('ann');
    const first = await order(ann).expect(201);
    expect(first.body).toMatchObject({ ...MUGS, totalCents: 2400 });
    expect(first.headers['location']).toBe(`/orders/${first.body.id}`);
    const second = await order(ann).expect(201).expect('Idempotent-Replayed', 'true');
    expect(second.text).toBe(first.text);
    expect(await ordersOf(ann)).toEqual([first.body]);
    await it_.http.get(`/orders/${first.body.id}`).set(ann).expect(200, first.body);
    expect(await stock()).toBe(498);
  });

  it('places one order for twenty clicks at once', async () => {
    const ann = await it_.as('ann');
    for (const { status, headers } of await race(20, async () => order(ann))) {
      if (status === 409) expect(headers['retry-after']).toBe('1');
      else expect(status).toBe(201);
    }
    expect(await ordersOf(ann)).toHaveLength(1);
    expect(await stock()).toBe(498);
  });

  it('shows on the page of the product how many are left', async () => {
    const ann = await it_.as('ann');
    expect((await it_.http.get('/products/p1')).body.stock).toBe(500);
    await order(ann).expect(201);
    expect((await it_.http.get('/products/p1')).body.stock).toBe(498);
  });

  it('never sells more than there are, however many want them at once; and a refusal uses up no key', async () => {
    await it_.database.query("update products set stock = 9 where id = 'p1'");
    const ann = await it_.as('ann');
    const statuses = await race(20, async (n) => (await order(ann, `k${n}`)).status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(4);
    expect(await stock()).toBe(1);
    const refused = await order(ann, 'late').expect(409);
    expect(problemIn(refused)).toMatchObject({ code: 'sold_out', stock: 1 });
    await it_.database.query("update products set stock = 5 where id = 'p1'");
    await order(ann, 'late').expect(201);
  });

  it("takes another user's same key for another order, and shows nobody else's", async () => {
    const [ann, bob] = [await it_.as('ann'), await it_.as('bob')];
    const { body: hers } = await order(ann).expect(201);
    const { body: his } = await order(bob).expect(201);
    expect(his.id).not.toBe(hers.id);
    expect(await ordersOf(bob)).toEqual([his]);
    expect(problemIn(await it_.http.get(`/orders/${hers.id}`).set(bob).expect(404))['code']).toBe('no_such_order');
    for (const id of ['x', '0', `${hers.id}'`]) await it_.http.get(`/orders/${id}`).set(ann).expect(404);
  });

  it('refuses a key that was used for something else, one that is missing, and who is not signed in', async () => {
    const ann = await it_.as('ann');
    await order(ann).expect(201);
    expect(problemIn(await order(ann, 'k', { ...MUGS, quantity: 3 }).expect(422))['code']).toBe(
      'idempotency_key_reused',
    );
    expect(problemIn(await it_.http.post('/orders').set(ann).send(MUGS).expect(400))['code']).toBe(
      'idempotency_key_missing',
    );
    await it_.http.post('/orders').set('Idempotency-Key', 'k').send(MUGS).expect(401);
    expect(await ordersOf(ann)).toHaveLength(1);
  });

  it('answers odd input with 400 and problem details, and the key is still good', async () => {
    const ann = await it_.as('ann');
    const odd = [
      {},
      [],
      { ...MUGS, productId: { $ne: 1 } },
      { ...MUGS, productId: "p1'; drop table orders" },
      ...[0, -1, 1.5, 101, '2', null].map((quantity) => ({ ...MUGS, quantity })),
    ];
    for (const body of odd) expect(problemIn(await order(ann, 'k', body).expect(400))['code']).toBe('not_orderable');
    expect(problemIn(await order(ann, 'k', { ...MUGS, productId: 'p9999' }).expect(404))['code']).toBe(
      'no_such_product',
    );
    await order(ann).expect(201);
  });

  it('places one order when Redis forgets everything between the clicks', async () => {
    const first = await order(await it_.as('ann')).expect(201);
    await it_.clients.client().flushall();
    const ann = await it_.as('ann'); // the session was forgotten, too
    const second = await order(ann).expect(201);
    expect(second.text).toBe(first.text);
    expect(second.headers['idempotent-replayed']).toBeUndefined();
    expect(await ordersOf(ann)).toHaveLength(1);
    expect(await stock()).toBe(498);
  });

  it('is asked thirty times a minute by one user at most, and each has its own thirty', async () => {
    const [ann, bob] = [await it_.as('ann'), await it_.as('bob')];
    const statuses = await race(31, async (n) => (await order(ann, `k${n}`)).status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(30);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    await order(bob).expect(201);
  });
});
