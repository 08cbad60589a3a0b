import { OptionError } from './errors.ts';

/** What a Redis command takes. */
export type RedisArgument = string | number | Buffer;

/**
 * The few things we ask of a Redis client. ioredis 5, ioredis 6 and their `Cluster` are such clients as they are; one of
 * node-redis is given through `fromNodeRedis`. The client is the caller's: we never configure it and never close it.
 */
export interface RedisClient {
  readonly status: string;
  evalsha(sha: string, numberOfKeys: number, ...keysAndArguments: RedisArgument[]): Promise<unknown>;
  eval(lua: string, numberOfKeys: number, ...keysAndArguments: RedisArgument[]): Promise<unknown>;
  mgetBuffer(...keys: string[]): Promise<(Buffer | null)[]>;
  // Looser than ioredis on purpose: its own `duplicate` and `on` differ between a single client and a Cluster.
  duplicate(...override: any[]): unknown;
  on(event: 'ready' | 'end', listener: () => void): unknown;
}

/**
 * The forms of its scripts that reply with Buffers. ioredis has them, and no types for them. (`callBuffer('eval', …)` has, and
 * loses the name of the command under `enableAutoPipelining`: redis/ioredis#1923.)
 */
interface BufferForms {
  evalshaBuffer: RedisClient['evalsha'];
  evalBuffer: RedisClient['eval'];
}

export const bufferFormsOf = (client: RedisClient): BufferForms => client as RedisClient & BufferForms;

/** A stream that can hold back what is written to it. */
export interface Corkable {
  cork(): void;
  uncork(): void;
}

/** What ioredis keeps on a client beyond its methods, and we look at. Absent elsewhere. */
interface Insides {
  readonly options?: {
    readonly keyPrefix?: string;
    readonly scaleReads?: unknown;
    readonly commandTimeout?: number;
    readonly redisOptions?: { readonly keyPrefix?: string; readonly commandTimeout?: number };
  };
  /** The socket of a single client. */
  readonly stream?: Corkable;
  /** Of a Cluster: slot → nodes, the master first. */
  readonly slots?: readonly (readonly string[] | undefined)[];
  readonly nodes?: () => Pick<RedisClient, 'duplicate'>[];
  /** Of an adapted Cluster, in place of both: slot → address of its master. */
  readonly masterOf?: (slot: number) => string | undefined;
}

const insides = (client: RedisClient): Insides => client as unknown as Insides;

const METHODS = ['evalsha', 'eval', 'evalshaBuffer', 'evalBuffer', 'mgetBuffer', 'duplicate', 'on'] as const;

/**
 * @throws OptionError when `client` lacks a method we call, or is a Cluster that reads from replicas: a replica answers
 * with what was true a moment ago, and every decision here is about now.
 */
export function assertRedisClient(factory: string, client: unknown): asserts client is RedisClient {
  const candidate = (typeof client === 'object' && client !== null ? client : {}) as Record<string, unknown>;
  const missing = METHODS.filter((method) => typeof candidate[method] !== 'function');
  if (missing.length > 0) {
    throw new OptionError(
      `${factory}: option "redis" must be an ioredis client (5.4 or later), received ` +
        ('withTypeMapping' in candidate
          ? 'one of node-redis: give fromNodeRedis(client), of @turnpike/core/node-redis'
          : `${client === null ? 'null' : typeof client} without ${missing.join(', ')}`),
    );
  }
  const scaleReads = insides(client as RedisClient).options?.scaleReads;
  if (scaleReads !== undefined && scaleReads !== 'master') {
    throw new OptionError(
      `${factory}: option "redis" must be a Cluster that reads from its masters (scaleReads: 'master'), ` +
        `received scaleReads: ${typeof scaleReads === 'string' ? `'${scaleReads}'` : typeof scaleReads}`,
    );
  }
}

/** What the client puts before every key by itself. It does so for keys only: a channel name has to be given it by us. */
export function keyPrefixOf(client: RedisClient): string {
  const { options } = insides(client);
  return options?.keyPrefix ?? options?.redisOptions?.keyPrefix ?? '';
}

/** After how many ms the client itself rejects a command, which then may still run. */
export function commandTimeoutOf(client: RedisClient): number {
  const { options } = insides(client);
  return options?.commandTimeout ?? options?.redisOptions?.commandTimeout ?? Infinity;
}

export const isCluster = (client: RedisClient): boolean =>
  insides(client).slots !== undefined || insides(client).masterOf !== undefined;

/** The socket that commands leave by, once they do: not known of a Cluster, nor of an adapter, which writes late by itself. */
export const socketOf = (client: RedisClient): Corkable | undefined =>
  client.status === 'ready' ? insides(client).stream : undefined;

/** What can be duplicated into a single client: of ioredis's Cluster each node it knows, otherwise the client itself. */
export const nodesOf = (client: RedisClient): readonly Pick<RedisClient, 'duplicate'>[] =>
  insides(client).slots !== undefined ? (insides(client).nodes?.() ?? []) : [client];

/** The connection a key's commands travel on: of a Cluster the master of its slot, otherwise the one there is. */
export function connectionOf(client: RedisClient, key: string): string {
  if (!isCluster(client)) return 'only';
  const { slots, masterOf } = insides(client);
  const slot = slotOf(keyPrefixOf(client) + key);
  return slots?.[slot]?.[0] ?? masterOf?.(slot) ?? 'unknown';
}

/** A key's slot: CRC16 (XMODEM) of its hash tag, or of all of it, mod 16384 (Redis Cluster specification). */
export function slotOf(key: string): number {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  const tag = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return crc & 0x3fff;
}
