import { createCache } from '@turnpike/cache-aside';
import { cacheResponse, invalidates } from '@turnpike/cache-aside/express';
import { idempotency } from '@turnpike/idempotency';
import { rateLimit } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import express, { type Express } from 'express';
import type { Contender } from '../../harness/contender.ts';
import { productOf } from '../cache/product.ts';
import { DEADLINE_MS, LIMITER_DEADLINE_MS, connected } from '../client.ts';
import { SECRET } from '../single-session/routes.ts';

const MINUTE_MS = 60_000;

/** What a round never reaches. */
const PLENTY = 100_000_000;

/** The routes of the shop, from memory instead of a database, with nothing in front of them. */
const withoutChain = (): Express => {
  const app = express();
  let placed = 0;
  app.get('/products/:id', (req, res) => void res.json(productOf(req.params.id)));
  app.post('/orders', express.json({ limit: '4kb' }), (req, res) => {
    placed += 1;
    res.status(201).json({ id: `order-${placed}`, ...(req.body as object) });
  });
  app.post('/login', (_req, res) => void res.json({ token: 'none' }));
  return app;
};

/** The same behind every middleware that a request of the shop meets, in the order of the example. */
export const contender: Contender = async ({ redis: address, variant }) => {
  if (variant === 'bare') return withoutChain();
  const redis = await connected(address);
  const common = { redis, deadlineMs: DEADLINE_MS };
  const limit = { ...common, deadlineMs: LIMITER_DEADLINE_MS, windowMs: MINUTE_MS, limit: PLENTY };
  const sessions = singleSession({
    ...common,
    jwt: { secret: SECRET, algorithm: 'HS256', issuer: 'shop', audience: 'shop-web' },
  });
  const userOf = (req: Parameters<typeof sessions.of>[0]): string => sessions.of(req).userId;
  const cache = createCache({ ...common, ttlMs: MINUTE_MS });
  const browse = rateLimit({ ...limit, name: 'browse' });
  const ordering = rateLimit({ ...limit, name: 'orders', key: userOf });
  const page = cacheResponse({
    cache,
    scope: 'public',
    query: [],
    tags: (req) => [`product:${req.params?.['id']}`],
    ttlMs: 60 * MINUTE_MS,
  });
  const once = idempotency({ ...common, scope: userOf });
  const changed = invalidates({ cache, tags: (req) => [`product:${req.body?.productId}`] });

  const app = express();
  let placed = 0;
  app.use(browse);
  app.get('/products/:id', page, (req, res) => void res.json(productOf(req.params['id'] ?? '')));
  app.post('/login', async (_req, res) => void res.json(await sessions.login('ann')));
  const body = express.json({ limit: '4kb' });
  app.post('/orders', sessions.guard(), ordering, body, once, changed, (req, res) => {
    placed += 1;
    res.status(201).json({ id: `order-${placed}`, ...(req.body as object) });
  });
  return app;
};
