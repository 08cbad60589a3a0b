import { type Clients, type RedisServer, clientFactory, eventually, race, startRedis } from '@turnpike/test-kit';
import type { Express } from 'express';
import type { Cluster, Redis } from 'ioredis';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApp } from '../src/app.ts';

let server: RedisServer;
let clients: Clients<Redis, Cluster>;
let app: Express;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  clients = clientFactory(server);
  const redis = clients.client();
  await redis.ping();
  app = createApp({ redis, prefix: clients.prefix, secret: 'thirty-two bytes or more, in a test' });
});
afterEach(async () => {
  server.resume();
  await clients.noKeyWithoutTtl();
  await clients.close();
});

const login = (email: unknown, password: unknown) => request(app).post('/login').send({ email, password });

describe('GET /products', () => {
  it('is served ten times a minute, and the eleventh is told when to come back', async () => {
    const statuses = [];
    for (let n = 0; n < 10; n += 1) statuses.push((await request(app).get('/products')).status);
    expect(statuses).toEqual(Array.from({ length: 10 }, () => 200));
    const refused = await request(app).get('/products').expect(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
    expect(JSON.parse(refused.text)['violated-policies']).toEqual(['products']);
  });

  it('is still served when Redis is gone', async () => {
    server.pause();
    const answer = await request(app).get('/products').expect(200);
    expect(answer.body.products).toHaveLength(3);
  });
});

describe('the catalogue', () => {
  const HOST = 'shop.example'; // the page of another host is another page
  const look = (path: string) => request(app).get(path).set('Host', HOST);
  const admin = async () =>
    `Bearer ${(await login('eve@example.com', 'keys under the third pot').expect(200)).body.token}`;
  const price = (as: string, cents: unknown, id = 'p1') =>
    request(app).put(`/products/${id}/price`).set('Authorization', as).send({ priceCents: cents });

  it('is rendered once, and comes from the cache then', async () => {
    expect((await look('/products/p1').expect(200)).headers['cache-status']).toBe('turnpike; fwd=uri-miss');
    const again = await look('/products/p1').expect(200, { id: 'p1', name: 'Enamel mug', priceCents: 1200 });
    expect(again.headers['cache-status']).toMatch(/^turnpike; hit; ttl=\d+$/);
    expect(again.headers['age']).toBe('0');
    await look('/products/p1').set('If-None-Match', String(again.headers['etag'])).expect(304);
  });

  it('shows a new price at once, on the page of the product and in the list', async () => {
    const eve = await admin();
    for (const path of ['/products', '/products/p1', '/products/p2']) {
      await look(path).expect(200);
      expect((await look(path)).headers['cache-status']).toMatch(/hit/);
    }
    await price(eve, 990).expect(200, { id: 'p1', name: 'Enamel mug', priceCents: 990 });
    expect((await look('/products/p1').expect(200)).body.priceCents).toBe(990);
    expect((await look('/products').expect(200)).body.products[0].priceCents).toBe(990);
    expect((await look('/products/p2').expect(200)).headers['cache-status']).toMatch(/hit/);
  });

  it('lets an admin alone change a price, to what is one, of what there is', async () => {
    const eve = await admin();
    const ann = `Bearer ${(await login('ann@example.com', 'correct horse battery staple')).body.token}`;
    await price(ann, 1).expect(403);
    await request(app).put('/products/p1/price').send({ priceCents: 1 }).expect(401);
    for (const odd of [0, -1, 1.5, '12', null, undefined, 1e9]) await price(eve, odd).expect(400);
    await price(eve, 1, 'p9').expect(404);
    await look('/products/p9').expect(404);
    expect((await look('/products/p1').expect(200)).body.priceCents).toBe(1200);
  });
});

describe('POST /login', () => {
  it('lets the right password in, and refuses the sixth wrong one, also all at once', async () => {
    await login('ann@example.com', 'correct horse battery staple').expect(200);
    const guesses = await race(20, async () => (await login('Ann@Example.com ', 'guess')).status);
    expect(guesses.filter((status) => status === 401)).toHaveLength(5);
    expect(guesses.filter((status) => status === 429)).toHaveLength(15);
  });

  it('is refused with Retry-After when Redis is gone', async () => {
    server.pause();
    await login('ann@example.com', 'correct horse battery staple').expect(503).expect('Retry-After', '1');
  });

  it('answers odd input with 400 or 401, and never with a stack trace', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    for (const [email, password] of [
      [undefined, undefined],
      [null, 1],
      [{ $gt: '' }, ['x']],
      ['__proto__', 'x'],
      ['x'.repeat(3000), 'x'],
    ]) {
      expect((await login(email, password)).status).toBe(401);
    }
    const send = (body: string) => request(app).post('/login').set('Content-Type', 'application/json').send(body);
    for (const [body, status] of [
      ['{"email":', 400],
      ['7', 400],
      [`"${'x'.repeat(5000)}"`, 413],
    ] as const) {
      const answer = await send(body).expect(status);
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(answer.text).not.toMatch(/node_modules|at .*\.js/);
    }
    await request(app).post('/login').expect(401);
    vi.restoreAllMocks();
  });
});

