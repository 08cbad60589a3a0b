import { rateLimit } from '@turnpike/rate-limit';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

export function createApp(redis: Redis): Express {
  const limit = rateLimit({ redis, limit: 100, windowMs: 60_000 });

  const app = express();
  app.get('/products', limit, (req, res) => {
    res.json({ remaining: limit.of(req).remaining });
  });
  return app;
}
