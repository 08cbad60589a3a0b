import type { Database } from '../database/database.ts';

/** What is ordered, by whom. */
export interface NewOrder {
  /** `once.of(req).id` of the request that ordered it. */
  readonly idempotencyId: string;
  readonly email: string;
  readonly productId: string;
  readonly quantity: number;
}

export interface Order {
  readonly id: string;
  readonly productId: string;
  readonly quantity: number;
  readonly totalCents: number;
  readonly placedAt: string;
}

/** What came of an order: it is placed, and was perhaps before; or it cannot be. */
export type Placed =
  | { readonly kind: 'placed'; readonly order: Order }
  | { readonly kind: 'no-such-product' }
  | { readonly kind: 'sold-out'; readonly stock: number };

const COLUMNS = `id, product_id as "productId", quantity, total_cents as "totalCents",
  to_char(placed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "placedAt"`;

/** An order and its stock, both or neither. Of one idempotency id there is one order: what was placed before is answered again. */
export const placeOrder = (
  database: Database,
  { idempotencyId, email, productId, quantity }: NewOrder,
): Promise<Placed> =>
  database.transaction(async (tx): Promise<Placed> => {
    const [known] = await tx.query<Order>(`select ${COLUMNS} from orders where idempotency_id = $1`, [idempotencyId]);
    if (known !== undefined) return { kind: 'placed', order: known };

    // Who comes second waits here for the row, and sees the stock that is left.
    const [product] = await tx.query<{ stock: number; priceCents: number }>(
      'select stock, price_cents as "priceCents" from products where id = $1 for update',
      [productId],
    );
    if (product === undefined) return { kind: 'no-such-product' };
    const [order] = await tx.query<Order>(
      `insert into orders (idempotency_id, email, product_id, quantity, total_cents)
       select $1, $2, $3, $4::int, $5::int where $4::int <= $6::int
       on conflict (idempotency_id) do nothing returning ${COLUMNS}`,
      [idempotencyId, email, productId, quantity, quantity * product.priceCents, product.stock],
    );
    if (order !== undefined) {
      await tx.query('update products set stock = stock - $2 where id = $1', [productId, quantity]);
      return { kind: 'placed', order };
    }
    // Another run of the same order has come first, while this one waited; or there are too few.
    const [other] = await tx.query<Order>(`select ${COLUMNS} from orders where idempotency_id = $1`, [idempotencyId]);
    return other === undefined ? { kind: 'sold-out', stock: product.stock } : { kind: 'placed', order: other };
  });

export const ordersOf = (database: Database, email: string): Promise<Order[]> =>
  database.query<Order>(`select ${COLUMNS} from orders where email = $1 order by placed_at desc, id limit 100`, [
    email,
  ]);

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export async function orderOf(database: Database, email: string, id: string): Promise<Order | undefined> {
  if (!UUID.test(id)) return undefined;
  const sql = `select ${COLUMNS} from orders where id = $1 and email = $2`;
  const [order] = await database.query<Order>(sql, [id, email]);
  return order;
}
