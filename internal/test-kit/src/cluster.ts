import { type ClusterNode, formCluster } from './cluster-formation.ts';
import { keySlot } from './key-slot.ts';
import { startRedis } from './redis-server.ts';
import { assertSeveralServers } from './replica.ts';

export interface RedisClusterOptions {
  /** @default 3 */
  masters?: number;
  /** @default 0 */
  replicasPerMaster?: number;
  /** After how many ms without a sign of life a node is taken for dead. @default 2000 */
  nodeTimeoutMs?: number;
  /** Lines of redis.conf for every node, such as `{ 'cluster-require-full-coverage': 'no' }`. */
  config?: Record<string, string>;
}

/** Roles and slots are those of the start: a failover changes the cluster, and not what is said here. */
export interface RedisCluster {
  readonly nodes: readonly ClusterNode[];
  readonly masters: readonly ClusterNode[];
  readonly replicas: readonly ClusterNode[];
  /** For `new Cluster(startupNodes)`; `clientFactory(cluster)` knows them too. */
  readonly startupNodes: readonly { readonly host: string; readonly port: number }[];
  /** The master that was given the slot of `key`. */
  nodeOf(key: string): ClusterNode;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a cluster and resolves when all its nodes call it ok. That takes more than two seconds: for so long a new master
 * does not trust itself.
 *
 * @throws NoRedisServer when this machine has no redis-server binary.
 */
export async function startCluster({
  masters: masterCount = 3,
  replicasPerMaster = 0,
  nodeTimeoutMs = 2_000,
  config,
}: RedisClusterOptions = {}): Promise<RedisCluster> {
  assertSeveralServers('startCluster');
  const clustered = { 'cluster-enabled': 'yes', 'cluster-node-timeout': String(nodeTimeoutMs), ...config };
  const size = masterCount * (1 + replicasPerMaster);
  const starts = await Promise.allSettled(Array.from({ length: size }, () => startRedis({ config: clustered })));
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));

  async function stop(): Promise<void> {
    await Promise.all(servers.map((server) => server.stop()));
  }

  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    const nodes = await formCluster(servers, masterCount);
    const masters = nodes.slice(0, masterCount);
    return {
      nodes,
      masters,
      replicas: nodes.slice(masterCount),
      startupNodes: nodes.map(({ host, port }) => ({ host, port })),
      nodeOf(key) {
        const slot = keySlot(key);
        return masters.find(({ slots }) => slots !== undefined && slot <= slots[1]) as ClusterNode;
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
