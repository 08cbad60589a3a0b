import { type CacheSource, cacheResponse, invalidates } from '@turnpike/cache-aside/express';
import { type Middleware, type Problem, writeProblem } from '@turnpike/rate-limit';
import express, { type Request, Router } from 'express';
import type { ShopSessions } from '../accounts/sessions.ts';
import type { Shop } from '../shop.ts';
import type { Announcements } from '../events/announcements.ts';
import type { Limits } from '../limits.ts';
import { refuse } from '../problems.ts';
import { type Filter, productById, productsBy, setPrice } from './products.ts';

type SharedCache = Extract<CacheSource, { cache: unknown }>['cache'];

/** What a change of a product makes untrue: its own page, and every list, where it may stand elsewhere now. */
const tagsOf = (productId: unknown): string[] => [`product:${String(productId)}`, 'lists'];

/** What anyone may read, mostly from the cache; and what an admin may change, for all to see at once. */
export function catalogue(
  { database }: Shop,
  cache: SharedCache,
  limits: Limits,
  sessions: ShopSessions,
  announcements: Announcements,
): Router {
  const router = Router();

  // All see the same, signed in or not. Whatever else hangs on a link (`utm_source`) makes no page of its own.
  const lists = cacheResponse({
    cache,
    scope: 'public',
    query: ['q', 'category', 'sort', 'page'],
    tags: () => ['lists'],
  });
  router.get('/products', limits.search, lists, async (req, res) => {
    const filter = filterOf(req);
    if (filter === undefined) return refuse(NO_SUCH_FILTER, req, res);
    res.json({ ...(await productsBy(database, filter)), page: filter.page });
  });

  // Fresh for five minutes, and for an hour after that shown while it is rendered anew, or while the database is away.
  const page = cacheResponse({
    cache,
    scope: 'public',
    query: [],
    tags: (req) => [`product:${req.params?.['id']}`],
    ttlMs: 300_000,
    staleMs: 3_600_000,
    staleIfErrorMs: 3_600_000,
  });
  router.get('/products/:id', page, async (req, res) => {
    const product = isId(req.params.id) ? await productById(database, req.params.id) : undefined;
    if (product === undefined) refuse(NO_SUCH_PRODUCT, req, res);
    else res.json(product);
  });

  const isAdmin: Middleware = (req, res, next) => {
    if (sessions.of(req).claims.role === 'admin') next();
    else writeProblem(ADMINS_ONLY, req, res, next);
  };
  const changed = invalidates({ cache, tags: (req) => tagsOf(req.params?.['id']) });
  router.put(
    '/products/:id/price',
    sessions.guard(),
    isAdmin,
    express.json({ limit: '4kb' }),
    changed,
    async (req, res) => {
      const { priceCents } = (req.body ?? {}) as { priceCents?: unknown };
      if (!isPrice(priceCents)) return refuse(NOT_A_PRICE, req, res);
      const product = isId(req.params.id) ? await setPrice(database, req.params.id, priceCents) : undefined;
      if (product === undefined) return refuse(NO_SUCH_PRODUCT, req, res);
      res.once('finish', () => announcements.priceChanged(product));
      res.json(product);
    },
  );
  return router;
}

/** What comes from a client goes to the database as a value, and only where it can be one. */
export const isId = (id: unknown): id is string => typeof id === 'string' && /^[A-Za-z0-9-]{1,40}$/.test(id);

function filterOf({ query }: Request): Filter | undefined {
  const { q = '', category, sort = 'name', page = '1' } = query;
  const isText = typeof q === 'string' && q.length <= 80 && !q.includes('\0');
  const isCategory = category === undefined || (typeof category === 'string' && /^[a-z]{1,40}$/.test(category));
  const isSort = sort === 'name' || sort === 'price';
  const isPage = typeof page === 'string' && /^[1-9]\d{0,3}$/.test(page);
  return isText && isCategory && isSort && isPage ? { q, category, sort, page: Number(page) } : undefined;
}

const isPrice = (cents: unknown): cents is number =>
  typeof cents === 'number' && Number.isInteger(cents) && cents >= 1 && cents <= 10_000_000;

const NO_SUCH_FILTER: Problem = {
  status: 400,
  code: 'no_such_filter',
  detail: 'q is up to 80 characters, category a word, sort name or price, page a number from 1; each once.',
};

const NO_SUCH_PRODUCT: Problem = { status: 404, code: 'no_such_product', detail: 'There is no such product.' };

const ADMINS_ONLY: Problem = { status: 403, code: 'admins_only', detail: 'Only an admin may change a price.' };

const NOT_A_PRICE: Problem = {
  status: 400,
  code: 'not_a_price',
  detail: 'A price is JSON: { "priceCents": a whole number from 1 to 10000000 }.',
};
