import type { Cache } from '@turnpike/cache-aside';
import type { Knex } from 'knex';

/**
 * A transaction of Knex, and then the invalidation: `knex.transaction` settles after COMMIT or ROLLBACK. Also when it
 * rejects, since a commit whose reply was lost rejects too. To invalidate in vain costs one load.
 */
export async function transaction<T>(
  knex: Knex,
  cache: Cache,
  invalidation: { keys?: string[]; tags?: string[] },
  work: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  try {
    return await knex.transaction(work);
  } finally {
    await cache.invalidate(invalidation);
  }
}
