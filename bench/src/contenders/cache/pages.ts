import express, { type Express, type RequestHandler } from 'express';
import { productOf, sourceMsOf } from './product.ts';

/** The route of the caches of whole responses: `cached` stands before a handler that counts how often it ran. */
export function pageApp(cached: RequestHandler): Express {
  const app = express();
  let loads = 0;
  app.get('/products/:id', cached, (req, res) => {
    const id = String(req.params['id']);
    loads += 1;
    const answer = (): unknown => res.json(productOf(id));
    const sourceMs = sourceMsOf(id);
    if (sourceMs > 0) setTimeout(answer, sourceMs);
    else answer();
  });
  app.get('/loads', (_req, res) => void res.json({ loads }));
  return app;
}
