import { storeOf, warnOnce } from '@turnpike/core';
import { type Backlog, createBacklog, hasMarks } from './backlog.ts';
import type { ManyLoader } from './batch.ts';
import { type CacheOptions, type GetOptions, type Invalidation, checkedOptions } from './cache-options.ts';
import { parsedClock } from './clock.ts';
import { createCodec } from './codec.ts';
import { createCompression } from './compression.ts';
import { registerEngine } from './engine.ts';
import { type CacheStats, createJournal } from './events.ts';
import { createFills } from './fills.ts';
import { longestLifeMs } from './freshness.ts';
import { type Invalidated, createInvalidations } from './invalidations.ts';
import { createInvalidator } from './invalidator.ts';
import { createKeptClock } from './kept-clock.ts';
import { joinKin } from './kin.ts';
import type { Loader } from './load.ts';
import { LEASE_MARGIN_MS, createLoads } from './loads.ts';
import { createLoneLoads } from './lone-loads.ts';
import { createMany } from './many.ts';
import { createOpening } from './opening.ts';
import { createPages } from './pages.ts';
import { createPlaces } from './places.ts';
import { createReader } from './reader.ts';
import { createServing } from './serving.ts';
import type { StoresAsIs } from './storable.ts';
import { createWaits } from './waits.ts';
import { type WarmBatch, type WarmEntry, type WarmOptions, type Warmed, type Warming, warmed } from './warming.ts';
import { type WriteThrough, createWriteThrough } from './write-through.ts';

/** What a cache does, whatever its values are. */
interface CacheOfKeys {
  /**
   * Drops keys, and all that carries a tag: to be called after the commit. No load that began before it resolved is
   * stored to stay, in no process. Resolves within `deadlineMs`; what Redis did not take is queued, and this process
   * reads nothing that it concerns before it is delivered. Rejects with a `StoreError` for a wrong set-up only.
   */
  invalidate(invalidation: Invalidation): Promise<Invalidated>;
  /** Invalidates everything under the cache's prefix, in one step. */
  clear(options?: Pick<Invalidation, 'quarantineMs'>): Promise<Invalidated>;
  /**
   * Runs `write`, and then invalidates `key` and `tags`; or, where `write` calls `version`, sets what it resolves to over
   * a cached value of a lower version. Resolves, or rejects, as `write` does: a failure of the cache never fails it.
   */
  readonly writeThrough: WriteThrough;
  /** Counts of this process. */
  stats(): CacheStats;
  /** Ends timers and subscriptions. The client stays open. */
  close(): void;
}

/** A cache of JSON and Buffers. */
export interface Cache extends CacheOfKeys {
  /**
   * The value of `key`: from Redis, or from `loader`, once for all processes that ask at the same time. Never waits for
   * Redis longer than `deadlineMs`, and for a load of another process no longer than two leases. What it resolves to is
   * frozen. Rejects with what the loader threw; where another's load failed, with a `SharedLoadError`; where it took too
   * long, with a `LoadTimeoutError`. An undefined `key` is loaded and not cached.
   */
  getOrLoad<T>(key: string | undefined, loader: Loader<T & StoresAsIs<T>>, options?: GetOptions): Promise<T>;
  /**
   * The values of at most 1,000 `keys`, in their order, each with every guarantee of `getOrLoad`. Those that nobody has and
   * nobody else loads are one call of `loadMany`; what is stale is another, in the background. A key that has no value
   * (`undefined`) is not in the Map. Rejects, as `getOrLoad` does, for the first key that fails.
   */
  getMany<T>(
    keys: readonly string[],
    loadMany: ManyLoader<T & StoresAsIs<T>>,
    options?: GetOptions,
  ): Promise<Map<string, T>>;
  /**
   * Loads what is not there or no longer fresh, such as at start-up or after `clear`, ten entries at a time: under leases, so
   * that several processes with the same entries load each once, and no value is older than an invalidation. Resolves when
   * all of it is stored, to counts; what cannot be loaded is counted, and rejects nothing. Without Redis nothing is loaded.
   */
  warm<T>(entries: Warming<WarmEntry<T & StoresAsIs<T>>>, options?: WarmOptions): Promise<Warmed>;
  warm<T>(entries: Warming<WarmBatch<T & StoresAsIs<T>>>, options?: WarmOptions): Promise<Warmed>;
}

/** A cache of whatever its `serializer` takes. */
export interface CacheOfAny extends CacheOfKeys {
  /** As `Cache.getOrLoad`. */
  getOrLoad<T>(key: string | undefined, loader: Loader<T>, options?: GetOptions): Promise<T>;
  /** As `Cache.getMany`. */
  getMany<T>(keys: readonly string[], loadMany: ManyLoader<T>, options?: GetOptions): Promise<Map<string, T>>;
  /** As `Cache.warm`. */
  warm(entries: Warming<WarmEntry<unknown> | WarmBatch<unknown>>, options?: WarmOptions): Promise<Warmed>;
}

/**
 * A cache in front of a database: no value is stored that was read before an invalidation, and each key is loaded once
 * across all processes.
 *
 * @throws OptionError when an option breaks its rule
 */
