import { EventEmitter } from 'node:events';
import type { ClientKind, Connection } from '@turnpike/test-kit';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { createClient, createCluster } from 'redis';
import { fromNodeRedis } from '../../src/node-redis/index.ts';
import type { NodeRedisClient } from '../../src/node-redis/index.ts';
import { hybrid } from './hybrid.ts';

/** What the package `redis` gives, of any version. */
export interface NodeRedisLibrary {
  createClient: (options: NonNullable<Parameters<typeof createClient>[0]>) => unknown;
  createCluster: (options: Parameters<typeof createCluster>[0]) => unknown;
}

/** What is asked of either client of node-redis. */
interface Made extends NodeRedisClient, EventEmitter {
  connect(): Promise<unknown>;
  close(): Promise<unknown>;
  destroy(): unknown;
  on(event: string, listener: (...values: any[]) => void): this;
}

type RetryStrategy = (times: number) => number | void | null;

/** node-redis counts its retries from 0, and ioredis from 1. */
const reconnectStrategy = (strategy: RetryStrategy | null | undefined) => (retries: number) =>
  strategy?.(retries + 1) ?? (false as const);

/** The options of ioredis that have a counterpart. */
const optionsOf = ({ host, port, username, password }: Connection, options: RedisOptions) => ({
  socket: { host: options.host ?? host, port: options.port ?? port },
  ...((options.username ?? username) && { username: (options.username ?? username) as string }),
  ...((options.password ?? password) && { password: (options.password ?? password) as string }),
  ...(options.keyPrefix !== undefined && { keyPrefix: options.keyPrefix }),
  ...(options.db !== undefined && { database: options.db }),
  ...(options.enableOfflineQueue === false && { disableOfflineQueue: true }),
});

/** What either client calls the events that ioredis has. */
const SINGLE = { connect: 'connect', ready: 'ready', reconnecting: 'reconnecting', end: 'end', error: 'error' };
const CLUSTER = { ready: 'connect', end: 'disconnect', error: 'error' };

/** The adapter, and beside it what tests do to a client of ioredis: it connects by itself, and is disconnected at once. */
function testedOf(made: Made, admin: EventEmitter, events: Readonly<Record<string, string>>): Record<string, unknown> {
  // Of the connection tests hear from what they test; of what they have subscribed to, from the client that did it.
  const renamed = (method: 'on' | 'once' | 'off' | 'removeListener') => (event: string, listener: () => void) =>
    event in events ? made[method](events[event] as string, listener) : admin[method](event, listener);
  const adapter = fromNodeRedis(made);
  return Object.assign(Object.create(adapter) as object, {
    slots: undefined,
    on: renamed('on'),
    // `once` of node:events takes an error before the event for a failure to come; a lost connection is none.
    once: (event: string, listener: () => void) => (event === 'error' ? made : renamed('once')(event, listener)),
    off: renamed('off'),
    removeListener: renamed('removeListener'),
    connect: () => made.connect(),
    quit: () => made.close(),
    disconnect(reconnect = false) {
      if (made.isOpen) void Promise.resolve(made.destroy()).catch(() => undefined);
      if (reconnect) made.connect().catch(() => undefined);
    },
  }) as Record<string, unknown>;
}

export const nodeRedis = (name: string, library: NodeRedisLibrary, RESP: 2 | 3): ClientKind => ({
  name,
  client(connection, options, admin) {
    const shared = optionsOf(connection, options);
    const made = library.createClient({
      ...shared,
      socket: { ...shared.socket, reconnectStrategy: reconnectStrategy(options.retryStrategy) },
      RESP,
    }) as Made;
    if (options.lazyConnect !== true) made.connect().catch(() => undefined);
    const tests = admin({ ...options, lazyConnect: true });
    return hybrid(tests, testedOf(made, tests, SINGLE));
  },
  clusterClient(nodes: readonly Connection[], { redisOptions, clusterRetryStrategy }: ClusterOptions, admin) {
    const made = library.createCluster({
      rootNodes: nodes.map(({ host, port }) => ({ socket: { host, port } })),
      defaults: { socket: { reconnectStrategy: reconnectStrategy(clusterRetryStrategy) } },
      ...(redisOptions?.keyPrefix !== undefined && { keyPrefix: redisOptions.keyPrefix }),
      RESP,
    }) as Made;
    made.connect().catch(() => undefined);
    const tests = admin();
    return hybrid(tests, testedOf(made, tests, CLUSTER));
  },
});
