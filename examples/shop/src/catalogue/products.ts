import type { Queries } from '../database/database.ts';

/** What the shop sells. */
export interface Product {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly description: string;
  readonly priceCents: number;
  readonly stock: number;
}

/** What is looked for in the catalogue. */
export interface Filter {
  /** Part of a name, in any case. */
  readonly q: string;
  readonly category: string | undefined;
  readonly sort: 'name' | 'price';
  /** From 1. */
  readonly page: number;
}

const PAGE_SIZE = 24;

const COLUMNS = 'id, name, category, description, price_cents as "priceCents", stock';

/** Neither `%` nor `_` of a search means anything. */
const literal = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

export async function productsBy(
  database: Queries,
  { q, category, sort, page }: Filter,
): Promise<{ products: Product[]; total: number }> {
  const where = 'name ilike $1 and ($2::text is null or category = $2)';
  const values = [`%${literal(q)}%`, category ?? null];
  const order = sort === 'price' ? 'price_cents, id' : 'name, id';
  const [products, [counted]] = await Promise.all([
    database.query<Product>(`select ${COLUMNS} from products where ${where} order by ${order} limit $3 offset $4`, [
      ...values,
      PAGE_SIZE,
      (page - 1) * PAGE_SIZE,
    ]),
    database.query<{ total: number }>(`select count(*)::int as total from products where ${where}`, values),
  ]);
  return { products, total: counted?.total ?? 0 };
}

export async function productById(database: Queries, id: string): Promise<Product | undefined> {
  const [product] = await database.query<Product>(`select ${COLUMNS} from products where id = $1`, [id]);
  return product;
}

/** The row as it is then; undefined where there is none. */
export async function setPrice(database: Queries, id: string, priceCents: number): Promise<Product | undefined> {
  const sql = `update products set price_cents = $2 where id = $1 returning ${COLUMNS}`;
  const [product] = await database.query<Product>(sql, [id, priceCents]);
  return product;
}
