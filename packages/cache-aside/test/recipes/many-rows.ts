import type { Cache } from '@turnpike/cache-aside';
import type { Pool } from 'pg';

interface Product {
  readonly id: number;
  readonly name: string;
}

/** The keys of rows are put together in one place: a row that comes back under another key is not cached. */
const keyOf = (id: number): string => `product:${id}`;

/** Products by id, in the order asked for: what is missing comes in one query, and each row is cached by itself. */
export async function productsOf(pool: Pool, cache: Cache, ids: readonly number[]): Promise<(Product | null)[]> {
  const idOf = new Map(ids.map((id) => [keyOf(id), id]));
  const products = await cache.getMany<Product | null>([...idOf.keys()], async (missing) => {
    const wanted = missing.map((key) => idOf.get(key));
    const { rows } = await pool.query<Product>('SELECT id, name FROM products WHERE id = ANY($1)', [wanted]);
    const found = new Map(rows.map((row) => [keyOf(row.id), row]));
    // `null` is remembered for a while, too; a key that is not named is asked for again and again.
    return missing.map((key) => [key, found.get(key) ?? null]);
  });
  return ids.map((id) => products.get(keyOf(id)) ?? null);
}
