import type { PGlite } from '@electric-sql/pglite';
import { type HttpRequest, idempotency } from '@turnpike/idempotency';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

export const SCHEMA = `
  create table products (id text primary key, stock integer not null);
  create table orders (
    id integer generated always as identity primary key,
    idempotency_id text not null unique,
    user_id text not null,
    product_id text not null references products,
    quantity integer not null check (quantity > 0)
  );`;

type Order = { id: number; productId: string; quantity: number };
type Basket = Omit<Order, 'id'>;

const ORDER = 'id, product_id as "productId", quantity';

/** Orders in Postgres. Whatever Redis loses, the UNIQUE column lets a key have one order. */
export function orderApp(
  redis: Redis,
  db: Pick<PGlite, 'query' | 'transaction'>,
  userOf: (req: HttpRequest) => string,
  prefix: string,
): Express {
  // To run again is safe here, because the column stops a second order.
  const once = idempotency({ redis, prefix, scope: userOf, onInDoubt: 'rerun' });

  /** The order and its stock, both or neither; undefined when there is an order of this id. */
  const place = async (id: string, userId: string, { productId, quantity }: Basket) =>
    db.transaction(async (tx) => {
      const inserted = await tx.query<Order>(
        `insert into orders (idempotency_id, user_id, product_id, quantity) values ($1, $2, $3, $4)
         on conflict (idempotency_id) do nothing returning ${ORDER}`,
        [id, userId, productId, quantity],
      );
      const [order] = inserted.rows;
      if (order === undefined) return undefined;
      const taken = await tx.query('update products set stock = stock - $2 where id = $1 and stock >= $2', [
        productId,
        quantity,
      ]);
      if (taken.affectedRows === 1) return order;
      await tx.rollback();
      return 'sold out';
    });

  const onDuplicate = async (id: string): Promise<Order> => {
    const { rows } = await db.query<Order>(`select ${ORDER} from orders where idempotency_id = $1`, [id]);
    return rows[0]!;
  };

  const app = express();
  app.post('/orders', express.json(), once, async (req, res) => {
    const { id } = once.of(req);
    const order = (await place(id, userOf(req), req.body)) ?? (await onDuplicate(id));
    if (order === 'sold out') {
      // A 409 is released: the same key may try again when there is stock.
      res.status(409).json({ error: order });
      return;
    }
    res.status(201).location(`/orders/${order.id}`).json(order);
  });
  return app;
}
