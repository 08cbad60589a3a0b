import type { Store } from '@turnpike/core';
import type { Clock } from './clock.ts';
import type { Compression } from './compression.ts';
import { type Meta, type Stamp, metaBytes } from './envelope.ts';
import type { Journal } from './events.ts';
import { type Lasting, lifetimeOf } from './freshness.ts';
import type { Said } from './load.ts';
import type { Loaded } from './loaded.ts';
import type { MarkTable } from './mark-table.ts';
import type { Place } from './places.ts';
import { type Release, fill, release } from './scripts.ts';

/** A lease that was given: what it is for, and the clock from before its load. */
export interface Lease {
  readonly place: Place;
  readonly token: string;
  readonly stamp: Stamp;
  /** What it was stamped by. */
  readonly clock: Clock;
}

/** The ends of leases. Nobody waits for them, and none rejects. */
export interface Fills {
  /** Stores a value if the lease is still there, and tells those who wait; or tells them that there is none to store. */
  store(lease: Lease, loaded: Loaded, said: Said, freshness: Lasting): Promise<void>;
  /** Tells those who wait that the load has failed. */
  fail(lease: Lease, failure: string): Promise<void>;
  /** Tells those who wait that one of them has to load. */
  abandon(lease: Lease): Promise<void>;
}

/** How long the failure of a load is everybody's, in ms, and how long its bringing nothing to store, where that is not said. */
const PAUSE_MS = 1000;

const DEADLINE_MS = 1000;

/** When one is tried again that Redis did not answer, in ms from the try before. To store twice does no harm. */
const RETRIES_MS = [100, 400, 1600];

interface FillsParts {
  readonly store: Store;
  readonly journal: Journal;
  readonly marks: MarkTable;
  readonly compression: Compression;
  /** The clock has to outlive what lives so long. */
  readonly coverLife: (lifeMs: number) => void;
}

export function createFills({ store, journal, marks, compression, coverLife }: FillsParts): Fills {
  const end = async (
    { place, token, stamp }: Lease,
    how: Pick<Release, 'state'> & Partial<Pick<Release, 'failure' | 'pauseMs'>>,
    meta: Meta = { stamp, tags: [] },
  ): Promise<void> => {
    const { entryKey: key, channel } = place;
    const ending = { key, token, channel, meta: metaBytes(meta), pauseMs: PAUSE_MS, failure: '', ...how };
    await persistently(() => store.call(release, ending, { deadlineMs: DEADLINE_MS }));
  };

  /** False within a quarantine: a value that nobody may read would only stand where those who wait for it are told. */
  const isToStay = async ({ place, clock }: Lease, meta: Meta): Promise<boolean> =>
    marks.stands({ ...meta, place }, clock).catch(() => true);

  return {
    async store(lease, loaded, said, freshness) {
      if (loaded.encoded === undefined) {
        journal.note({ type: 'refused', why: loaded.why });
        return end(lease, { state: 'passed', pauseMs: said.pauseMs ?? PAUSE_MS }, loaded.meta);
      }
      if (!(await isToStay(lease, loaded.meta))) {
        journal.note({ type: 'refused', why: 'quarantine' });
        return end(lease, { state: 'passed' }, loaded.meta);
      }
      const lifetime = lifetimeOf(loaded.raw, { ...freshness, ...said.freshness }, Math.random());
      coverLife(lifetime.lifeMs);
      const { entryKey: key, channel } = lease.place;
      const packed = said.isCompressed ? loaded.encoded : await compression.pack(loaded.encoded);
      const filling = { key, channel, token: lease.token, ...lifetime, ...packed, meta: metaBytes(loaded.meta) };
      const answer = await persistently(() => store.call(fill, filling, { deadlineMs: DEADLINE_MS }));
      journal.note(
        answer === 'stored' ? { type: 'stored' } : { type: 'refused', why: answer ? 'lease-lost' : 'store' },
      );
    },
    fail: (lease, failure) => end(lease, { state: 'failed', failure }),
    abandon: (lease) => end(lease, { state: 'none' }),
  };
}

/** Tries again for a while when Redis does not answer; undefined when it never did. */
async function persistently<T>(call: () => Promise<T>, retry = 0): Promise<T | undefined> {
  try {
    return await call();
  } catch {
    const delayMs = RETRIES_MS[retry];
    if (delayMs === undefined) return undefined;
    await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    return persistently(call, retry + 1);
  }
}
