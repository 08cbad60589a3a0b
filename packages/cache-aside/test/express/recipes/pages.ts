import type { Cache } from '@turnpike/cache-aside';
import { cacheResponse, cacheTags, invalidates } from '@turnpike/cache-aside/express';
import express, { type Express } from 'express';

interface Product {
  readonly id: string;
  readonly name: string;
  readonly maker: string;
}

/** What the app reads and writes. */
export interface Products {
  all(): Promise<Product[]>;
  byId(id: string): Promise<Product | undefined>;
  rename(id: string, name: string): Promise<void>;
}

export function shop(cache: Cache, products: Products): Express {
  const app = express();

  // A change of any product drops the list.
  app.get('/products', cacheResponse({ cache, tags: () => ['products'] }), async (_req, res) => {
    res.json(await products.all());
  });

  const page = cacheResponse({ cache, tags: (req) => [`product:${req.params?.['id']}`], negative: { 404: 5000 } });
  app.get('/products/:id', page, async (req, res) => {
    const product = await products.byId(req.params.id);
    if (product === undefined) return res.sendStatus(404);
    // What else the page depends on is known now: `cache.invalidate({ tags: ['maker:…'] })` drops it, too.
    cacheTags(res, `maker:${product.maker}`);
    return res.set('Cache-Control', 'max-age=60, stale-while-revalidate=600').json(product);
  });

  const changed = invalidates({ cache, tags: (req) => ['products', `product:${req.params?.['id']}`] });
  app.put('/products/:id', express.json(), changed, async (req, res) => {
    await products.rename(req.params.id, (req.body as { name: string }).name); // the commit
    res.sendStatus(204); // leaves when the pages are invalid
  });
  return app;
}
