import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClientTarget,
  type Clients,
  type RedisServer,
  chosenClients,
  clientFactory,
  eventually,
  faultProxy,
  keySlot,
  migrateSlot,
  startCluster,
  startRedis,
  startReplica,
  startSentinels,
} from '@turnpike/test-kit';
import type { Cluster, Redis } from 'ioredis';
import { createTlsClient } from './docs/tls.ts';
import { NAMED_PREFIX, RULE, RULE_OF_CLUSTER, USER, WITH_L1, inConfig } from './rules.ts';

/** Redis as people run it. */
export interface Topology {
  readonly clients: Clients;
  /** A client such as one process of an app has. */
  connect(): Redis | Cluster;
  /** What happens to it under load, one after the other. */
  readonly happenings: readonly Happening[];
  [Symbol.asyncDispose](): Promise<void>;
}

interface Happening {
  readonly name: string;
  /** Whether Redis may forget what it has acknowledged. */
  readonly mayForget: boolean;
  /** The largest share of requests that Redis does not decide meanwhile. */
  readonly mostUndecided?: number;
  /** Resolves when it is over, and Redis takes writes. */
  happens(): Promise<void>;
}

/** As docs/production.md has it. */
const CLIENT = {
  socketTimeout: 2_000,
  reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
};

/** What was answered is on disk, so a crash forgets nothing. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };

const WITHIN_MS = 20_000;

export const topologies: Record<string, () => Promise<Topology>> = {
  'one server': single,
  'a replica beside it': pair,
  'a Sentinel': sentinel,
  'a Cluster, and a user who may do no more than it must': cluster,
  'TLS, and a user who may do no more than it must': tlsAndAcl,
};

/** Ends what was begun, the last first. */
const ends = (things: readonly AsyncDisposable[]) => async (): Promise<void> => {
  for (const thing of things.toReversed()) await thing[Symbol.asyncDispose]();
};

/** Takes a write, as the probe of somebody who operates it finds out. */
async function takesWrites(target: ClientTarget): Promise<void> {
  await using clients = clientFactory(target);
  const redis = 'startupNodes' in target ? clients.clusterClient() : clients.client();
  for (const key of 'abcdef') {
    await eventually(() => redis.set(`${clients.prefix}:${key}`, '1', 'PX', 1_000), { withinMs: WITHIN_MS });
  }
}

async function single(): Promise<Topology> {
  const server = await startRedis({ config: DURABLE });
  const clients = clientFactory(server);
  return {
    clients,
    connect: () => clients.client(CLIENT),
    happenings: [restarted(server)],
    [Symbol.asyncDispose]: ends([server, clients]),
  };
}

const restarted = (server: RedisServer): Happening => ({
  name: 'is restarted from its disk',
  mayForget: false,
  async happens() {
    await server.restart();
    await takesWrites(server);
  },
});

async function pair(): Promise<Topology> {
  const master = await startRedis();
  const replica = await startReplica(master);
  // What clients know: a name, or an address of its own, that an operator moves.
  const address = await faultProxy(master);
  const clients = clientFactory(address);
  const promotion: Happening = {
    name: 'is promoted by hand',
    mayForget: true,
    async happens() {
      // For a moment both take writes; then the old master refuses them (READONLY), and then the address moves.
      await replica.promote();
      await using old = clientFactory(master);
      await old.client().replicaof(replica.host, replica.port);
      address.redirect(replica);
      await takesWrites(address);
    },
  };
  return {
    clients,
    connect: () => clients.client(CLIENT),
    happenings: [promotion],
    [Symbol.asyncDispose]: ends([master, replica, address, clients]),
  };
}

async function sentinel(): Promise<Topology> {
  const master = await startRedis();
  const replica = await startReplica(master);
  const watch = await startSentinels(master, 1);
  const clients = clientFactory(watch);
  const failover: Happening = {
    name: 'makes a replica the master when that is killed',
    mayForget: true,
    async happens() {
      await master.kill();
      await takesWrites(watch);
    },
  };
  return {
    clients,
    connect: () => clients.client(CLIENT),
    happenings: [failover],
    [Symbol.asyncDispose]: ends([master, replica, watch, clients]),
  };
}

async function cluster(): Promise<Topology> {
  const started = await startCluster({
    masters: 3,
    replicasPerMaster: 1,
    nodeTimeoutMs: 500,
    config: inConfig(RULE_OF_CLUSTER, WITH_L1.publish),
  });
  const clients = clientFactory(started, { prefix: NAMED_PREFIX });
  const { masters } = started;
  const migration: Happening = {
    name: 'moves every slot that holds a key',
    mayForget: false,
    mostUndecided: 0.05,
    async happens() {
      const moved = new Map<number, string>();
      for (const slot of new Set((await clients.scan()).map(keySlot))) {
        const from = masters.find(({ slots }) => slots !== undefined && slot <= slots[1])!;
        const to = masters[(masters.indexOf(from) + 1) % masters.length]!;
        await migrateSlot(started, slot, { from, to });
        moved.set(slot, to.id);
      }
      await using observer = clientFactory(masters[0]!);
      const held = await observer.client().cluster('SLOTS');
      const holderOf = (slot: number) => held.find(([first, last]) => first <= slot && slot <= last)?.[2]?.[2];
      const stayed = [...moved].filter(([slot, id]) => holderOf(slot) !== id);
      if (moved.size === 0 || stayed.length > 0)
        throw new Error(`${stayed.length} of ${moved.size} slots did not move`);
    },
  };
  const failover: Happening = {
    name: 'makes a replica the master when one is killed',
    mayForget: true,
    async happens() {
      await masters[0]!.kill();
      await takesWrites(started);
    },
  };
  return {
    clients,
    connect: () => clients.clusterClient({ redisOptions: { ...CLIENT, ...USER } }),
    happenings: chosenClients()?.lacks.includes('quick failover of a Cluster') ? [migration] : [migration, failover],
    [Symbol.asyncDispose]: ends([started, clients]),
  };
}

async function tlsAndAcl(): Promise<Topology> {
  const server = await startRedis({ tls: true, config: { ...DURABLE, ...inConfig(RULE, WITH_L1.tracking) } });
  const clients = clientFactory(server, { prefix: NAMED_PREFIX });
  const folder = await mkdtemp(join(tmpdir(), 'turnpike-tls-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, server.tls?.ca ?? '');
  const url = server.url.replace('//', `//${USER.username}:${USER.password}@`);
  const given: Redis[] = [];
  // Of ioredis as docs/redis.md makes it.
  const made = (): Redis => {
    const client = createTlsClient(url, caFile).on('error', () => undefined);
    given.push(client);
    return client;
  };
  return {
    clients,
    connect: () => (chosenClients() === undefined ? made() : clients.client({ ...CLIENT, ...USER })),
    happenings: [restarted(server)],
    async [Symbol.asyncDispose]() {
      for (const client of given) client.disconnect();
      await ends([server, clients])();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
