import { withAdmin } from './admin-connection.ts';
import type { RedisCluster } from './cluster.ts';
import type { ClusterNode } from './cluster-formation.ts';

/** How many keys MIGRATE takes at a time, and within how many ms. */
const [BATCH, TIMEOUT_MS] = [10, 5_000];

/**
 * Moves a slot and its keys to another master, as `redis-cli --cluster reshard` does: meanwhile who asks for a key that
 * has gone is told ASK, and afterwards MOVED. Resolves when every master knows.
 */
export async function migrateSlot(
  { masters }: Pick<RedisCluster, 'masters'>,
  slot: number,
  { from, to }: { from: ClusterNode; to: ClusterNode },
): Promise<void> {
  await withAdmin(to, (redis) => redis.cluster('SETSLOT', slot, 'IMPORTING', from.id));
  await withAdmin(from, async (redis) => {
    await redis.cluster('SETSLOT', slot, 'MIGRATING', to.id);
    for (;;) {
      const keys = await redis.cluster('GETKEYSINSLOT', slot, BATCH);
      if (keys.length === 0) break;
      await redis.migrate(to.host, to.port, '', 0, TIMEOUT_MS, 'KEYS', ...keys);
    }
  });
  // Its new owner first: a node that gives it away before anybody has it makes the cluster fail.
  const others = masters.filter((master) => master !== to && master !== from);
  for (const master of [to, from, ...others]) {
    await withAdmin(master, (redis) => redis.cluster('SETSLOT', slot, 'NODE', to.id));
  }
}
