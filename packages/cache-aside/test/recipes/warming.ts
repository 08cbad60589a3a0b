import type { Cache, Warmed } from '@turnpike/cache-aside';
import type { Pool } from 'pg';

/** So many rows are one query. */
const BATCH = 500;

/** The ids of all products, a batch at a time: what they hold is read by the loader, under its lease. */
async function* batchesOfIds(pool: Pool): AsyncGenerator<number[]> {
  let last = 0;
  while (true) {
    const { rows } = await pool.query<{ id: number }>('SELECT id FROM products WHERE id > $1 ORDER BY id LIMIT $2', [
      last,
      BATCH,
    ]);
    const ids = rows.map(({ id }) => id);
    const [highest] = ids.slice(-1);
    if (highest === undefined) return;
    yield ids;
    last = highest;
  }
}

async function* entries(pool: Pool) {
  for await (const ids of batchesOfIds(pool)) {
    const idOf = new Map(ids.map((id) => [`product:${id}`, id]));
    yield {
      keys: [...idOf.keys()],
      tags: ['catalogue'],
      async loadMany(missing: readonly string[]) {
        const wanted = missing.map((key) => idOf.get(key));
        const { rows } = await pool.query<{ id: number; name: string }>(
          'SELECT id, name FROM products WHERE id = ANY($1)',
          [wanted],
        );
        return rows.map((row) => [`product:${row.id}`, row] as const);
      },
    };
  }
}

/** The whole catalogue, before the first request: `if (failed > 0)`, say so, and start all the same. */
export const warmCatalogue = (pool: Pool, cache: Cache, signal: AbortSignal): Promise<Warmed> =>
  cache.warm(entries(pool), { concurrency: 2, signal });
