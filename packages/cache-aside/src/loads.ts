import { randomBytes } from 'node:crypto';
import { type Store, StoreError } from '@turnpike/core';
import { type Backlog, nothingPending } from './backlog.ts';
import { isBehindItsMarks, parsedClock } from './clock.ts';
import { type Codec, type Encoded, failureText } from './codec.ts';
import { type Meta, type Stamp, metaText } from './envelope.ts';
import type { Journal } from './events.ts';
import { type Freshness, lifetimeOf } from './freshness.ts';
import { type Invalidator } from './invalidator.ts';
import { LoadTimeoutError, type Loader, type SaidChecks, type Said, runLoader } from './load.ts';
import { type Place, tagName } from './places.ts';
import type { Found, Reader } from './reader.ts';
import { fill, lease, release } from './scripts.ts';

/** One `getOrLoad`. */
export interface Call {
  readonly place: Place;
  readonly loader: Loader<unknown>;
  readonly tags: readonly string[];
  readonly freshness: Required<Freshness>;
  /** By this process's monotonic clock. */
  readonly startedAt: number;
}

/** What a load came to. Never a rejection: a loader's error is not Redis's. */
export type Outcome =
  | {
      readonly kind: 'value';
      /** For one caller: see `Codec.decode`. */
      readonly value: () => unknown;
      readonly meta: Meta;
    }
  | { readonly kind: 'error'; readonly error: unknown };

/** A load under a lease. Whoever saw the lease in Redis may take its outcome. */
interface Load {
  readonly outcome: Promise<Outcome>;
}

/**
 * - `load`: begun after the caller asked, for it alone (`isOwn`) or for another that asked at the same time
 * - `changed`: the entry is not what the caller saw
 * - `again`: it was not what another saw, perhaps before this caller asked: look again
 */
type Begun =
  | { readonly kind: 'load'; readonly load: Load; readonly isOwn: boolean }
  | { readonly kind: 'changed'; readonly found: Found }
  | { readonly kind: 'again' };

export interface Loads {
  /** Takes a lease over what `found` shows, and loads under it. Rejects with a `StoreError`: then nobody loads. */
  begin(call: Call, found: Found, keeps: boolean): Promise<Begun>;
  /** The load of this process under `token`, which its caller has seen in Redis. */
  under(token: string, place: Place): Promise<Load | undefined>;
  /**
   * Loads without a lease, and stores nothing. Shared with those who asked before it began, and with all where Redis
   * cannot say what is true (`isBlind`).
   */
  alone(call: Call, isBlind: boolean): Promise<Outcome>;
  /** Loads for one caller, and stores nothing. */
  unshared(call: Pick<Call, 'loader' | 'tags'>): Promise<Outcome>;
  /** Nobody joins what was loading alone until now: `keys`, or everything. */
  dropAlone(keys?: Iterable<string>): void;
}

/** How much longer than its loader a lease lives, in ms: for the fill to arrive. */
export const LEASE_MARGIN_MS = 1000;

/** How long the failure of a load is everybody's, in ms, and how long its bringing nothing to store. */
const PAUSE_MS = 1000;

/** The least that is left of a deadline for a second call: a stall of this process may have used it up. */
const LEAST_MS = 10;

/** Nobody waits for a fill. */
const FILL_DEADLINE_MS = 1000;

/** When a fill is tried again that Redis did not answer, in ms from the try before. To store twice does no harm. */
const FILL_RETRIES_MS = [100, 400, 1600];

/** 72 bits. */
const newToken = (): string => randomBytes(9).toString('base64url');

interface LoadsParts {
  readonly store: Store;
  readonly reader: Reader;
  readonly invalidator: Invalidator;
  readonly backlog: Backlog;
  readonly codec: Codec;
  readonly journal: Journal;
  readonly check: SaidChecks;
  readonly loadTimeoutMs: number;
  readonly deadlineMs: number;
  readonly maxBytes: number;
  /** The clock has to outlive what lives so long. */
  readonly coverLife: (lifeMs: number) => void;
}

