import { randomUUID } from 'node:crypto';

/** What is ordered, by whom. */
interface NewOrder {
  /** `once.of(req).id` of the request that ordered it. */
  readonly idempotencyId: string;
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
  readonly totalCents: number;
}

export interface Order extends NewOrder {
  readonly id: string;
  readonly placedAt: string;
}

/** The table of orders. */
export interface OrderBook {
  /** The new row, or undefined where the idempotency id is taken: `on conflict (idempotency_id) do nothing returning *`. */
  insert(order: NewOrder): Promise<Order | undefined>;
  byIdempotencyId(idempotencyId: string): Promise<Order | undefined>;
  ofUser(userId: string): Promise<readonly Order[]>;
}

/**
 * Stands in for a database, and holds what a database would: one order per idempotency id (UNIQUE), checked and inserted in
 * one step. It is this process's alone and ends with it, so unlike a database it outlives Redis and nothing else.
 */
export function createOrderBook(): OrderBook {
  const rows = new Map<string, Order>();
  return {
    async insert(order) {
      if (rows.has(order.idempotencyId)) return undefined;
      const row = { ...order, id: randomUUID(), placedAt: new Date().toISOString() };
      rows.set(row.idempotencyId, row);
      return row;
    },
    byIdempotencyId: async (idempotencyId) => rows.get(idempotencyId),
    ofUser: async (userId) => [...rows.values()].filter((row) => row.userId === userId),
  };
}
