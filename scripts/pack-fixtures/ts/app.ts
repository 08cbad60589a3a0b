// An app in TypeScript: the middleware fits Express, and leaves what Express knows of the request alone.
import { type Cache, createCache } from '@turnpike/cache-aside';
import { type CacheResponse, cacheResponse, cacheTags, invalidates } from '@turnpike/cache-aside/express';
import { type L1Options, l1 } from '@turnpike/cache-aside/l1';
import { type Rfc9111Options, rfc9111 } from '@turnpike/cache-aside/rfc9111';
import { type IdempotentRun, idempotency } from '@turnpike/idempotency';
import { type Decision, rateLimit } from '@turnpike/rate-limit';
import express from 'express';
import { Redis } from 'ioredis';

const redis = new Redis(process.env['REDIS_URL'] ?? '');
const limit = rateLimit({ redis, limit: 100, windowMs: 60_000 });

const app = express();
app.use(limit);
app.get('/products/:id', limit, (req, res) => {
  const id: string = req.params.id;
  const decision: Decision = limit.of(req);
  res.json({ id, remaining: decision.remaining });
});

const once = idempotency({
  redis,
  scope: (req) => String(req.ip),
  onInDoubt: ({ id }) => (id === '' ? 'unknown' : 'not-done'),
});
app.post('/products/:id/orders', once, (req, res) => {
  const id: string = req.params.id;
  const run: IdempotentRun = once.of(req);
  res.status(201).json({ id, order: run.id });
});

const tier: L1Options = { l1TtlMs: 5000 };
const cache: Cache = createCache({ redis, ttlMs: 60_000, l1: l1(tier) });
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

// @ts-expect-error -- an option that does not exist is an error for the compiler too
rateLimit({ redis, limit: 100, windowMs: 60_000, windowInMs: 1 });
// @ts-expect-error -- whose key it is has to be said
idempotency({ redis });
// @ts-expect-error -- of one cache, or of one client
cacheResponse({ redis, cache, ttlMs: 1000 });