export function createLoads(parts: LoadsParts): Loads {
  const { store, reader, invalidator, backlog, codec, journal, loadTimeoutMs, deadlineMs, maxBytes } = parts;
  const leaseMs = loadTimeoutMs + LEASE_MARGIN_MS;
  const asking = new Map<string, { readonly token: string; readonly begun: Promise<Begun> }>();
  const running = new Map<string, Load>();
  const aloneOf = new Map<string, { readonly startedAt: number; readonly outcome: Promise<Outcome> }>();

  const giveBack = ({ key }: Place, token: string): void => {
    const unused = nothingPending();
    unused.leases.set(key, token);
    backlog.add(unused);
  };

  /** The clock to stamp by: read before the value is, and past every mark that was dated ahead, once it is. */
  const stampFor = async ({ clock }: Found): Promise<Stamp> => {
    const now = isBehindItsMarks(clock) ? parsedClock(await invalidator.tick(deadlineMs)) : clock;
    return { incarnation: now?.incarnation ?? '', us: now?.tickUs ?? 0 };
  };

  const ask = async (call: Call, found: Found, keeps: boolean, token: string): Promise<Begun> => {
    const { place } = call;
    const stamp = await stampFor(found);
    const wish = { key: place.entryKey, token, leaseMs, seen: found.seen, keeps, meta: metaText({ stamp, tags: [] }) };
    const askedAt = performance.now();
    const leftMs = Math.max(LEAST_MS, deadlineMs - (askedAt - found.askedAt));
    try {
      const leased = await store.call(lease, wish, {
        deadlineMs: leftMs,
        onAbandoned: ({ kind }) => kind === 'leased' && giveBack(place, token),
      });
      if (leased.kind === 'leased') return { kind: 'load', load: start(call, token, stamp), isOwn: true };
      return { kind: 'changed', found: await reader.judged(place, leased.entry, { ...found, askedAt }) };
    } catch (error) {
      // It may have been given all the same, and its reply lost.
      if (StoreError.isPassing(error) && error.code !== 'ERR_TURNPIKE_STORE_REPLY') giveBack(place, token);
      throw error;
    }
  };

  /** Registers before it returns: whoever sees the lease from now on finds the load. */
  const start = (call: Call, token: string, stamp: Stamp): Load => {
    journal.note({ type: 'load' });
    const { place, freshness } = call;
    const { value, late, said } = runLoader(call.loader, loadTimeoutMs, call.tags, parts.check);

    const store_ = async (loaded: Loaded): Promise<void> => {
      if (loaded.encoded === undefined) {
        journal.note({ type: 'refused', why: loaded.why });
        return end('passed', '');
      }
      const lasting =
        said.ttlMs === undefined ? freshness : { ...freshness, ttlMs: said.ttlMs, negativeTtlMs: said.ttlMs };
      const { freshMs, lifeMs } = lifetimeOf(loaded.raw, lasting, Math.random());
      parts.coverLife(lifeMs);
      const { entryKey: key, channel } = place;
      const filling = { key, token, channel, freshMs, lifeMs, ...loaded.encoded, meta: metaText(loaded.meta) };
      const stored = await persistently(() => store.call(fill, filling, { deadlineMs: FILL_DEADLINE_MS }));
      journal.note(
        stored === 'stored'
          ? { type: 'stored' }
          : { type: 'refused', why: stored === 'refused' ? 'lease-lost' : 'store' },
      );
    };

    const end = async (outcome: 'passed' | 'failed', failure: string): Promise<void> => {
      const meta = metaText({ stamp, tags: [] });
      const ending = { key: place.entryKey, token, channel: place.channel, outcome, pauseMs: PAUSE_MS, meta, failure };
      await persistently(() => store.call(release, ending, { deadlineMs: FILL_DEADLINE_MS }));
    };

    const loadedOf = (raw: unknown): Loaded => loadedFrom(raw, said, stamp);
    const outcome: Promise<Outcome> = value.then(
      (raw) => {
        const loaded = loadedOf(raw);
        settle(store_(loaded));
        return { kind: 'value', value: loaded.value, meta: loaded.meta };
      },
      (error: unknown) => {
        const isTimeout = error instanceof LoadTimeoutError;
        journal.note({ type: 'failed', why: isTimeout ? 'timeout' : 'error' });
        settle(end('failed', failureText(error)));
        // What comes after its time is stored if its lease is still there, as any other.
        if (isTimeout) late.then((raw) => store_(loadedOf(raw))).catch(() => undefined);
        return { kind: 'error', error };
      },
    );
    const settle = (done: Promise<void>): void => void done.catch(() => undefined).finally(() => running.delete(token));
    const load = { outcome };
    running.set(token, load);
    return load;
  };

  /** A value as it is told and stored, or why it is not stored. */
  const loadedFrom = (raw: unknown, { tags, version }: Said, stamp: Stamp): Loaded => {
    const meta = { stamp, tags: [...tags].map(tagName), version };
    const unstored = (why: Unstored): Loaded => ({ raw, meta, value: () => raw, encoded: undefined, why });
    if (raw === undefined) return unstored('undefined');
    try {
      const encoded = codec.encode(raw);
      if (encoded.payload.length > maxBytes) return unstored('too-large');
      const shared = codec.decode(encoded);
      const value = encoded.kind === 'B' ? () => codec.decode(encoded) : () => shared;
      return { raw, meta, value, encoded };
    } catch {
      return unstored('unserializable');
    }
  };

  const unshared: Loads['unshared'] = async ({ loader, tags }) => {
    const { value, said } = runLoader(loader, loadTimeoutMs, tags, parts.check);
    try {
      const loaded = loadedFrom(await value, said, { incarnation: '', us: 0 });
      return { kind: 'value', value: loaded.value, meta: loaded.meta };
    } catch (error) {
      journal.note({ type: 'failed', why: error instanceof LoadTimeoutError ? 'timeout' : 'error' });
      return { kind: 'error', error };
    }
  };

  return {
    async begin(call, found, keeps) {
      const { key } = call.place;
      const others = asking.get(key);
      if (others !== undefined) {
        const begun = await others.begun;
        return begun.kind === 'load' ? { ...begun, isOwn: false } : { kind: 'again' };
      }
      const token = newToken();
      const begun = ask(call, found, keeps, token).finally(() => asking.delete(key));
      asking.set(key, { token, begun });
      return begun;
    },
    async under(token, { key }) {
      const load = running.get(token);
      if (load !== undefined) return load;
      const asked = asking.get(key);
      if (asked?.token !== token) return undefined;
      // Its lease is in Redis, and the reply on its way.
      const begun = await asked.begun;
      return begun.kind === 'load' ? begun.load : undefined;
    },
    async alone(call, isBlind) {
      const { key } = call.place;
      const others = aloneOf.get(key);
      if (others !== undefined && (isBlind || others.startedAt >= call.startedAt)) return others.outcome;
      const mine = { startedAt: performance.now(), outcome: unshared(call) };
      aloneOf.set(key, mine);
      const outcome = await mine.outcome;
      if (aloneOf.get(key) === mine) aloneOf.delete(key);
      return outcome;
    },
    unshared,
    dropAlone(keys) {
      if (keys === undefined) aloneOf.clear();
      else for (const key of keys) aloneOf.delete(key);
    },
  };
}

type Unstored = 'undefined' | 'too-large' | 'unserializable';

type Loaded = {
  readonly raw: unknown;
  readonly meta: Meta;
  readonly value: () => unknown;
} & ({ readonly encoded: Encoded } | { readonly encoded: undefined; readonly why: Unstored });

/** Tries again for a while when Redis does not answer; undefined when it never did. */
async function persistently<T>(call: () => Promise<T>, retry = 0): Promise<T | undefined> {
  try {
    return await call();
  } catch {
    const delayMs = FILL_RETRIES_MS[retry];
    if (delayMs === undefined) return undefined;
    await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    return persistently(call, retry + 1);
  }
}
