import type { RedisClient } from '@turnpike/core';
import type { Codec } from './codec.ts';
import type { MarkTable } from './mark-table.ts';
import type { Place, Places } from './places.ts';
import type { Found } from './reader.ts';

/** What a tier is made of: the cache it stands in front of. */
export interface TierParts {
  readonly redis: RedisClient;
  readonly places: Places;
  readonly marks: MarkTable;
  readonly codec: Codec;
  /** False: an invalidation waits for Redis that may concern what is there. */
  readonly isClear: (place: Pick<Place, 'key' | 'entryKey'>) => boolean;
}

/** How a tier stands, for `stats()`. */
export interface TierStats {
  /** How it hears of changes; `none`: it does not, and gives nothing out. */
  readonly coherence: 'tracking' | 'publish' | 'none';
  /** How many values it has given out. */
  readonly hits: number;
  readonly entries: number;
  /** What they take of the heap, by estimate. */
  readonly bytes: number;
}

/** Values in this process, in front of Redis: those that are fresh, and of which nothing else has been heard. */
export interface Tier {
  /** Of a key, for one caller; undefined: Redis has to be asked. */
  valueOf(key: string): { readonly value: unknown } | undefined;
  /** The same of a page, as a reader would have found it. */
  look(place: Place): Found | undefined;
  /** To be taken before Redis is read: what is found may be kept if nothing is heard of it after that. Undefined: it may not. */
  fence(): number | undefined;
  /** Keeps what was found, opened by its caller, until `earlyMs` before it expires: XFetch's draw. */
  keep(place: Place, found: Found, opened: unknown, earlyMs: number): void;
  /** What this process invalidates is gone, as if it had been heard: these entries; undefined: what marks concern. */
  invalidated(entryKeys?: readonly string[]): void;
  stats(): TierStats;
  close(): void;
}

/** Makes the tier of a cache: by `l1()` of `@turnpike/cache-aside/l1`. */
export interface TierMaker {
  readonly open: (parts: TierParts) => Tier;
}
