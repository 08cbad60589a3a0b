// An app in TypeScript: the middleware fits Express, and leaves what Express knows of the request alone. Compiled, it runs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Cache, createCache } from '@turnpike/cache-aside';
import { type CacheResponse, cacheResponse, cacheTags, invalidates } from '@turnpike/cache-aside/express';
import { type L1Options, l1 } from '@turnpike/cache-aside/l1';
import { type Rfc9111Options, rfc9111 } from '@turnpike/cache-aside/rfc9111';
import { fromNodeRedis } from '@turnpike/core/node-redis';
import { type IdempotentRun, idempotency } from '@turnpike/idempotency';
import { type Decision, rateLimit } from '@turnpike/rate-limit';
import express from 'express';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { visits } from './own-middleware.js';
import { sessionRoutes, trySessions } from './sessions.js';

const url = process.env['REDIS_URL'] ?? '';
const prefix = `ts-${process.pid}`;
const redis = new Redis(url);
const client = createClient({ url });
const limit = rateLimit({ redis, prefix, limit: 100, windowMs: 60_000 });
const over = rateLimit({ redis: fromNodeRedis(client), prefix, name: 'over', limit: 100, windowMs: 60_000 });

const app = express();
app.use(limit);
app.get('/products/:id', over, (req, res) => {
  const id: string = req.params.id;
  const decision: Decision = over.of(req);
  res.json({ id, remaining: decision.remaining });
});

const orders = idempotency({
  redis,
  prefix,
  scope: (req) => String(req.ip),
  onInDoubt: ({ id }) => (id === '' ? 'unknown' : 'not-done'),
});
app.post('/products/:id/orders', orders, (req, res) => {
  const id: string = req.params.id;
  const run: IdempotentRun = orders.of(req);
  res.status(201).json({ id, order: run.id });
});

const tier: L1Options = { l1TtlMs: 5000 };
const cache: Cache = createCache({ redis, prefix, ttlMs: 60_000, l1: l1(tier) });
const page: CacheResponse = cacheResponse({ cache, tags: (req) => [`product:${req.params?.['id']}`] });
app.get('/pages/:id', page, (req, res) => {
  const id: string = req.params.id;
  cacheTags(res, `product:${id}`);
  res.json({ id });
});
const options: Rfc9111Options = { targets: ['Ours-Cache-Control'], keepStaleMs: 60_000 };
app.use('/assets', cacheResponse({ cache, profile: rfc9111(options) }));
app.put('/pages/:id', invalidates({ cache, tags: ['catalogue'] }), (req, res) => {
  const id: string = req.params.id;
  res.json({ id });
});

app.use('/sessions', sessionRoutes(redis, prefix));
const ended: number[] = [];
const visited = visits(redis, prefix, ({ status }) => ended.push(status));
app.get('/visits/:id', visited, (req, res) => {
  const id: string = req.params.id;
  res.status(203).json({ id, visits: visited.of(req) });
});

async function main(): Promise<void> {
  await client.connect();
  const server = app.listen(0);
  await once(server, 'listening');
  const at = (path: string): string => `http://localhost:${(server.address() as AddressInfo).port}${path}`;
  assert.deepEqual(await (await fetch(at('/products/p1'))).json(), { id: 'p1', remaining: 99 });
  const order = () => fetch(at('/products/p1/orders'), { method: 'POST', headers: { 'Idempotency-Key': 'k' } });
  const [first, again] = [await order(), await order()];
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal(await again.text(), await first.text());
  assert.deepEqual(await (await fetch(at('/pages/a'))).json(), { id: 'a' });
  await trySessions(at('/sessions'));
  assert.deepEqual(await (await fetch(at('/visits/b'))).json(), { id: 'b', visits: 1 });
  assert.deepEqual(ended, [203]);

  cache.close();
  redis.disconnect();
  client.destroy();
  server.close();
  server.closeAllConnections();
}

/** What the compiler has to refuse; nothing calls it. */
export function refused(): void {
  // @ts-expect-error -- an option that does not exist is an error for the compiler too
  rateLimit({ redis, limit: 100, windowMs: 60_000, windowInMs: 1 });
  // @ts-expect-error -- whose key it is has to be said
  idempotency({ redis });
  // @ts-expect-error -- of one cache, or of one client
  cacheResponse({ redis, cache, ttlMs: 1000 });
  // @ts-expect-error -- a client of node-redis is wrapped first
  rateLimit({ redis: client, limit: 100, windowMs: 60_000 });
}

void main();
