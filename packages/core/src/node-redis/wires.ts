import type { SubscriberClient } from '../subscriber.ts';
import { listeningClient, trackingClient } from './listening-client.ts';
import { readinessOf } from './readiness.ts';
import type {
  ClusterClient,
  CommandOptions,
  Kind,
  NodeRedisClient,
  OwnClient,
  SentinelClient,
  SingleClient,
  Words,
} from './node-redis-client.ts';

/** What differs between the three kinds of client. Everything goes to a master, whatever the client reads from. */
export interface Wire {
  readonly client: NodeRedisClient;
  /** In ioredis's words: `connecting`, `ready`, `reconnecting`, `end`. */
  readonly status: string;
  /** What the client's own commands put before a key. Those sent by `sendCommand` bring it along. */
  readonly keyPrefix: string;
  /** What it calls being ready, or being so again, and having ended. */
  readonly events: Readonly<Record<'ready' | 'end', readonly string[]>>;
  send(key: string | undefined, words: Words, options: CommandOptions): Promise<unknown>;
  read(keys: readonly string[], options: CommandOptions): Promise<unknown>;
  /** `isLasting`: it comes back by itself, with its subscriptions. Otherwise it ends when it is lost. */
  listen(isLasting: boolean): SubscriberClient;
  /** Of a Cluster: the address of the master that holds a slot. */
  readonly masterOf?: (slot: number) => string | undefined;
}

export function wireOf(known: Kind): Wire {
  switch (known.kind) {
    case 'single':
      return single(known.client);
    case 'cluster':
      return cluster(known.client);
    case 'sentinel':
      return sentinel(known.client);
  }
}

/** RESP2 as over ioredis, no cache of its own, and a queue, since whoever subscribes may wait. */
const LISTENING = {
  RESP: 2,
  maintNotifications: 'disabled',
  clientSideCache: undefined,
  emitInvalidate: false,
  disableOfflineQueue: false,
  commandsQueueMaxLength: undefined,
};

function single(client: SingleClient): Wire {
  const readiness = readinessOf(client);
  return {
    client,
    get status() {
      return readiness.status;
    },
    keyPrefix: client._keyPrefix ?? '',
    // 6.3 says `terminated`, and not `end`, when its reconnectStrategy has given up.
    events: { ready: ['ready'], end: ['end', 'terminated'] },
    send: (_key, words, options) => readiness.held(client.sendCommand(words, options)),
    read: (keys, options) => readiness.held(client.sendCommand(['mget', ...keys], options)),
    listen: (isLasting) => trackingClient(() => duplicateOf(client, isLasting)),
  };
}

const duplicateOf = (client: SingleClient, isLasting: boolean): OwnClient =>
  client.duplicate({
    ...LISTENING,
    ...(!isLasting && { socket: { ...client.options?.socket, reconnectStrategy: false } }),
  });

function cluster(client: ClusterClient): Wire {
  return {
    client,
    get status() {
      if (!client.isOpen) return 'end';
      return client.masters.length > 0 ? 'ready' : 'connecting';
    },
    keyPrefix: client._keyPrefix ?? '',
    events: { ready: ['connect'], end: ['disconnect'] },
    send: (key, words, options) => client.sendCommand(key, false, words, options),
    read: (keys, options) => Promise.all(keys.map((key) => client.sendCommand(key, false, ['get', key], options))),
    listen: (isLasting) =>
      trackingClient(async () => {
        const master = client.masters[Math.floor(Math.random() * client.masters.length)];
        if (master === undefined) throw new Error('The Cluster is not connected yet');
        return duplicateOf(await client.nodeClient(master), isLasting);
      }),
    masterOf: (slot) => client.slots[slot]?.master.address,
  };
}

function sentinel(client: SentinelClient): Wire {
  let wasReady = client.isReady;
  client.on('ready', () => (wasReady = true));
  return {
    client,
    get status() {
      if (client.isReady) return 'ready';
      if (!client.isOpen) return 'end';
      return wasReady ? 'reconnecting' : 'connecting';
    },
    keyPrefix: client._keyPrefix ?? '',
    events: { ready: ['ready'], end: ['end'] },
    send: (_key, words, options) => client.sendCommand(false, words, options),
    read: (keys, options) => client.sendCommand(false, ['mget', ...keys], options),
    // Of the connection on which it listens it tells nothing: it is not asked what only that connection could answer.
    listen: () => listeningClient(() => client.duplicate({ masterPoolSize: 1, replicaPoolSize: 0 })),
  };
}