describe('an account', () => {
  const PASSWORD = 'correct horse battery staple';
  const signIn = async (device: string) =>
    (await login('ann@example.com', PASSWORD).set('User-Agent', device).expect(200)).body as {
      token: string;
      signedOut: string[];
    };
  const as = (token: string) => ({ Authorization: `Bearer ${token}` });

  it('is open on one device: the newest login wins, and the other is told by which', async () => {
    const phone = await signIn('Phone');
    expect((await request(app).get('/me').set(as(phone.token)).expect(200)).body).toMatchObject({
      user: 'ann@example.com',
      role: 'customer',
      device: 'Phone',
    });
    const laptop = await signIn('Laptop');
    expect(laptop.signedOut).toEqual(['Phone']);
    const refused = await request(app).get('/me').set(as(phone.token)).expect(401);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
    await request(app).get('/me').expect(401).expect('WWW-Authenticate', 'Bearer');
  });

  it('shows its devices, ends them, and signs out', async () => {
    const { token } = await signIn('Phone');
    const { devices } = (await request(app).get('/devices').set(as(token)).expect(200)).body;
    expect(devices).toMatchObject([{ device: 'Phone', isThis: true }]);
    await request(app).delete('/devices/AAAAAAAAAAAA').set(as(token)).expect(404);
    await request(app).delete('/devices/nonsense').set(as(token)).expect(404);
    await request(app).delete(`/devices/${devices[0].handle}`).set(as(token)).expect(204);
    expect(JSON.parse((await request(app).get('/me').set(as(token)).expect(401)).text).code).toBe('session_revoked');
    const again = await signIn('Phone');
    await request(app).post('/logout').set(as(again.token)).expect(204);
    await request(app).get('/me').set(as(again.token)).expect(401);
  });

  it('is not shown while Redis is gone: 503 with Retry-After', async () => {
    const { token } = await signIn('Phone');
    server.pause();
    await request(app).get('/me').set(as(token)).expect(503).expect('Retry-After', '1');
  });
});

