import { Redis } from 'ioredis';
import request from 'supertest';
import { expect, it, vi } from 'vitest';
import { startRedisServer } from './redis-server.ts';
import { createShop } from './shop.ts';

it('without Redis the shop shows its products and takes no orders; with it, it is back', async () => {
  const server = await startRedisServer();
  const redis = new Redis(server.url, { retryStrategy: () => 50 });
  redis.on('error', () => undefined); // it is meant to be lost
  await redis.ping(); // waits for the server to be there
  const shop = createShop({ redis, deadlineMs: 1_000 });
  const { token } = await shop.sessions.login('ann');
  const order = (bearer: string) =>
    request(shop.app).post('/orders').auth(bearer, { type: 'bearer' }).set('Idempotency-Key', 'k1').send({});
  await order(token).expect(201, { order: 1 });

  await server.kill();
  const page = await request(shop.app).get('/products').set('Host', 'shop.test').expect(200);
  expect(page.headers['cache-status']).toBe('turnpike; fwd=bypass; detail=store');
  const refused = await order(token).expect(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);

  server.start();
  const again = await vi.waitFor(() => shop.sessions.login('ann'), { timeout: 5_000 });
  await order(again.token).expect(201, { order: 2 }); // nothing but a UNIQUE column remembers the first

  shop.close();
  redis.disconnect();
  await server.kill();
});
