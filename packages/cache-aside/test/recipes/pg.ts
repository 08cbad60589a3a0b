import type { Cache } from '@turnpike/cache-aside';
import type { Pool, PoolClient } from 'pg';

/**
 * A transaction that invalidates what it wrote, once it is committed. Not before: who reads between the two would store
 * the old row again, for a full `ttlMs`. And also when COMMIT failed: its reply may have been lost, and the commit not.
 */
export async function transaction<T>(
  pool: Pool,
  cache: Cache,
  work: (client: PoolClient, changed: (key: string, ...tags: string[]) => void) => Promise<T>,
): Promise<T> {
  const [keys, tags] = [new Set<string>(), new Set<string>()];
  const changed = (key: string, ...more: string[]): void => {
    keys.add(key);
    for (const tag of more) tags.add(tag);
  };
  const client = await pool.connect();
  let isCommitting = false;
  try {
    await client.query('BEGIN');
    const result = await work(client, changed);
    isCommitting = true;
    await client.query('COMMIT');
    return result;
  } catch (error) {
    if (!isCommitting) await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release();
    if (isCommitting) await cache.invalidate({ keys: [...keys], tags: [...tags] });
  }
}
