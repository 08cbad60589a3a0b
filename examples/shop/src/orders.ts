import { type Problem, idempotency, writeProblem } from '@turnpike/idempotency';
import { rateLimit } from '@turnpike/rate-limit';
import express, { type RequestHandler, Router } from 'express';
import type { Shop } from './app.ts';
import type { Order, OrderBook } from './order-book.ts';
import type { Product, ProductTable } from './products.ts';
import type { ShopSessions } from './sessions.ts';

const MOST = 100;

/**
 * Ordering, once however often it is asked for: Redis answers a retry, and where Redis has lost what it knew, the book's UNIQUE
 * id stops a second order.
 */
export function orders(
  { redis, prefix }: Shop,
  sessions: ShopSessions,
  products: ProductTable,
  book: OrderBook,
): Router {
  const signedIn = sessions.guard();
  const limit = rateLimit({
    redis,
    prefix,
    name: 'orders',
    limit: 30,
    windowMs: 60_000,
    key: (req) => sessions.of(req).userId,
  });
  const once = idempotency({
    redis,
    prefix,
    scope: (req) => sessions.of(req).userId,
    // An order that may have been placed is placed again: the book knows.
    onInDoubt: 'rerun',
  });
  const router = Router();

  // Who, how often, what, whether again; then the order. A body that is refused before `once` uses up no key.
  router.post(
    '/orders',
    signedIn,
    limit,
    express.json({ limit: '4kb' }),
    orderable(products),
    once,
    async (req, res) => {
      const { id: idempotencyId } = once.of(req);
      const { product, quantity } = (await wished(req.body, products))!;
      const order = {
        idempotencyId,
        userId: sessions.of(req).userId,
        productId: product.id,
        quantity,
        totalCents: quantity * product.priceCents,
      };
      const placed = (await book.insert(order)) ?? (await onDuplicate(idempotencyId));
      res.status(201).location(`/orders/${placed.id}`).json(shown(placed));
    },
  );

  /** The order was placed before, and Redis does not know of it: it is answered as it was. */
  const onDuplicate = async (idempotencyId: string): Promise<Order> => (await book.byIdempotencyId(idempotencyId))!;

  router.get('/orders', signedIn, async (req, res) => {
    res.json({ orders: (await book.ofUser(sessions.of(req).userId)).map(shown) });
  });
  router.get('/orders/:id', signedIn, async (req, res) => {
    const own = await book.ofUser(sessions.of(req).userId);
    const order = own.find(({ id }) => id === req.params.id);
    if (order === undefined) writeProblem(NO_SUCH_ORDER, req, res, () => undefined);
    else res.json(shown(order));
  });
  return router;
}

const shown = ({ id, productId, quantity, totalCents, placedAt }: Order) => ({
  id,
  productId,
  quantity,
  totalCents,
  placedAt,
});

/** What a body asks for; undefined when it makes no sense. */
async function wished(
  body: unknown,
  products: ProductTable,
): Promise<{ product: Product; quantity: number } | undefined> {
  const { productId, quantity } = (body ?? {}) as { productId?: unknown; quantity?: unknown };
  const product = typeof productId === 'string' ? await products.byId(productId) : undefined;
  const isQuantity = typeof quantity === 'number' && Number.isInteger(quantity) && quantity >= 1 && quantity <= MOST;
  return product !== undefined && isQuantity ? { product, quantity } : undefined;
}

const orderable =
  (products: ProductTable): RequestHandler =>
  async (req, res, next) => {
    if ((await wished(req.body, products)) === undefined) writeProblem(NOT_ORDERABLE, req, res, next);
    else next();
  };

const NOT_ORDERABLE: Problem = {
  status: 400,
  code: 'not_orderable',
  detail: `An order is JSON: { "productId": one of the catalogue, "quantity": 1 to ${MOST} }.`,
};

const NO_SUCH_ORDER: Problem = { status: 404, code: 'no_such_order', detail: 'You have no such order.' };
