import { EventEmitter } from 'node:events';
import type { ClientKind } from '@turnpike/test-kit';
import type { RedisOptions } from 'ioredis';
import { createClient, createCluster, createSentinel } from 'redis';
import { type NodeRedisClient, fromNodeRedis } from '../../src/node-redis/index.ts';
import { hybrid } from './hybrid.ts';

/** What the package `redis` gives, of any version. */
export interface NodeRedisLibrary {
  createClient: (options: NonNullable<Parameters<typeof createClient>[0]>) => unknown;
  createCluster: (options: Parameters<typeof createCluster>[0]) => unknown;
  createSentinel: (options: Parameters<typeof createSentinel>[0]) => unknown;
}

/** What is asked of each client of node-redis. */
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

const credentialsOf = ({ username, password }: RedisOptions) => ({
  ...(username !== undefined && { username }),
  ...(password !== undefined && { password }),
});

/** The options of ioredis that have a counterpart. */
const optionsOf = ({ keyPrefix, db, enableOfflineQueue, ...options }: RedisOptions) => ({
  ...credentialsOf(options),
  ...(keyPrefix !== undefined && { keyPrefix }),
  ...(db !== undefined && { database: db }),
  ...(enableOfflineQueue === false && { disableOfflineQueue: true }),
});

const socketOf = ({ host, port, tls, retryStrategy }: RedisOptions) => ({
  ...(host !== undefined && { host }),
  ...(port !== undefined && { port }),
  ...(tls !== undefined && { tls: true as const, ca: tls.ca as string }),
  reconnectStrategy: reconnectStrategy(retryStrategy),
});

/** What the clients call the events that ioredis has. */
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

/**
 * An app of node-redis connects its client itself; what a lost connection left is sent again by the adapter, always; the client
 * writes late by itself; tests cannot reach into it; and it looks for another master of a Cluster after seconds, or never (docs/production.md).
 */
const LACKS = [
  'lazyConnect',
  'autoResendUnfulfilledCommands: false',
  'sendCommand to count',
  'stream',
  'insides',
  'quick failover of a Cluster',
];

export const nodeRedis = (name: string, library: NodeRedisLibrary, RESP: 2 | 3): ClientKind => {
  const single = (options: RedisOptions): unknown =>
    library.createClient({ ...optionsOf(options), socket: socketOf(options), RESP });

  const watched = ({ sentinels = [], ...options }: RedisOptions): unknown =>
    library.createSentinel({
      name: options.name as string,
      sentinelRootNodes: sentinels.map(({ host, port }) => ({ host: host as string, port: port as number })),
      nodeClientOptions: { ...optionsOf(options), socket: socketOf(options) },
      RESP,
    });

  return {
    name,
    lacks: LACKS,
    client(options, admin) {
      const made = (options.sentinels === undefined ? single(options) : watched(options)) as Made;
      if (options.lazyConnect !== true) made.connect().catch(() => undefined);
      const tests = admin({ ...options, lazyConnect: true });
      return hybrid(tests, testedOf(made, tests, SINGLE));
    },
    clusterClient(nodes, { redisOptions = {}, clusterRetryStrategy }, admin) {
      const { tls, keyPrefix } = redisOptions;
      const made = library.createCluster({
        rootNodes: nodes.map(({ host, port }) => ({ socket: { host, port } })),
        defaults: {
          ...credentialsOf(redisOptions),
          socket: socketOf({ ...(tls !== undefined && { tls }), retryStrategy: clusterRetryStrategy }),
        },
        ...(keyPrefix !== undefined && { keyPrefix }),
        RESP,
      }) as Made;
      made.connect().catch(() => undefined);
      const tests = admin();
      return hybrid(tests, testedOf(made, tests, CLUSTER));
    },
  };
};
