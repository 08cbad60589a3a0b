import type { Cache } from '@turnpike/cache-aside';
import { cacheResponse, cacheTags, invalidates } from '@turnpike/cache-aside/express';
import express, { type Express } from 'express';

/** What the app reads and writes. */
export interface Products {
  all(): Promise<{ id: string; name: string }[]>;
  byId(id: string): Promise<{ id: string; name: string } | undefined>;
  rename(id: string, name: string): Promise<void>;
}

export function shop(cache: Cache, products: Products): Express {
  const app = express();

  // What the list holds is known when it is read: each product's change drops it.
  app.get('/products', cacheResponse({ cache }), async (_req, res) => {
    const all = await products.all();
    cacheTags(res, ...all.map(({ id }) => `product:${id}`));
    res.json(all);
  });

  const page = cacheResponse({ cache, tags: (req) => [`product:${req.params?.['id']}`], negative: { 404: 5000 } });
  app.get('/products/:id', page, async (req, res) => {
    const product = await products.byId(req.params.id);
    if (product === undefined) res.sendStatus(404);
    else res.set('Cache-Control', 'max-age=60, stale-while-revalidate=600').json(product);
  });

  const changed = invalidates({ cache, tags: (req) => [`product:${req.params?.['id']}`] });
  app.put('/products/:id', express.json(), changed, async (req, res) => {
    await products.rename(req.params.id, (req.body as { name: string }).name); // the commit
    res.sendStatus(204); // leaves when the pages are invalid
  });
  return app;
}