export function createCache(
  options: CacheOptions & { serializer: NonNullable<CacheOptions['serializer']> },
): CacheOfAny;
export function createCache(options: CacheOptions): Cache;
export function createCache(options: CacheOptions): CacheOfAny {
  const { settings, freshness: ownFreshness, check } = checkedOptions(options);
  const { redis, loadTimeoutMs, deadlineMs, maxBytes, compressAboveBytes, quarantineMs, serializer, prefix, l1 } =
    settings;
  const store = storeOf(redis);
  const places = createPlaces(redis, prefix);
  const codec = createCodec(serializer);
  const compression = createCompression(compressAboveBytes, maxBytes);
  const journal = createJournal();
  const waits = createWaits(redis);
  const leaseMs = loadTimeoutMs + LEASE_MARGIN_MS;

  const { marks, coverLife, ...clock } = createKeptClock({
    store,
    places,
    deadlineMs,
    longestLifeMs: longestLifeMs(ownFreshness),
    leaseMs,
  });
  const invalidator = createInvalidator({
    store,
    places,
    clockTtlMs: clock.ttlMs,
    // Who has invalidated knows that the clock has been there, and that a server where it has not been has lost it.
    onClock(text) {
      const seen = parsedClock(text);
      if (seen !== undefined) marks.see(seen);
    },
  });
  const loneLoads = createLoneLoads({ codec, journal, check, loadTimeoutMs, maxBytes });
  const makeBacklog = (): Backlog =>
    createBacklog(async (pending) => {
      const delivery = await invalidator.deliver(pending, deadlineMs);
      // Of its marks none of the others has seen the clock.
      if (hasMarks(pending)) kin.invalidated();
      return delivery;
    });
  const kin = joinKin(redis, prefix, makeBacklog, {
    dropped(entryKeys) {
      loneLoads.drop(entryKeys);
      if (entryKeys !== undefined) tier?.invalidated(entryKeys);
    },
    invalidated: (entryKeys) => tier?.invalidated(entryKeys),
  });
  const { backlog } = kin;
  const tier = l1?.open({
    redis,
    places,
    marks,
    codec,
    isClear: backlog.isClearFor,
  });
  const reader = createReader({
    store,
    places,
    marks,
    compression,
    journal,
    backlog,
    deadlineMs,
    isClockDue: clock.isDue,
    tier,
  });
  const loads = createLoads({
    store,
    reader,
    invalidator,
    backlog,
    fills: createFills({ store, journal, marks, compression, coverLife }),
    codec,
    journal,
    check,
    loadTimeoutMs,
    deadlineMs,
    maxBytes,
  });
  const warn = warnOnce('createCache');
  const serving = createServing({
    reader,
    loads,
    loneLoads,
    waits,
    marks,
    opening: createOpening({ codec, journal }),
    journal,
    warn,
    tier,
    boundMs: 2 * leaseMs,
  });
  const near = (key: string): { readonly value: unknown } | undefined => {
    const found = tier?.valueOf(key);
    if (found !== undefined) journal.noteNearHit();
    return found;
  };
  const many = createMany({ reader, serving, places, check, warn, near });

  const invalidations = createInvalidations({
    places,
    kin,
    invalidator,
    backlog,
    journal,
    check,
    deadlineMs,
    quarantineMs,
  });

  const fromRedisOrLoaded = async <T>(
    key: string | undefined,
    loader: Loader<T>,
    given: GetOptions = {},
  ): Promise<T> => {
    const { tags, freshness } = check.get(given);
    const startedAt = performance.now();
    if (key !== undefined) check.key(key);
    check.loader(loader);
    const outcome = await (key === undefined
      ? serving.outcomeOfNoKey({ loader, tags })
      : serving.outcomeOf({ place: places.of(key), loader, refresh: loader, tags, freshness, startedAt }));
    if (outcome.kind === 'error') throw outcome.error;
    return outcome.value() as T;
  };

  const cache: CacheOfAny = {
    getOrLoad<T>(key: string | undefined, loader: Loader<T>, given?: GetOptions): Promise<T> {
      const found = key === undefined ? undefined : near(key);
      return found === undefined ? fromRedisOrLoaded(key, loader, given) : Promise.resolve(found.value as T);
    },
    async getMany<T>(keys: readonly string[], loadMany: ManyLoader<T>, given: GetOptions = {}) {
      check.keys(keys);
      check.loader(loadMany, 'loadMany');
      return (await many.valuesOf([...new Set(keys)], loadMany, check.get(given, 'getMany'))) as Map<string, T>;
    },
    warm: (entries, given = {}) => warmed(entries, given, { many, check }),
    invalidate: invalidations.of,
    clear: (options = {}) => invalidations.ofEverything(options),
    writeThrough: createWriteThrough({
      store,
      places,
      codec,
      compression,
      kin,
      invalidations,
      check,
      freshness: ownFreshness,
      maxBytes,
      deadlineMs,
      quarantineMs,
    }),
    stats: () => ({ ...journal.counts(), backlog: backlog.size, ...(tier && { l1: tier.stats() }) }),
    close() {
      tier?.close();
      kin.leave();
      waits.close();
    },
  };
  registerEngine(cache, {
    freshness: ownFreshness,
    maxBytes,
    places,
    check,
    look: serving.look,
    hit: serving.hit,
    renew: serving.renew,
    pageOf: serving.outcomeOf,
    pages: createPages({ store, places, codec, compression, coverLife, deadlineMs }),
  });
  return cache;
}
