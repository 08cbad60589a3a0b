import { StoreError, storeOf, warnOnce } from '@turnpike/core';
import { type Pending, createBacklog, nothingPending } from './backlog.ts';
import { type CacheOptions, type GetOptions, type Invalidation, checkedOptions } from './cache-options.ts';
import { parsedClock } from './clock.ts';
import { SharedLoadError, createCodec } from './codec.ts';
import type { Entry } from './envelope.ts';
import { type CacheStats, createJournal } from './events.ts';
import { LONGEST_MS, lifetimeOf, longestLifeMs } from './freshness.ts';
import { createInvalidator, newIncarnation } from './invalidator.ts';
import type { Loader } from './load.ts';
import { type Call, LEASE_MARGIN_MS, type Outcome, createLoads } from './loads.ts';
import { createMarkTable } from './mark-table.ts';
import { createPlaces, tagName } from './places.ts';
import { type Found, createReader } from './reader.ts';
import { marks as marksScript, overwrite } from './scripts.ts';
import { standingOf } from './standing.ts';
import type { StoresAsIs } from './storable.ts';
import { createWaits } from './waits.ts';

/** What came of an invalidation: how many keys and tags are invalid now, and how many will be when Redis is back. */
export interface Invalidated {
  readonly delivered: number;
  readonly queued: number;
}

/** What a write is given. */
export interface WriteContext {
  /** The version that was written: the value the write resolves to is set over a cached one of a lower version. */
  version(version: number): void;
}

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
  writeThrough<T>(
    key: string,
    write: (context: WriteContext) => T | Promise<T>,
    options?: Pick<Invalidation, 'tags' | 'quarantineMs'>,
  ): Promise<T>;
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
}

/** A cache of whatever its `serializer` takes. */
export interface CacheOfAny extends CacheOfKeys {
  /** As `Cache.getOrLoad`. */
  getOrLoad<T>(key: string | undefined, loader: Loader<T>, options?: GetOptions): Promise<T>;
}

