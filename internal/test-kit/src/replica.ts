import type { Redis } from 'ioredis';
import { withAdmin } from './admin-connection.ts';
import { eventually } from './eventually.ts';
import { NoRedisServer } from './no-redis-server.ts';
import { canStartCluster } from './redis-binary.ts';
import { type RedisAddress, type RedisServerOptions, type RedisServer, startRedis } from './redis-server.ts';

export interface ReplicaServer extends RedisServer {
  /**
   * Resolves when it has all that its master had written when this was called, whoever asked for that. (WAIT speaks only of what its own
   * connection has written.)
   */
  caughtUp(): Promise<void>;
  /** Makes it a master with what it has received so far (REPLICAOF NO ONE), as a failover does. */
  promote(): Promise<void>;
}

/** Starts a replica of `master`, a server of `startRedis`, and resolves when the first synchronisation is done. */
export async function startReplica(master: RedisAddress, options: RedisServerOptions = {}): Promise<ReplicaServer> {
  assertSeveralServers('startReplica');
  const config = { replicaof: `${master.host} ${master.port}`, ...options.config };
  const server = await startRedis({ ...options, config });
  try {
    await withAdmin(server, replicationIsUp);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const offsetOf = (of: RedisAddress, field: string): Promise<number> =>
    withAdmin(of, async (redis) =>
      Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await redis.info('replication'))?.[1]),
    );
  return Object.assign(server, {
    async caughtUp() {
      const written = await offsetOf(master, 'master_repl_offset');
      await eventually(async () => (await offsetOf(server, 'slave_repl_offset')) >= written, { withinMs: 5_000 });
    },
    promote: () => withAdmin(server, async (redis) => void (await redis.replicaof('NO', 'ONE'))),
  });
}

/** Resolves when the master's data has arrived and the link to it stands. */
export const replicationIsUp = (replica: Redis): Promise<unknown> =>
  eventually(async () => (await replica.info('replication')).includes('master_link_status:up'), { withinMs: 10_000 });

/** @throws NoRedisServer where servers cannot reach each other: each of Docker's is alone behind its port. */
export function assertSeveralServers(caller: string): void {
  if (canStartCluster()) return;
  throw new NoRedisServer(
    `${caller} needs a redis-server binary: run \`npm test\`, which fetches one on Debian and Ubuntu.`,
  );
}
