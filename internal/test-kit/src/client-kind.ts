import type { Cluster, ClusterOptions, Redis, RedisOptions } from 'ioredis';
import type { RedisAddress } from './redis-server.ts';
import { type SkipOptions, skipUnless } from './skips.ts';

/** Makes the clients that a test gives to what it tests. `admin` is the test's own, for all that no package asks of a client. */
export interface ClientKind {
  readonly name: string;
  /** Options of ioredis that tests are about, and that it has no counterpart of. */
  readonly lacks: readonly string[];
  client(options: RedisOptions, admin: (options: RedisOptions) => Redis): Redis;
  clusterClient(
    nodes: readonly Pick<RedisAddress, 'host' | 'port'>[],
    options: ClusterOptions,
    admin: () => Cluster,
  ): Cluster;
}

let kind: ClientKind | undefined;

/** From now on `clientFactory` gives clients of this kind instead of ioredis 6. For a setup file of vitest. */
export const useClients = (chosen: ClientKind): void => void (kind = chosen);

/** Undefined: ioredis 6. */
export const chosenClients = (): ClientKind | undefined => kind;

/**
 * Second argument for `describe` or `test`, as of `skipUnless`: what an option of ioredis does that the chosen client has no
 * counterpart of.
 */
export const ifClientHas = (option: string): SkipOptions =>
  skipUnless(kind?.lacks.includes(option) !== true, `${kind?.name} has no ${option}`);