/** However short-lived its entries, a clock is kept so long, in ms. */
const LEAST_CLOCK_TTL_MS = 3_600_000;

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
  const { redis, loadTimeoutMs, deadlineMs, maxBytes, quarantineMs: ownQuarantineMs, serializer, prefix } = settings;
  const store = storeOf(redis);
  const places = createPlaces(redis, prefix);
  const codec = createCodec(serializer);
  const journal = createJournal();
  const waits = createWaits(redis);
  const warn = warnOnce('createCache');
  const leaseMs = loadTimeoutMs + LEASE_MARGIN_MS;

  let longestMs = longestLifeMs(ownFreshness) + leaseMs;
  let clockDueAt = 0;
  const clockTtlMs = (): number => Math.min(Math.max(2 * longestMs, LEAST_CLOCK_TTL_MS), 2 * LONGEST_MS);

  const marks = createMarkTable(async (known) => {
    const asked = { ...places, incarnation: newIncarnation(), ttlMs: clockTtlMs(), known };
    const { clock, marks: newer } = await store.call(marksScript, asked, { deadlineMs });
    const parsed = parsedClock(clock);
    if (parsed === undefined) throw new StoreError('ERR_TURNPIKE_STORE_REPLY', 'Redis holds no clock of this layout');
    clockDueAt = performance.now() + clockTtlMs() / 4;
    return { clock: parsed, marks: newer };
  });
  const coverLife = (lifeMs: number): void => {
    if (lifeMs + leaseMs <= longestMs) return;
    longestMs = lifeMs + leaseMs;
    marks.renewed().catch(() => undefined);
  };

  const invalidator = createInvalidator({ store, places, clockTtlMs });
  const backlog = createBacklog((pending) => invalidator.deliver(pending, deadlineMs));
  const isClockDue = (): boolean => marks.clock === undefined || performance.now() >= clockDueAt;
  const reader = createReader({ store, places, marks, backlog, deadlineMs, isClockDue });
  const loads = createLoads({
    store,
    reader,
    invalidator,
    backlog,
    codec,
    journal,
    check,
    loadTimeoutMs,
    deadlineMs,
    maxBytes,
    coverLife,
  });

  /** Undefined for what cannot be read. */
  const opened = (entry: Entry): Outcome | undefined => {
    try {
      const value = codec.decode(entry);
      return { kind: 'value', value: () => value, meta: entry };
    } catch {
      journal.note({ type: 'corrupt' });
      return undefined;
    }
  };

  /** A value that is expired, in place of an error. */
  const orKept = (outcome: Outcome, kept: Entry | undefined): Outcome => {
    const instead = outcome.kind === 'error' && kept !== undefined ? opened(kept) : undefined;
    if (instead !== undefined) journal.note({ type: 'stale', why: 'error' });
    return instead ?? outcome;
  };

  /** What a caller gets for what it found. Rejects with a `StoreError` when Redis fails it on the way. */
  const serve = async (call: Call, found: Found): Promise<Outcome> => {
    const standing = standingOf(found, call.freshness);
    switch (standing.kind) {
      case 'fresh':
      case 'stale': {
        const outcome = opened(standing.value);
        if (outcome === undefined) return load(call, found, undefined);
        journal.note(standing.kind === 'fresh' ? { type: 'hit' } : { type: 'stale', why: 'revalidate' });
        if (standing.kind === 'stale' && standing.isFree) loads.begin(call, found, true).catch(() => undefined);
        return outcome;
      }
      case 'held':
        return follow(call, found, standing.holder, standing.kept);
      case 'failed': {
        const { failure, kept } = standing;
        const outcome = kept === undefined ? undefined : opened(kept);
        if (outcome !== undefined) {
          journal.note({ type: 'stale', why: 'error' });
          return outcome;
        }
        return failure === undefined
          ? load(call, found, undefined)
          : { kind: 'error', error: new SharedLoadError(failure.payload) };
      }
      case 'passed':
        return loadAlone(call, 'passed');
      case 'absent':
        return load(call, found, standing.kept);
    }
  };

  /** Loads, unless another is found to. */
  const load = async (call: Call, found: Found, kept: Entry | undefined): Promise<Outcome> => {
    if (isAtItsBound(call)) return loadAlone(call, 'bound');
    const begun = await loads.begin(call, found, kept !== undefined);
    if (begun.kind === 'again') return serve(call, await reader.read(call.place));
    if (begun.kind === 'changed') return serve(call, begun.found);
    if (!begun.isOwn) journal.note({ type: 'joined' });
    return orKept(await begun.load.outcome, kept);
  };

  /** Takes the outcome of a load that runs, if its own look allows; of another process once it is in Redis. */
  const follow = async (call: Call, found: Found, holder: Entry, kept: Entry | undefined): Promise<Outcome> => {
    if (isAtItsBound(call)) return loadAlone(call, 'bound');
    const running = await loads.under(holder.token, call.place);
    if (running === undefined) {
      journal.note({ type: 'waited' });
      await waits.until(call.place, holder.token, holder.untilMs - found.nowMs);
      return serve(call, await reader.read(call.place));
    }
    const outcome = await running.outcome;
    if (outcome.kind === 'error' || (await isStillValid(outcome, found, call))) {
      journal.note({ type: 'joined' });
      return orKept(outcome, kept);
    }
    return serve(call, await reader.read(call.place));
  };

  /** Whether no mark was made between the lease of a load and the look of who would join it. */
  const isStillValid = async (
    { meta }: Extract<Outcome, { kind: 'value' }>,
    found: Found,
    call: Call,
  ): Promise<boolean> => {
    const judged = { ...meta, ownTag: call.place.ownTag };
    const clock = marks.isNeeded(judged, found.clock) ? await marks.upTo(found.clock) : found.clock;
    return marks.isValid(judged, clock);
  };

  const isAtItsBound = ({ startedAt }: Call): boolean => performance.now() - startedAt > 2 * leaseMs;

  const loadAlone = (call: Call, why: 'degraded' | 'passed' | 'bound'): Promise<Outcome> => {
    journal.note({ type: 'alone', why });
    return loads.alone(call, why === 'degraded');
  };

  /** A key that is undefined is a mistake somewhere, and no reason to fail: to share its value would be one. */
  const loadUnkeyed = (call: Pick<Call, 'loader' | 'tags'>): Promise<Outcome> => {
    warn('TURNPIKE_WARN_NO_KEY', 'getOrLoad was given no key: its value is loaded each time, and not cached.');
    journal.note({ type: 'alone', why: 'no-key' });
    return loads.unshared(call);
  };

  const outcomeOf = async (call: Call): Promise<Outcome> => {
    try {
      return await serve(call, await reader.read(call.place));
    } catch (error) {
      if (!StoreError.isPassing(error)) throw error;
      return loadAlone(call, 'degraded');
    }
  };

  const invalidate = async (pending: Pending): Promise<Pending> => {
    loads.dropAlone(pending.tags.size === 0 && pending.everythingAheadMs === undefined ? pending.keys : undefined);
    const { failed, error } = await invalidator.deliver(pending, deadlineMs);
    backlog.add(failed);
    const isQueued = failed.keys.size > 0 || failed.tags.size > 0 || failed.everythingAheadMs !== undefined;
    journal.note({ type: isQueued ? 'queued' : 'invalidated' });
    if (error !== undefined && !StoreError.isPassing(error)) throw error;
    return failed;
  };

  const pendingOf = ({ keys = [], tags = [], quarantineMs = ownQuarantineMs }: Invalidation): Pending => {
    check.quarantineMs(quarantineMs);
    const pending = nothingPending();
    for (const tag of tags) pending.tags.set(tagName(tag), quarantineMs);
    for (const key of keys) pending.keys.add(key);
    // A key that is forgotten may be filled again at once; one with a mark dated ahead may not.
    if (quarantineMs > 0) for (const key of keys) pending.tags.set(places.of(key).ownTag, quarantineMs);
    return pending;
  };

  const invalidateNamed = async (invalidation: Invalidation): Promise<Invalidated> => {
    check.invalidation(invalidation);
    const failed = await invalidate(pendingOf(invalidation));
    const [keys, tags] = [new Set(invalidation.keys), new Set(invalidation.tags)];
    const queued =
      [...keys].filter((key) => failed.keys.has(key) || failed.tags.has(places.of(key).ownTag)).length +
      [...tags].filter((tag) => failed.tags.has(tagName(tag))).length;
    return { delivered: keys.size + tags.size - queued, queued };
  };

  /** True when the value stands where a lower version stood, or a newer one stands there. */
  const isSetOver = async (key: string, value: unknown, version: number): Promise<boolean> => {
    try {
      const encoded = codec.encode(value);
      if (encoded.payload.length > maxBytes) return false;
      const { entryKey, channel } = places.of(key);
      const lasting = lifetimeOf(value, ownFreshness, Math.random());
      await store.call(overwrite, { key: entryKey, channel, version, ...encoded, ...lasting }, { deadlineMs });
      return true;
    } catch {
      return false;
    }
  };

  return {
    async getOrLoad<T>(key: string | undefined, loader: Loader<T>, given: GetOptions = {}): Promise<T> {
      const { tags, freshness } = check.get(given);
      const startedAt = performance.now();
      if (key !== undefined) check.key(key);
      const outcome = await (key === undefined
        ? loadUnkeyed({ loader, tags })
        : outcomeOf({ place: places.of(key), loader, tags, freshness, startedAt }));
      if (outcome.kind === 'error') throw outcome.error;
      return outcome.value() as T;
    },
    invalidate: invalidateNamed,
    async clear({ quarantineMs = ownQuarantineMs } = {}) {
      check.quarantineMs(quarantineMs);
      const failed = await invalidate({ ...nothingPending(), everythingAheadMs: quarantineMs });
      const queued = failed.everythingAheadMs === undefined ? 0 : 1;
      return { delivered: 1 - queued, queued };
    },
    async writeThrough(key, write, { tags = [], quarantineMs = ownQuarantineMs } = {}) {
      const invalidation = { keys: [key], tags, quarantineMs };
      check.key(key);
      check.invalidation(invalidation);
      const { keys, tags: marked, ...pending } = pendingOf(invalidation);
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
          written !== undefined &&
          (await isSetOver(key, written, version));
        return written;
      } finally {
        // Also after a write that threw: it may have been committed, and only its reply lost.
        await invalidate({ ...pending, keys: isKeptCurrent ? new Set() : keys, tags: marked }).catch(() => undefined);
      }
    },
    stats: () => ({ ...journal.counts(), backlog: backlog.size }),
    close() {
      backlog.close();
      waits.close();
    },
  };
}
