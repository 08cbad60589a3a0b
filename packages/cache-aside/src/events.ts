import { eventsOf } from '@turnpike/core';
import type { TierStats } from './tier.ts';

/**
 * What happened, on the diagnostics channel `turnpike:cache-aside`.
 * - `hit`: a fresh value, of the `tier` that had it; `stale`: an expired one, by `why`
 * - `early`: a value that is fresh is loaded anew, since it soon will not be
 * - `load`: a loader was called under a lease; `alone`: without one, by `why`
 * - `joined`: a call took the value of a load of this process; `waited`: a call waits for a load of another process
 * - `stored`; `refused`: a value was not stored, by `why`; `failed`: a loader has thrown, or run out of time
 * - `corrupt`: an entry could not be read
 * - `invalidated`; `queued`: an invalidation waits for Redis
 */
export type CacheEvent =
  | { readonly type: 'hit'; readonly tier: 'l1' | 'redis' }
  | { readonly type: 'early' | 'load' | 'joined' | 'waited' | 'stored' | 'corrupt' | 'invalidated' | 'queued' }
  | { readonly type: 'stale'; readonly why: 'revalidate' | 'error' | 'slow' }
  | { readonly type: 'alone'; readonly why: 'degraded' | 'passed' | 'bound' | 'no-key' }
  | { readonly type: 'refused'; readonly why: Refusal }
  | { readonly type: 'failed'; readonly why: 'error' | 'timeout' | 'abandoned' };

/** Why a value was not stored. */
type Refusal = 'lease-lost' | 'quarantine' | 'undefined' | 'too-large' | 'unserializable' | 'store';

/** How often each has happened in this process, through this cache. */
export type CacheStats = Readonly<Record<CacheEvent['type'], number>> & {
  /** Invalidations that wait for Redis. */
  readonly backlog: number;
  /** Of the tier in this process, where there is one. */
  readonly l1?: TierStats;
};

const emit = eventsOf<CacheEvent>('cache-aside');

const nearHit = (): CacheEvent => ({ type: 'hit', tier: 'l1' });

export interface Journal {
  note(event: CacheEvent): void;
  /** Notes a hit of the tier in this process: what that takes is to be little. */
  noteNearHit(): void;
  counts(): Omit<CacheStats, 'backlog' | 'l1'>;
}

export function createJournal(): Journal {
  const counts: Record<CacheEvent['type'], number> = {
    hit: 0,
    stale: 0,
    early: 0,
    load: 0,
    alone: 0,
    joined: 0,
    waited: 0,
    stored: 0,
    refused: 0,
    failed: 0,
    corrupt: 0,
    invalidated: 0,
    queued: 0,
  };
  return {
    note(event) {
      counts[event.type] += 1;
      emit(() => event);
    },
    noteNearHit() {
      counts.hit += 1;
      emit(nearHit);
    },
    counts: () => ({ ...counts }),
  };
}
