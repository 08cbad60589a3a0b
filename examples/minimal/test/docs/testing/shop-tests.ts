import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createShop } from './shop.ts';

let redis: Redis;
let shop: ReturnType<typeof createShop>;
beforeAll(() => {
  redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');
});
afterAll(() => redis.quit());
const forOneTest = () => ({ redis, prefix: `test-${randomUUID()}`, deadlineMs: 1_000 });
beforeEach(() => {
  shop = createShop(forOneTest());
});
afterEach(() => shop.close());

// Without a Host each request is to 127.0.0.1 and a port of its own, and so for a page of its own.
const look = ({ app } = shop) => request(app).get('/products').set('Host', 'shop.test');
const order = (token: string, key: string) =>
  request(shop.app)
    .post('/orders')
    .auth(token, { type: 'bearer' })
    .set('Idempotency-Key', key)
    .send({ product: 'mug' });

it('the fourth look is refused, until the limit is reset', async () => {
  for (let looks = 1; looks <= 3; looks += 1) await look().expect(200);
  const refused = await look().expect(429);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  await shop.limit.limiter.reset('127.0.0.1'); // the key: here the client's address
  await look().expect(200);
});

it('the fourth look is let pass when the window is over', async () => {
  const quick = createShop({ ...forOneTest(), windowMs: 200 });
  for (let looks = 1; looks <= 3; looks += 1) await look(quick).expect(200);
  const { retryAfterMs = 0 } = await quick.limit.limiter.peek('127.0.0.1');
  await sleep(retryAfterMs + 5); // real time: Redis has a clock of its own
  await look(quick).expect(200);
  quick.close();
});

it('a page is rendered once, and again after the cache is cleared', async () => {
  expect((await look()).headers['cache-status']).toBe('turnpike; fwd=uri-miss');
  expect((await look()).headers['cache-status']).toMatch(/^turnpike; hit/);
  await shop.cache.clear();
  expect((await look()).headers['cache-status']).toBe('turnpike; fwd=uri-miss');
});

it('an order that is sent twice is made once', async () => {
  const { token } = await shop.sessions.login('ann');
  const [first, again] = [await order(token, 'k1'), await order(token, 'k1')];
  expect([first.status, again.status, again.body]).toEqual([201, 201, first.body]);
  expect(again.headers['idempotent-replayed']).toBe('true');
  await shop.sessions.revokeAll('ann');
  await order(token, 'k1').expect(401);
});
