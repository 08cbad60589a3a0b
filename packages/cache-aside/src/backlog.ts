import { StoreError } from '@turnpike/core';
import type { Place } from './places.ts';

/** A lease that nobody will use. */
interface UnusedLease {
  readonly place: Place;
  readonly token: string;
}

/** What is still to be invalidated. To do it twice, or later, does no harm. */
export interface Pending {
  readonly keys: Set<string>;
  /** What is marked (`tagName`, or a key's `ownTag`), with how far ahead the mark is dated, in ms. */
  readonly tags: Map<string, number>;
  /** Everything, by a mark dated so far ahead; undefined: not everything. */
  everythingAheadMs: number | undefined;
  /** By their entry's key in Redis. */
  readonly leases: Map<string, UnusedLease>;
}

export const nothingPending = (): Pending => ({
  keys: new Set(),
  tags: new Map(),
  everythingAheadMs: undefined,
  leases: new Map(),
});

export const hasMarks = ({ tags, everythingAheadMs }: Pending): boolean =>
  tags.size > 0 || everythingAheadMs !== undefined;

export const sizeOf = (pending: Pending): number =>
  pending.keys.size + pending.tags.size + (pending.everythingAheadMs === undefined ? 0 : 1);

const countOf = (pending: Pending): number => sizeOf(pending) + pending.leases.size;

/** What came of a delivery: what was not delivered, and why. */
export interface Delivery {
  readonly failed: Pending;
  readonly error: unknown;
}

/** Invalidations that wait for Redis. This process reads nothing that one of them may concern before it is delivered. */
export interface Backlog {
  readonly size: number;
  add(more: Pending): void;
  /** Whether nothing waits, or is on its way, that concerns `place`. */
  isClearFor(place: Pick<Place, 'key' | 'entryKey'>): boolean;
  /** Resolves when nothing waits that concerns `place`; rejects with a `StoreError` when something still does. */
  clearFor(place: Place): Promise<void>;
  close(): void;
}

/** Beyond so many keys and tags everything is invalidated instead. */
const MAX_WAITING = 10_000;

/** How soon it is tried again, in ms: well within a second of Redis being back. */
const RETRY_MS = 100;

/** So many keys are delivered at a time, so that who waits for one of them does not wait for all. */
const BATCH = 100;

/** What of that which waits is to be delivered beside the marks. */
interface Wanted {
  readonly keys: readonly string[];
  readonly entryKeys: readonly string[];
}

/** A delivery on its way. */
interface Flight {
  readonly pending: Pending;
  readonly done: Promise<Delivery>;
}

export function createBacklog(deliver: (pending: Pending) => Promise<Delivery>): Backlog {
  let waiting = nothingPending();
  const flights = new Set<Flight>();
  let timer: NodeJS.Timeout | undefined;
  let isDraining = false;
  let isClosed = false;

  const keep = (more: Pending): void => {
    for (const key of more.keys) waiting.keys.add(key);
    for (const [entryKey, lease] of more.leases) waiting.leases.set(entryKey, lease);
    for (const [tag, aheadMs] of more.tags) waiting.tags.set(tag, Math.max(aheadMs, waiting.tags.get(tag) ?? 0));
    if (more.everythingAheadMs !== undefined) {
      waiting.everythingAheadMs = Math.max(more.everythingAheadMs, waiting.everythingAheadMs ?? 0);
    }
    if (waiting.leases.size > MAX_WAITING) waiting.leases.clear(); // they end by themselves
    if (sizeOf(waiting) <= MAX_WAITING) return;
    let aheadMs = waiting.everythingAheadMs ?? 0;
    for (const tagAheadMs of waiting.tags.values()) aheadMs = Math.max(aheadMs, tagAheadMs);
    waiting = { ...nothingPending(), everythingAheadMs: aheadMs };
  };

  /** Marks, all of them, and these keys and leases. What is added from now on waits for the next time: it may be about a later write. */
  const take = ({ keys, entryKeys }: Wanted): Pending => {
    const taken: Pending = { ...waiting, keys: new Set(), leases: new Map() };
    for (const key of keys) if (waiting.keys.delete(key)) taken.keys.add(key);
    for (const entryKey of entryKeys) {
      const lease = waiting.leases.get(entryKey);
      if (lease !== undefined && waiting.leases.delete(entryKey)) taken.leases.set(entryKey, lease);
    }
    waiting = { ...waiting, tags: new Map(), everythingAheadMs: undefined };
    return taken;
  };

  const send = (wanted: Wanted): Flight => {
    const pending = take(wanted);
    const done = deliver(pending).then((delivery) => {
      flights.delete(flight);
      keep(delivery.failed);
      drainSoon();
      return delivery;
    });
    const flight = { pending, done };
    flights.add(flight);
    return flight;
  };

  const drain = async (): Promise<void> => {
    const keys = [...waiting.keys].slice(0, BATCH);
    const { pending, done } = send({ keys, entryKeys: [...waiting.leases.keys()].slice(0, BATCH - keys.length) });
    const { failed } = await done;
    const isMoving = countOf(failed) < countOf(pending);
    if (isMoving && !isClosed && countOf(waiting) > 0) return drain();
  };

  const drainSoon = (): void => {
    if (isClosed || isDraining || countOf(waiting) === 0) return;
    timer ??= setTimeout(async () => {
      timer = undefined;
      isDraining = true;
      await drain();
      isDraining = false;
      drainSoon();
    }, RETRY_MS).unref();
  };

  const concerns = (pending: Pending, { key, entryKey }: Pick<Place, 'key' | 'entryKey'>): boolean =>
    hasMarks(pending) || pending.keys.has(key) || pending.leases.has(entryKey);

  const backlog: Backlog = {
    get size() {
      return [...flights].reduce((sum, { pending }) => sum + sizeOf(pending), sizeOf(waiting));
    },
    add(more) {
      keep(more);
      drainSoon();
    },
    isClearFor(place) {
      if (flights.size === 0 && countOf(waiting) === 0) return true;
      return !concerns(waiting, place) && ![...flights].some(({ pending }) => concerns(pending, place));
    },
    async clearFor(place) {
      if (concerns(waiting, place)) send({ keys: [place.key], entryKeys: [place.entryKey] });
      const concerning = [...flights].filter(({ pending }) => concerns(pending, place));
      if (concerning.length === 0) return;
      const deliveries = await Promise.all(concerning.map(({ done }) => done));
      const failure = deliveries.find(({ failed }) => concerns(failed, place));
      if (failure === undefined) return backlog.clearFor(place);
      throw failure.error instanceof Error
        ? failure.error
        : new StoreError('ERR_TURNPIKE_STORE_UNREACHABLE', 'Invalidations are waiting for Redis');
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      timer = undefined;
    },
  };
  return backlog;
}
