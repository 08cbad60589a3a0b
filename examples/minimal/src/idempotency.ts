import { type HttpRequest, idempotency } from '@turnpike/idempotency';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

/** Yours: a table whose column `idempotency_id` is UNIQUE. */
export interface Orders {
  /** insert … on conflict (idempotency_id) do nothing returning * */
  insert(idempotencyId: string, order: unknown): Promise<{ id: string } | undefined>;
  /** select … where idempotency_id = $1 */
  find(idempotencyId: string): Promise<{ id: string }>;
}

type UserOf = (req: HttpRequest) => string;

export function createApp(redis: Redis, orders: Orders, signedIn: RequestHandler, userOf: UserOf): Express {
  // Another run is safe, because the column refuses a second order.
  const once = idempotency({ redis, scope: userOf, onInDoubt: 'rerun' });

  const app = express();
  app.post('/orders', signedIn, express.json(), once, async (req, res) => {
    const { id } = once.of(req);
    const order = (await orders.insert(id, req.body)) ?? (await orders.find(id));
    res.status(201).location(`/orders/${order.id}`).json(order);
  });
  return app;
}
