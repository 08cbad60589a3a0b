import { rateLimit } from '@turnpike/rate-limit';
import { Router } from 'express';
import type { Shop } from './app.ts';
import { PRODUCTS } from './products.ts';

/** What anyone may read, ten times a minute. */
export function catalogue({ redis, prefix }: Shop): Router {
  const limit = rateLimit({ redis, prefix, limit: 10, windowMs: 60_000, name: 'products' });
  const router = Router();
  router.get('/products', limit, (_req, res) => {
    res.json({ products: PRODUCTS });
  });
  return router;
}
