import { type CacheSource, invalidates } from '@turnpike/cache-aside/express';
import { type Problem, idempotency, writeProblem } from '@turnpike/idempotency';
import express, { Router } from 'express';
import type { Middleware } from '@turnpike/rate-limit';
import type { ShopSessions } from '../accounts/sessions.ts';
import { type Shop, storeOf } from '../shop.ts';
import { isId } from '../catalogue/catalogue.ts';
import { DatabaseAway } from '../database/database.ts';
import type { Limits } from '../limits.ts';
import { refuse } from '../problems.ts';
import { orderOf, ordersOf, placeOrder } from './order-book.ts';

type SharedCache = Extract<CacheSource, { cache: unknown }>['cache'];

const MOST = 100;

/**
 * Ordering, once however often it is asked for: Redis answers a retry, and where Redis has lost what it knew, the UNIQUE id in the
 * database stops a second order.
 */
export function orders(shop: Shop, cache: SharedCache, limits: Limits, sessions: ShopSessions): Router {
  const signedIn = sessions.guard();
  const once = idempotency({
    ...storeOf(shop),
    scope: (req) => sessions.of(req).userId,
    // An order that may have been placed is placed again: the database knows.
    onInDoubt: 'rerun',
  });
  // The page of a product shows how many are left.
  const changed = invalidates({ cache, tags: (req) => [`product:${req.body?.productId}`] });
  const router = Router();

  // Who, how often, what, whether again; then the order. A body that is refused before `once` uses up no key.
  const body = express.json({ limit: '4kb' });
  router.post('/orders', signedIn, limits.orders, body, orderable, once, changed, async (req, res) => {
    const { productId, quantity } = wished(req.body)!;
    const { id: idempotencyId, release } = once.of(req);
    const order = { idempotencyId, email: sessions.of(req).userId, productId, quantity };
    try {
      const placed = await placeOrder(shop.database, order);
      if (placed.kind === 'placed') {
        res.status(201).location(`/orders/${placed.order.id}`).json(placed.order);
        return;
      }
      // Nothing has happened: the same key may try again.
      release();
      refuse(placed.kind === 'sold-out' ? soldOut(placed.stock) : NO_SUCH_PRODUCT, req, res);
    } catch (error) {
      if (error instanceof DatabaseAway && !error.mayHaveCommitted) release();
      throw error;
    }
  });

  router.get('/orders', signedIn, async (req, res) => {
    res.json({ orders: await ordersOf(shop.database, sessions.of(req).userId) });
  });
  router.get('/orders/:id', signedIn, async (req, res) => {
    const order = await orderOf(shop.database, sessions.of(req).userId, req.params.id);
    if (order === undefined) refuse(NO_SUCH_ORDER, req, res);
    else res.json(order);
  });
  return router;
}

/** What a body asks for; undefined when it makes no sense. */
function wished(body: unknown): { productId: string; quantity: number } | undefined {
  const { productId, quantity } = (body ?? {}) as { productId?: unknown; quantity?: unknown };
  const isQuantity = typeof quantity === 'number' && Number.isInteger(quantity) && quantity >= 1 && quantity <= MOST;
  return isId(productId) && isQuantity ? { productId, quantity } : undefined;
}

const orderable: Middleware = (req, res, next) => {
  if (wished((req as { body?: unknown }).body) === undefined) writeProblem(NOT_ORDERABLE, req, res, next);
  else next();
};

const NOT_ORDERABLE: Problem = {
  status: 400,
  code: 'not_orderable',
  detail: `An order is JSON: { "productId": one of the catalogue, "quantity": 1 to ${MOST} }.`,
};

const NO_SUCH_PRODUCT: Problem = { status: 404, code: 'no_such_product', detail: 'There is no such product.' };

const soldOut = (stock: number): Problem => ({
  status: 409,
  code: 'sold_out',
  detail: 'There are not so many left.',
  extensions: { stock },
});

const NO_SUCH_ORDER: Problem = { status: 404, code: 'no_such_order', detail: 'You have no such order.' };
