import type { Cache } from '@turnpike/cache-aside';
import type { Pool, PoolClient } from 'pg';

/**
 * For a process that dies between its commit and its invalidation: what is to be invalidated is committed with the row,
 * and removed once Redis has taken it. `CREATE TABLE cache_outbox (id bigserial PRIMARY KEY, key text NOT NULL)`.
 */
export const noteInvalidation = (client: PoolClient, key: string): Promise<unknown> =>
  client.query('INSERT INTO cache_outbox (key) VALUES ($1)', [key]);

/**
 * Delivers what is left, the oldest first; resolves to how many. Run it every few seconds, in any number of processes:
 * rows that another is delivering are skipped. What is still queued here stays in the table, too.
 */
export async function deliverOutbox(pool: Pool, cache: Cache, limit = 100): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<{ id: string; key: string }>(
      'SELECT id, key FROM cache_outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED',
      [limit],
    );
    const keys = [...new Set(rows.map(({ key }) => key))];
    const { queued } = keys.length === 0 ? { queued: 0 } : await cache.invalidate({ keys });
    if (queued === 0) await client.query('DELETE FROM cache_outbox WHERE id = ANY($1)', [rows.map(({ id }) => id)]);
    await client.query('COMMIT');
    return queued === 0 ? rows.length : 0;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
