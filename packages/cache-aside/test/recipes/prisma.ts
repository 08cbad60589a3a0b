import type { Cache } from '@turnpike/cache-aside';

/** What is used of a PrismaClient: `$transaction` resolves after COMMIT. */
interface Transactional<Tx> {
  $transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/**
 * An interactive transaction of Prisma, and then the invalidation. Not in a `$extends` query hook: inside a transaction
 * it runs before COMMIT, and a read between the two would store the old row again.
 */
export async function transaction<Tx, T>(
  prisma: Transactional<Tx>,
  cache: Cache,
  work: (tx: Tx, changed: (...keys: string[]) => void) => Promise<T>,
): Promise<T> {
  const keys = new Set<string>();
  const changed = (...more: string[]): void => more.forEach((key) => keys.add(key));
  try {
    return await prisma.$transaction((tx) => work(tx, changed));
  } finally {
    if (keys.size > 0) await cache.invalidate({ keys: [...keys] });
  }
}
