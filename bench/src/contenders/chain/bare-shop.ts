import { randomUUID } from 'node:crypto';
import {
  type Shop,
  answerErrors,
  countedRedis,
  hardened,
  metricsOf,
  notFound,
  page,
  placeOrder,
  productById,
} from '@turnpike/example-shop';
import compression from 'compression';
import express, { type Express } from 'express';

/** The parts of the shop that know nothing of Turnpike, in their order: nobody is counted, signed in or answered from a cache. */
export function bareShop({ redis, database }: Shop): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(metricsOf().measured, countedRedis(redis));
  app.use(compression());
  app.use(hardened);
  app.use(page());

  app.get('/products/:id', async (req, res) => void res.json(await productById(database, req.params.id)));
  app.post('/orders', express.json({ limit: '4kb' }), async (req, res) => {
    const { productId, quantity } = req.body as { productId: string; quantity: number };
    const email = 'ann@example.com';
    const placed = await placeOrder(database, { idempotencyId: randomUUID(), email, productId, quantity });
    if (placed.kind === 'placed') res.status(201).location(`/orders/${placed.order.id}`).json(placed.order);
    else res.sendStatus(409);
  });

  app.use(notFound);
  app.use(answerErrors);
  return app;
}
