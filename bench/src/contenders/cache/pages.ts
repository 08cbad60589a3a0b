import express, { type Express, type RequestHandler } from 'express';
import { productOf } from './product.ts';

/** The route of the caches of whole responses: `cached` stands before a handler that counts how often it ran. */
export function pageApp(cached: RequestHandler): Express {
  const app = express();
  let loads = 0;
  app.get('/products/:id', cached, (req, res) => {
    loads += 1;
    res.json(productOf(String(req.params['id'])));
  });
  app.get('/loads', (_req, res) => void res.json({ loads }));
  return app;
}
