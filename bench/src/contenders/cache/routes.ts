import { setTimeout as sleep } from 'node:timers/promises';
import express, { type Express, type Response } from 'express';
import { type Product, productOf, sourceMsOf } from './product.ts';

/** Where a value comes from when the cache has none. */
type Load<Value> = (id: string) => Promise<Value>;

/** A cache of values, as every contender can be asked. */
export interface DataCache<Value> {
  get(id: string): Promise<Value>;
  invalidate(id: string): Promise<unknown>;
}

type Make<Value> = (load: Load<Value>) => DataCache<Value>;

/** The route of all: a product from a cache, before a source that counts how often it was asked. */
function appWith<Value>(
  make: Make<Value>,
  source: (id: string) => Value,
  answer: (res: Response, value: Value) => void,
): Express {
  const app = express();
  let loads = 0;
  const cache = make(async (id) => {
    loads += 1;
    const sourceMs = sourceMsOf(id);
    if (sourceMs > 0) await sleep(sourceMs);
    return source(id);
  });
  app.get('/products/:id', async (req, res) => answer(res, await cache.get(req.params.id)));
  app.post('/products/:id/changed', async (req, res) => {
    await cache.invalidate(req.params.id);
    res.sendStatus(204);
  });
  app.get('/loads', (_req, res) => void res.json({ loads }));
  return app;
}

/** A product is an object, and answered with `res.json`. */
export const dataApp = (make: Make<Product>): Express =>
  appWith(make, productOf, (res, product) => void res.json(product));

/** A product is bytes, and answered as they are. */
export const bytesApp = (make: Make<Buffer>): Express =>
  appWith(
    make,
    (id) => Buffer.from(JSON.stringify(productOf(id))),
    (res, bytes) => {
      res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': bytes.length });
      res.end(bytes);
    },
  );
