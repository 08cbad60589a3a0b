import { randomBytes } from 'node:crypto';
import { type Store, StoreError } from '@turnpike/core';
import { type Backlog, nothingPending } from './backlog.ts';
import { type Clock, isBehindItsMarks, parsedClock, stampOf } from './clock.ts';
import { type Codec, failureText } from './codec.ts';
import { type Entry, metaBytes, seenOf } from './envelope.ts';
import type { Journal } from './events.ts';
import type { Fills, Lease } from './fills.ts';
import type { Freshness } from './freshness.ts';
import type { Invalidator } from './invalidator.ts';
import { AbandonedLoad, LoadTimeoutError, type PageLoader, type SaidChecks, type Start, runLoader } from './load.ts';
import { type Outcome, loadedFrom } from './loaded.ts';
import type { Place } from './places.ts';
import { type Found, type Reader, startOf } from './reader.ts';
import { lease } from './scripts.ts';
import type { Look, Standing } from './standing.ts';

/** Why a load has no lease: Redis is away, others have just had nothing to store, or its caller has waited long enough. */
export type Alone = 'degraded' | 'passed' | 'bound';

/** One `getOrLoad`, or one look for a page. */
export interface Call {
  readonly place: Place;
  readonly loader: PageLoader;
  /** Loads anew behind a value that is stale; undefined: nobody does. */
  readonly refresh: PageLoader | undefined;
  /** Instead of a load without a lease, which others may share. `start`: after what look, if Redis has answered it. */
  readonly alone?: (why: Alone, start: Start | undefined) => Promise<Outcome>;
  /** Hears when it waits for a load that another call has begun. */
  readonly onWait?: () => void;
  readonly tags: readonly string[];
  readonly freshness: Required<Freshness>;
  /** Reads what is there, instead of the cache's own codec; throws for what it cannot read. */
  readonly open?: (value: Entry) => unknown;
  /** What may be done with what is there, where its own word counts, or its caller's. */
  readonly standing?: (look: Look) => Standing;
  /** By this process's monotonic clock. */
  readonly startedAt: number;
}

/** What a load needs of a call. */
export type ToLoad = Pick<Call, 'place' | 'loader' | 'tags' | 'freshness'>;

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

/** Loads of this process, each under a lease that says in Redis who loads. */
export interface Loads {
  /** Takes a lease over what `found` shows, and loads under it. Rejects with a `StoreError`: then nobody loads. */
  begin(call: ToLoad, found: Found, keeps: boolean): Promise<Begun>;
  /** The load of this process under `token`, which its caller has seen in Redis. */
  under(token: string, place: Place): Promise<Load | undefined>;
}

/** How much longer than its loader a lease lives, in ms: for the fill to arrive. */
export const LEASE_MARGIN_MS = 1000;

/** The least that is left of a deadline for a second call: a stall of this process may have used it up. */
const LEAST_MS = 10;

/** 72 bits. */
const newToken = (): string => randomBytes(9).toString('base64url');

interface LoadsParts {
  readonly store: Store;
  readonly reader: Reader;
  readonly invalidator: Invalidator;
  readonly backlog: Backlog;
  readonly fills: Fills;
  readonly codec: Codec;
  readonly journal: Journal;
  readonly check: SaidChecks;
  readonly loadTimeoutMs: number;
  readonly deadlineMs: number;
  readonly maxBytes: number;
}

