import { createCache } from '@turnpike/cache-aside';
import { cacheResponse, invalidates, isBackground } from '@turnpike/cache-aside/express';
import { idempotency } from '@turnpike/idempotency';
import { rateLimit } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import compression from 'compression';
import cors from 'cors';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Redis } from 'ioredis';

export function createApp(redis: Redis, prefix: string, secret: string): Express {
  const sessions = singleSession({
    redis,
    prefix,
    jwt: { secret, algorithm: 'HS256', issuer: 'shop', audience: 'web' },
  });
  const signedIn = sessions.guard();
  const cache = createCache({ redis, prefix, ttlMs: 60_000 });
  const limit = rateLimit({ redis, prefix, limit: 100, windowMs: 60_000, skip: isBackground });
  const pages = cacheResponse({ cache, scope: 'public', tags: () => ['catalogue'] });
  const changed = invalidates({ cache, tags: ['catalogue'] });
  const once = idempotency({ redis, prefix, scope: (req) => sessions.of(req).userId });

  const app = express();
  app.use(compression()); // 1
  app.use(cors({ origin: 'https://shop.example', exposedHeaders: ['Retry-After', 'Cache-Status'] })); // 2
  app.use(limit); // 3

  app.post('/login', express.json(), async (req, res) => {
    // Yours: ask for the password first.
    res.json(await sessions.login((req.body as { email: string }).email));
  });

  const products = ['mug'];
  app.get('/products', pages, (_req, res) => {
    res.json({ products, text: 'a page that is worth its compression '.repeat(100) });
  });
  //                     4         5               5     6: around the commit
  app.post('/products', signedIn, express.json(), once, changed, (req, res) => {
    products.push((req.body as { name: string }).name);
    res.status(201).json({ products });
  });

  const answerErrors: ErrorRequestHandler = (error: unknown, _req, res, next) => {
    if (res.headersSent) next(error);
    else res.status(500).json({ code: 'internal_error' });
  };
  app.use(answerErrors); // 7
  return app;
}
