import type { Redis } from 'ioredis';
import { withAdmin } from './admin-connection.ts';
import { eventually } from './eventually.ts';
import type { RedisServer } from './redis-server.ts';
import { replicationIsUp } from './replica.ts';

export interface ClusterNode extends RedisServer {
  /** As in CLUSTER NODES. */
  readonly id: string;
  /** The first and the last slot it was given at the start; none if it began as a replica. */
  readonly slots: readonly [number, number] | undefined;
}

const SLOTS = 16_384;
const WITHIN_MS = 20_000;

/**
 * Makes one cluster of servers that run with `cluster-enabled yes`: the first `masterCount` share the slots evenly, the
 * others are dealt out to them as replicas. Resolves when every node calls the cluster ok and knows all the others.
 */
export async function formCluster(servers: readonly RedisServer[], masterCount: number): Promise<ClusterNode[]> {
  const eachOne = <T>(ask: (redis: Redis, i: number) => Promise<T>): Promise<T[]> =>
    Promise.all(servers.map((server, i) => withAdmin(server, (redis) => ask(redis, i))));
  const firstSlotOf = (i: number): number => Math.floor((i * SLOTS) / masterCount);

  const nodes = await eachOne(async (redis, i): Promise<ClusterNode> => {
    // Different from the start, they need not be settled by elections. Only a node that knows no other takes one.
    await redis.cluster('SET-CONFIG-EPOCH', i + 1);
    const slots = i < masterCount ? ([firstSlotOf(i), firstSlotOf(i + 1) - 1] as const) : undefined;
    if (slots !== undefined) await redis.cluster('ADDSLOTSRANGE', ...slots);
    const id = await redis.cluster('MYID');
    return Object.assign(servers[i] as RedisServer, { id, slots });
  });

  await eachOne(async (redis, i) => {
    for (const { host, port } of servers.slice(i + 1)) await redis.cluster('MEET', host, port);
  });

  await eachOne(async (redis, i) => {
    const master = nodes[i % masterCount];
    if (i < masterCount || master === undefined) return;
    await eventually(async () => ((await redis.cluster('NODES')) as string).includes(`${master.id} `), {
      withinMs: WITHIN_MS,
    });
    await redis.cluster('REPLICATE', master.id);
    await replicationIsUp(redis);
  });

  await eachOne(async (redis) => {
    await eventually(() => agrees(redis, servers.length, masterCount), { withinMs: WITHIN_MS });
  });
  return nodes;
}

async function agrees(redis: Redis, size: number, masterCount: number): Promise<boolean> {
  const info = await redis.cluster('INFO');
  const nodes = ((await redis.cluster('NODES')) as string).trim().split('\n');
  return (
    info.includes('cluster_state:ok') &&
    info.includes(`cluster_slots_assigned:${SLOTS}`) &&
    nodes.filter((node) => / (myself,)?master .* connected \d+-\d+$/.test(node)).length === masterCount &&
    nodes.filter((node) => / (myself,)?slave .* connected$/.test(node)).length === size - masterCount
  );
}
