import { cacheResponse } from '@turnpike/cache-aside/express';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

/** Pages that differ by user: each user's are his own, and nobody without an id gets any. */
export function accounts(
  redis: Redis,
  prefix: string,
  signedIn: RequestHandler,
  userOf: (req: object) => string | undefined,
): Express {
  const app = express();
  const own = cacheResponse({ redis, prefix, ttlMs: 10_000, scope: (req) => userOf(req) });
  // Who is asked before whose page it is.
  app.get('/orders', signedIn, own, (req, res) => {
    res.json({ ordersOf: userOf(req) });
  });
  return app;
}
