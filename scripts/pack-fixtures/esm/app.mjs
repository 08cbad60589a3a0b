// An app of ES modules: the first request passes, the second is one too many, over ioredis and over node-redis; an order that is
// sent twice is one order; a page is rendered once, until what it shows has changed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cacheResponse, invalidates } from '@turnpike/cache-aside/express';
import { createCache } from '@turnpike/cache-aside';
import { l1 } from '@turnpike/cache-aside/l1';
import { rfc9111 } from '@turnpike/cache-aside/rfc9111';
import { fromNodeRedis } from '@turnpike/core/node-redis';
import { idempotency } from '@turnpike/idempotency';
import { rateLimit } from '@turnpike/rate-limit';
import express from 'express';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { sameAnswer, trySameAnswer } from './own-middleware.mjs';
import { sessionRoutes, trySessions } from './sessions.mjs';

const redis = new Redis(process.env.REDIS_URL);
const app = express();
const limit = rateLimit({ redis, prefix: `esm-${process.pid}`, limit: 1, windowMs: 60_000 });
app.get('/products', limit, (req, res) => res.json({ remaining: limit.of(req).remaining }));

const client = createClient({ url: process.env.REDIS_URL });
await client.connect();
const over = rateLimit({
  redis: fromNodeRedis(client),
  prefix: `node-redis-${process.pid}`,
  limit: 1,
  windowMs: 60_000,
});
app.get('/over', over, (req, res) => res.json({ degraded: over.of(req).degraded }));

const orders = idempotency({ redis, prefix: `esm-${process.pid}`, scope: 'public' });
let placed = 0;
app.post('/orders', express.json(), orders, (req, res) => {
  placed += 1;
  res.status(201).json({ id: orders.of(req).id });
});

const pages = cacheResponse({ redis, prefix: `esm-${process.pid}`, ttlMs: 60_000 });
let rendered = 0;
app.get('/page', pages, (req, res) => {
  rendered += 1;
  res.json({ rendered });
});
const near = createCache({ redis, prefix: `esm-${process.pid}`, ttlMs: 60_000, l1: l1() });
assert.equal(await near.getOrLoad('product:1', () => 'loaded'), 'loaded');

const shared = cacheResponse({ cache: pages.cache, profile: rfc9111() });
app.get('/shared', shared, (req, res) => res.set('Cache-Control', 'no-cache').json({ shared: true }));
app.put('/page', invalidates({ cache: pages.cache }), (req, res) => res.sendStatus(204));

app.use('/sessions', sessionRoutes(redis, `esm-${process.pid}`));
app.get('/same', sameAnswer(redis, `esm-${process.pid}`), (req, res) => res.json({ at: process.hrtime() }));

const server = app.listen(0);
await once(server, 'listening');
const get = () => fetch(`http://localhost:${server.address().port}/products`);

const first = await get();
assert.equal(first.status, 200);
assert.deepEqual(await first.json(), { remaining: 0 });
const second = await get();
assert.equal(second.status, 429);
assert.ok(Number(second.headers.get('retry-after')) >= 1);

const getOver = () => fetch(`http://localhost:${server.address().port}/over`);
const firstOver = await getOver();
assert.deepEqual(await firstOver.json(), { degraded: false });
assert.equal((await getOver()).status, 429);

const order = () =>
  fetch(`http://localhost:${server.address().port}/orders`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': 'k' },
    body: '{"productId":"p1"}',
  });
const answer = await order();
assert.equal(answer.status, 201);
const again = await order();
assert.equal(again.headers.get('idempotent-replayed'), 'true');
assert.equal(await again.text(), await answer.text());
assert.equal(placed, 1);

const page = async () => (await fetch(`http://localhost:${server.address().port}/page`)).json();
assert.deepEqual([await page(), await page()], [{ rendered: 1 }, { rendered: 1 }]);
await fetch(`http://localhost:${server.address().port}/page`, { method: 'PUT' });
assert.deepEqual(await page(), { rendered: 2 });
await fetch(`http://localhost:${server.address().port}/shared`);
const validated = await fetch(`http://localhost:${server.address().port}/shared`);
assert.match(validated.headers.get('cache-status'), /fwd-status=304/);
assert.deepEqual(await validated.json(), { shared: true });

await trySessions(`http://localhost:${server.address().port}/sessions`);
await trySameAnswer(`http://localhost:${server.address().port}/same`);
pages.cache.close();
near.close();

redis.disconnect();
client.destroy();
server.close();
server.closeAllConnections();