export function createLoads(parts: LoadsParts): Loads {
  const { store, reader, invalidator, backlog, fills, codec, journal, loadTimeoutMs, deadlineMs, maxBytes } = parts;
  const leaseMs = loadTimeoutMs + LEASE_MARGIN_MS;
  const asking = new Map<string, { readonly token: string; readonly begun: Promise<Begun> }>();
  const running = new Map<string, Load>();

  const giveBack = (place: Place, token: string): void => {
    const unused = nothingPending();
    unused.leases.set(place.entryKey, { place, token });
    backlog.add(unused);
  };

  /** The clock to stamp by: read before the value is, and past every mark that was dated ahead, once it is. */
  const clockFor = async ({ clock }: Found): Promise<Clock> =>
    (isBehindItsMarks(clock) ? parsedClock(await invalidator.tick(deadlineMs)) : undefined) ?? clock;

  const ask = async (call: ToLoad, found: Found, keeps: boolean, token: string): Promise<Begun> => {
    const { place } = call;
    const clock = await clockFor(found);
    const stamp = stampOf(clock);
    const [seen, meta] = [seenOf(found.bytes), metaBytes({ stamp, tags: [] })];
    const wish = { key: place.entryKey, token, leaseMs, seen, keeps, meta };
    const askedAt = performance.now();
    const leftMs = Math.max(LEAST_MS, deadlineMs - (askedAt - found.askedAt));
    try {
      const leased = await store.call(lease, wish, {
        deadlineMs: leftMs,
        onAbandoned: ({ kind }) => kind === 'leased' && giveBack(place, token),
      });
      if (leased.kind === 'leased') {
        return { kind: 'load', load: start(call, { place, token, stamp, clock }, found, keeps), isOwn: true };
      }
      return {
        kind: 'changed',
        found: await reader.judged(place, leased.entry, { clock: found.clock, nowMs: found.nowMs, askedAt }),
      };
    } catch (error) {
      // It may have been given all the same, and its reply lost.
      if (StoreError.isPassing(error) && error.code !== 'ERR_TURNPIKE_STORE_REPLY') giveBack(place, token);
      throw error;
    }
  };

  /** Registers before it returns: whoever sees the lease from now on finds the load. */
  const start = ({ loader, tags, freshness }: ToLoad, given: Lease, found: Found, keeps: boolean): Load => {
    journal.note({ type: 'load' });
    const { token, stamp } = given;
    const began = startOf(found, keeps ? found.entry : undefined, stamp);
    const { value, late, said } = runLoader(loader, loadTimeoutMs, tags, parts.check, began);
    const ends = (end: Promise<void>): void => void end.finally(() => running.delete(token));

    const succeed = (raw: unknown): Outcome => {
      const loaded = loadedFrom(raw, said, stamp, codec, maxBytes);
      const filled = fills.store(given, loaded, said, freshness);
      ends(filled);
      return { kind: 'value', value: loaded.value, meta: loaded.meta, filled };
    };
    const fail = (error: unknown): Outcome => {
      if (error instanceof AbandonedLoad) {
        journal.note({ type: 'failed', why: 'abandoned' });
        ends(fills.abandon(given));
        return { kind: 'error', error };
      }
      const isTimeout = error instanceof LoadTimeoutError;
      journal.note({ type: 'failed', why: isTimeout ? 'timeout' : 'error' });
      ends(fills.fail(given, failureText(error)));
      // What comes after its time is stored if its lease is still there, as any other.
      if (isTimeout) late.then(succeed).catch(() => undefined);
      return { kind: 'error', error };
    };
    const load = { outcome: value.then(succeed, fail) };
    running.set(token, load);
    return load;
  };

  return {
    async begin(call, found, keeps) {
      const { entryKey } = call.place;
      const others = asking.get(entryKey);
      if (others !== undefined) {
        const begun = await others.begun;
        return begun.kind === 'load' ? { ...begun, isOwn: false } : { kind: 'again' };
      }
      const token = newToken();
      const begun = ask(call, found, keeps, token).finally(() => asking.delete(entryKey));
      asking.set(entryKey, { token, begun });
      return begun;
    },
    async under(token, { entryKey }) {
      const load = running.get(token);
      if (load !== undefined) return load;
      const asked = asking.get(entryKey);
      if (asked?.token !== token) return undefined;
      // Its lease is in Redis, and the reply on its way.
      const begun = await asked.begun;
      return begun.kind === 'load' ? begun.load : undefined;
    },
  };
}
