import { createCache } from '@turnpike/cache-aside';
import { cacheResponse } from '@turnpike/cache-aside/express';
import { idempotency } from '@turnpike/idempotency';
import { rateLimit } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import express from 'express';
import type { Redis } from 'ioredis';

/** What a test chooses; the defaults are what runs. */
export interface ShopOptions {
  redis: Redis;
  prefix?: string;
  deadlineMs?: number;
  windowMs?: number;
}

export function createShop({ windowMs = 60_000, ...common }: ShopOptions) {
  const sessions = singleSession({
    ...common,
    jwt: { secret: 'thirty-two bytes or more, in a test', algorithm: 'HS256', issuer: 'shop', audience: 'web' },
  });
  const limit = rateLimit({ ...common, limit: 3, windowMs });
  const cache = createCache({ ...common, ttlMs: 60_000 });
  const once = idempotency({ ...common, scope: (req) => sessions.of(req).userId });
  let [stock, orders] = [5, 0];

  const app = express();
  app.get('/products', limit, cacheResponse({ cache }), (_req, res) => {
    res.json({ stock });
  });
  app.post('/orders', sessions.guard(), express.json(), once, (_req, res) => {
    stock -= 1;
    res.status(201).json({ order: (orders += 1) });
  });

  const close = (): void => {
    cache.close();
    sessions.close();
  };
  return { app, sessions, limit, cache, close };
}
