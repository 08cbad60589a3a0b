import { createCache } from '@turnpike/cache-aside';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

/** Yours. */
export interface Database {
  product(id: string): Promise<{ id: string; name: string } | null>;
  rename(id: string, name: string): Promise<void>;
}

export function createApp(redis: Redis, db: Database): Express {
  const cache = createCache({ redis, ttlMs: 300_000, staleMs: 60_000 });

  const app = express();
  app.get('/products/:id', async ({ params: { id } }, res) => {
    res.json(await cache.getOrLoad(`product:${id}`, () => db.product(id), { tags: ['catalogue'] }));
  });
  app.put('/products/:id', express.json(), async ({ params: { id }, body }, res) => {
    await cache.writeThrough(`product:${id}`, () => db.rename(id, body.name)); // invalidates, also when it threw
    res.sendStatus(204);
  });
  return app;
}
