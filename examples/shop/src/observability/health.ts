import { defineScript, storeOf } from '@turnpike/core';
import { Router } from 'express';
import type { Shop } from '../shop.ts';

const look = defineScript({ lua: 'return 1', encode: () => ({ keys: [], argv: [] }), decode: () => true });

const DEADLINE_MS = 500;

/**
 * `/healthz`: this process runs. `/readyz`: it has what it needs to take orders. A load balancer that takes an instance out by
 * `/readyz` takes all of them out when Redis is away, although they would still show the catalogue: let it look at `/healthz`.
 */
export function health({ redis, database }: Shop): Router {
  const router = Router();
  router.get('/healthz', (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ ok: true });
  });
  router.get('/readyz', async (_req, res) => {
    const [isRedis, isDatabase] = await Promise.all([
      storeOf(redis)
        .call(look, undefined, { deadlineMs: DEADLINE_MS })
        .catch(() => false),
      database
        .query('select 1')
        .then(() => true)
        .catch(() => false),
    ]);
    const isReady = isRedis && isDatabase;
    res
      .status(isReady ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ redis: isRedis, database: isDatabase });
  });
  return router;
}
