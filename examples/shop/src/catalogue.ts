import { createCache } from '@turnpike/cache-aside';
import { cacheResponse, cacheTags, invalidates, isBackground } from '@turnpike/cache-aside/express';
import { type Middleware, type Problem, rateLimit, writeProblem } from '@turnpike/rate-limit';
import express, { Router } from 'express';
import type { Shop } from './app.ts';
import type { ProductTable } from './products.ts';
import type { ShopSessions } from './sessions.ts';

const tagOf = (id: string): string => `product:${id}`;

/** What anyone may read, ten times a minute and mostly from the cache; and what an admin may change, for all to see at once. */
export function catalogue({ redis, prefix }: Shop, sessions: ShopSessions, products: ProductTable): Router {
  // A page that is rendered anew behind a stale one counts for nobody.
  const limit = rateLimit({ redis, prefix, limit: 10, windowMs: 60_000, name: 'products', skip: isBackground });
  const cache = createCache({ redis, prefix, ttlMs: 300_000, staleMs: 60_000 });
  // The prices of the run before have ended with it.
  void cache.clear();
  const signedIn = sessions.guard();
  const router = Router();

  // All see the same, signed in or not.
  const list = cacheResponse({ cache, scope: 'public' });
  router.get('/products', limit, list, async (_req, res) => {
    const all = await products.all();
    cacheTags(res, ...all.map(({ id }) => tagOf(id)));
    res.json({ products: all });
  });

  const page = cacheResponse({ cache, scope: 'public', tags: (req) => [tagOf(req.params?.['id'])] });
  router.get('/products/:id', limit, page, async (req, res) => {
    const product = await products.byId(req.params.id);
    if (product === undefined) writeProblem(NO_SUCH_PRODUCT, req, res, () => undefined);
    else res.json(product);
  });

  const changed = invalidates({ cache, tags: (req) => [tagOf(req.params?.['id'])] });
  const isAdmin: Middleware = (req, res, next) => {
    if (sessions.of(req).claims.role === 'admin') next();
    else writeProblem(ADMINS_ONLY, req, res, next);
  };
  router.put('/products/:id/price', signedIn, isAdmin, express.json({ limit: '4kb' }), changed, async (req, res) => {
    const { priceCents } = (req.body ?? {}) as { priceCents?: unknown };
    if (!isPrice(priceCents)) return writeProblem(NOT_A_PRICE, req, res, () => undefined);
    const product = await products.setPrice(req.params.id, priceCents);
    if (product === undefined) writeProblem(NO_SUCH_PRODUCT, req, res, () => undefined);
    else res.json(product);
  });
  return router;
}

const isPrice = (cents: unknown): cents is number =>
  typeof cents === 'number' && Number.isInteger(cents) && cents >= 1 && cents <= 10_000_000;

const NO_SUCH_PRODUCT: Problem = { status: 404, code: 'no_such_product', detail: 'There is no such product.' };

const ADMINS_ONLY: Problem = { status: 403, code: 'admins_only', detail: 'Only an admin may change a price.' };

const NOT_A_PRICE: Problem = {
  status: 400,
  code: 'not_a_price',
  detail: 'A price is JSON: { "priceCents": a whole number from 1 }.',
};
