import { rateLimit } from '@turnpike/rate-limit';
import { Router } from 'express';
import type { Shop } from './app.ts';

const PRODUCTS = [
  { id: 'p1', name: 'Enamel mug', priceCents: 1200 },
  { id: 'p2', name: 'Wool blanket', priceCents: 8900 },
  { id: 'p3', name: 'Brass lamp', priceCents: 6400 },
];

/** What anyone may read, ten times a minute. */
export function catalogue({ redis, prefix }: Shop): Router {
  const limit = rateLimit({ redis, prefix, limit: 10, windowMs: 60_000, name: 'products' });
  const router = Router();
  router.get('/products', limit, (_req, res) => {
    res.json({ products: PRODUCTS });
  });
  return router;
}
