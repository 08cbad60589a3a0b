import { createCache } from '@turnpike/cache-aside';
import { cacheResponse, invalidates } from '@turnpike/cache-aside/express';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

/** `list` and `rename` are yours, and know nothing of the cache. */
export function createApp(redis: Redis, list: RequestHandler, rename: RequestHandler): Express {
  const cache = createCache({ redis, ttlMs: 60_000 });
  const tags = () => ['products'];

  const app = express();
  app.get('/products', cacheResponse({ cache, tags }), list);
  app.put('/products/:id', express.json(), invalidates({ cache, tags }), rename);
  return app;
}
