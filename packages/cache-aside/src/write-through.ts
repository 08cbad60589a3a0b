import type { Store } from '@turnpike/core';
import type { CallChecks, Invalidation } from './cache-options.ts';
import type { Codec } from './codec.ts';
import type { Compression } from './compression.ts';
import { type Freshness, lifetimeOf } from './freshness.ts';
import type { Invalidations } from './invalidations.ts';
import type { Kin } from './kin.ts';
import type { Places } from './places.ts';
import { overwrite } from './scripts.ts';

/** What a write is given. */
export interface WriteContext {
  /** The version that was written: the value the write resolves to is set over a cached one of a lower version. */
  version(version: number): void;
}

/** See `Cache.writeThrough`. */
export type WriteThrough = <T>(
  key: string,
  write: (context: WriteContext) => T | Promise<T>,
  options?: Pick<Invalidation, 'tags' | 'quarantineMs'>,
) => Promise<T>;

interface WriteThroughParts {
  readonly store: Store;
  readonly places: Places;
  readonly codec: Codec;
  readonly compression: Compression;
  readonly kin: Kin;
  readonly invalidations: Invalidations;
  readonly check: CallChecks;
  readonly freshness: Required<Freshness>;
  readonly maxBytes: number;
  readonly deadlineMs: number;
  /** Where a write does not say another. */
  readonly quarantineMs: number;
}

export function createWriteThrough(parts: WriteThroughParts): WriteThrough {
  const { store, places, codec, compression, kin, invalidations, check, freshness, maxBytes, deadlineMs } = parts;

  /** True when the value stands where a lower version stood, or a newer one stands there. */
  const isSetOver = async (key: string, value: unknown, version: number): Promise<boolean> => {
    try {
      const encoded = codec.encode(value);
      if (encoded.payload.length > maxBytes) return false;
      const { entryKey, channel } = places.of(key);
      const lasting = lifetimeOf(value, freshness, Math.random());
      const packed = await compression.pack(encoded);
      kin.dropped([entryKey]);
      await store.call(overwrite, { key: entryKey, channel, version, ...packed, ...lasting }, { deadlineMs });
      kin.invalidated([entryKey]);
      return true;
    } catch {
      return false;
    }
  };

  return async (key, write, options = {}) => {
    check.write(write, options);
    const { tags = [], quarantineMs = parts.quarantineMs } = options;
    const invalidation = { keys: [key], tags, quarantineMs };
    check.key(key);
    check.invalidation(invalidation);
    const { keys, tags: marked, ...pending } = invalidations.pending(invalidation);
    let version: number | undefined;
    let isKeptCurrent = false;
    try {
      const written = await write({
        version(given) {
          check.version(given);
          version = given;
        },
      });
      isKeptCurrent =
        version !== undefined &&
        quarantineMs === 0 &&
        tags.length === 0 &&
        written !== undefined &&
        (await isSetOver(key, written, version));
      return written;
    } finally {
      // Also after a write that threw: it may have been committed, and only its reply lost.
      const rest = { ...pending, keys: isKeptCurrent ? new Set<string>() : keys, tags: marked };
      await invalidations.send(rest).catch(() => undefined);
    }
  };
}
