import { type HttpRequest, idempotency } from '@turnpike/idempotency';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

type Item = { sku: string; quantity: number };

/** For clients that send no key: the same basket of the same user within ten seconds is a double click, later an order. */
export function windowApp(
  redis: Redis,
  userOf: (req: HttpRequest) => string,
  placeOrder: (id: string, items: readonly Item[]) => Promise<{ id: number }>,
  prefix: string,
): Express {
  const once = idempotency({
    redis,
    prefix,
    scope: userOf,
    key: (req) =>
      JSON.stringify((req.body.items as Item[]).map(({ sku, quantity }) => `${sku}:${quantity}`).toSorted()),
    // The key says all that makes it the same order.
    fingerprint: { fields: [] },
    whileInFlight: 'wait',
    ttlMs: 10_000,
  });
  const app = express();
  app.post('/orders', express.json(), once, async (req, res) => {
    const order = await placeOrder(once.of(req).id, req.body.items);
    res.status(201).location(`/orders/${order.id}`).json(order);
  });
  return app;
}