describe('POST /orders', () => {
  const PASSWORDS = { ann: 'correct horse battery staple', bob: 'an umbrella in the hallway' };
  const signIn = async (who: keyof typeof PASSWORDS): Promise<string> =>
    `Bearer ${(await login(`${who}@example.com`, PASSWORDS[who]).expect(200)).body.token}`;
  const MUGS = { productId: 'p1', quantity: 2 };
  const order = (as: string, key = 'k', body: object = MUGS) =>
    request(app).post('/orders').set({ Authorization: as, 'Idempotency-Key': key }).send(body);
  const ordersOf = async (as: string) =>
    (await request(app).get('/orders').set('Authorization', as).expect(200)).body.orders as { id: string }[];

  it('places one order for a double click, and the second answer is the first again', async () => {
    const ann = await signIn('ann');
    const first = await order(ann).expect(201);
    expect(first.body).toMatchObject({ ...MUGS, totalCents: 2400 });
    expect(first.headers['location']).toBe(`/orders/${first.body.id}`);
    const second = await order(ann).expect(201).expect('Idempotent-Replayed', 'true');
    expect(second.text).toBe(first.text);
    expect(second.headers['location']).toBe(first.headers['location']);
    expect(await ordersOf(ann)).toEqual([first.body]);
    await request(app).get(`/orders/${first.body.id}`).set('Authorization', ann).expect(200, first.body);
  });

  it('places one order for twenty clicks at once', async () => {
    const ann = await signIn('ann');
    const clicks = await race(20, async () => order(ann));
    for (const { status, headers } of clicks) {
      if (status === 409) expect(headers['retry-after']).toBe('1');
      else expect(status).toBe(201);
    }
    expect(await ordersOf(ann)).toHaveLength(1);
  });

  it("takes another user's same key for another order, and shows nobody else's", async () => {
    const [ann, bob] = [await signIn('ann'), await signIn('bob')];
    const { body: hers } = await order(ann).expect(201);
    const { body: his } = await order(bob).expect(201);
    expect(his.id).not.toBe(hers.id);
    expect(await ordersOf(bob)).toEqual([his]);
    const hidden = await request(app).get(`/orders/${hers.id}`).set('Authorization', bob).expect(404);
    expect(JSON.parse(hidden.text).code).toBe('no_such_order');
  });

  it('refuses a key that was used for something else, one that is missing, and who is not signed in', async () => {
    const ann = await signIn('ann');
    await order(ann).expect(201);
    const other = await order(ann, 'k', { ...MUGS, quantity: 3 }).expect(422);
    expect(JSON.parse(other.text).code).toBe('idempotency_key_reused');
    const keyless = await request(app).post('/orders').set('Authorization', ann).send(MUGS).expect(400);
    expect(JSON.parse(keyless.text).code).toBe('idempotency_key_missing');
    await request(app).post('/orders').set('Idempotency-Key', 'k').send(MUGS).expect(401);
    expect(await ordersOf(ann)).toHaveLength(1);
  });

  it('answers odd input with 400 and problem details, and the key is still good', async () => {
    const ann = await signIn('ann');
    const odd = [
      {},
      [],
      { ...MUGS, productId: 'p9' },
      ...[0, -1, 1.5, 101, '2', null].map((n) => ({ ...MUGS, quantity: n })),
    ];
    for (const body of odd) {
      const refused = await order(ann, 'k', body).expect(400);
      expect(refused.headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(refused.text).code).toBe('not_orderable');
    }
    await order(ann).set('Content-Type', 'text/plain').send('two mugs').expect(400);
    await order(ann).expect(201);
  });

  it('is refused with Retry-After while Redis is gone, and nothing is ordered', async () => {
    const ann = await signIn('ann');
    server.pause();
    await order(ann).expect(503).expect('Retry-After', '1');
    server.resume();
    await eventually(async () => expect(await ordersOf(ann)).toEqual([]));
    await order(ann).expect(201);
  });

  it('places one order when Redis forgets everything between the clicks', async () => {
    const first = await order(await signIn('ann')).expect(201);
    await clients.client().flushall();
    // The session was forgotten, too.
    const ann = await signIn('ann');
    const second = await order(ann).expect(201);
    expect(second.text).toBe(first.text);
    expect(second.headers['location']).toBe(first.headers['location']);
    expect(second.headers['idempotent-replayed']).toBeUndefined();
    expect(await ordersOf(ann)).toHaveLength(1);
  });

  it('is asked thirty times a minute by one user at most, and each has its own thirty', async () => {
    const [ann, bob] = [await signIn('ann'), await signIn('bob')];
    const statuses = await race(31, async (n) => (await order(ann, `k${n}`)).status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(30);
    expect(statuses.filter((status) => status === 429)).toHaveLength(1);
    await order(bob).expect(201);
  });
});
