import { OptionError } from '../errors.ts';

/**
 * A client of node-redis (the package `redis`): what `createClient`, `createCluster` or `createSentinel` of
 * version 6.1 or later returned, or any `withCommandOptions` of it. The client is the caller's: we never configure it, never connect it
 * and never close it.
 */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  // Looser than node-redis on purpose: `sendCommand` and `duplicate` differ between its three kinds of client.
  sendCommand(...args: any[]): Promise<unknown>;
  duplicate(...override: any[]): unknown;
  withTypeMapping(mapping: any): unknown;
  on(event: string, listener: (...values: any[]) => void): unknown;
}

/** What a command is sent with. `typeMapping` says, by the first byte of a RESP type, what its values become. */
export interface CommandOptions {
  readonly typeMapping: object;
}

export type Words = readonly (string | Buffer)[];

/** What hears of channels: a text, or of `__redis__:invalidate` a list of keys, or null for all. */
export type Hear = (said: string | string[] | null, channel: string) => void;

/** A duplicate, which is ours to connect and to destroy. */
export interface OwnClient extends NodeRedisClient {
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  subscribe(channels: string[], hear: Hear): Promise<void>;
  unsubscribe(channels: string[], hear: Hear): Promise<void>;
  pSubscribe(patterns: string[], hear: (text: string, channel: string) => void): Promise<void>;
  ping(): Promise<unknown>;
  destroy(): unknown;
}

/** One connection to one server, as `createClient` makes it. */
export interface SingleClient extends NodeRedisClient {
  readonly isReady: boolean;
  readonly _keyPrefix: string | undefined;
  readonly options?: { readonly socket?: object };
  /** How often it has been ready. */
  readonly socketEpoch: number;
  sendCommand(args: Words, options: CommandOptions): Promise<unknown>;
  duplicate(overrides: object): OwnClient;
}

/** What a Cluster knows of one of its masters. */
interface ClusterMaster {
  readonly address: string;
}

/** What `createCluster` makes. */
export interface ClusterClient extends NodeRedisClient {
  readonly _keyPrefix: string | undefined;
  readonly slots: readonly ({ readonly master: ClusterMaster } | undefined)[];
  readonly masters: readonly ClusterMaster[];
  nodeClient(node: ClusterMaster): Promise<SingleClient>;
  sendCommand(key: string | undefined, isReadonly: boolean, args: Words, options: CommandOptions): Promise<unknown>;
}

/** What `createSentinel` makes. */
export interface SentinelClient extends NodeRedisClient {
  readonly isReady: boolean;
  readonly _keyPrefix: string | undefined;
  sendCommand(isReadonly: boolean, args: Words, options: CommandOptions): Promise<unknown>;
  duplicate(overrides: object): OwnClient;
}

/** A client by its kind. */
export type Kind =
  | { readonly kind: 'single'; readonly client: SingleClient }
  | { readonly kind: 'cluster'; readonly client: ClusterClient }
  | { readonly kind: 'sentinel'; readonly client: SentinelClient };

const METHODS = ['sendCommand', 'duplicate', 'withTypeMapping', 'on'] as const;

/**
 * @throws OptionError when `given` is no such client: an older one (node-redis 4 cannot be asked for Buffers by the command; 5 writes
 * into connections that have broken, and takes the replies on the next one for those of other commands), or a pool, whose replies come over
 * several connections in any order.
 */
export function kindOf(given: unknown): Kind {
  const candidate = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
  const otherwise = otherThanAClient(given, candidate);
  if (otherwise !== undefined) {
    throw new OptionError(`fromNodeRedis: "client" must be a client of node-redis 6.1 or later, received ${otherwise}`);
  }
  // A `withCommandOptions` of a client is another object over the same connection, with other options for what it sends.
  const client: unknown = candidate['_self'] ?? candidate;
  if ('nodeClient' in candidate) return { kind: 'cluster', client: client as ClusterClient };
  if ('getSentinelNode' in candidate) return { kind: 'sentinel', client: client as SentinelClient };
  return { kind: 'single', client: client as SingleClient };
}

function otherThanAClient(given: unknown, candidate: Record<string, unknown>): string | undefined {
  if ('totalClients' in candidate) return 'a pool of clients';
  const missing = METHODS.filter((method) => typeof candidate[method] !== 'function');
  if (missing.length > 0) return `${given === null ? 'null' : typeof given} without ${missing.join(', ')}`;
  return '_keyPrefix' in candidate ? undefined : 'one of an older version';
}
