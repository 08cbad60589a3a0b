import { type Store, StoreError } from '@turnpike/core';
import { parsedClock } from './clock.ts';
import { LONGEST_MS } from './freshness.ts';
import { newIncarnation } from './invalidator.ts';
import { type MarkTable, createMarkTable } from './mark-table.ts';
import type { Places } from './places.ts';
import { marks as marksScript } from './scripts.ts';

/** The clock of a cache and its marks, which are kept for longer than whatever they judge. */
export interface KeptClock {
  readonly marks: MarkTable;
  readonly ttlMs: () => number;
  /** Whether it has to be asked for by its script, which prolongs it. */
  readonly isDue: () => boolean;
  /** It has to outlive what lives so long. */
  readonly coverLife: (lifeMs: number) => void;
}

interface KeptClockParts {
  readonly store: Store;
  readonly places: Places;
  readonly deadlineMs: number;
  /** The longest that anything lives under the cache's own options. */
  readonly longestLifeMs: number;
  readonly leaseMs: number;
}

/** However short-lived its entries, a clock is kept so long, in ms. */
const LEAST_TTL_MS = 3_600_000;

export function createKeptClock({ store, places, deadlineMs, longestLifeMs, leaseMs }: KeptClockParts): KeptClock {
  let longestMs = longestLifeMs + leaseMs;
  let dueAt = 0;
  const ttlMs = (): number => Math.min(Math.max(2 * longestMs, LEAST_TTL_MS), 2 * LONGEST_MS);

  const marks = createMarkTable(async (at) => {
    const asked = { ...places, incarnation: newIncarnation(), ttlMs: ttlMs(), ...at };
    const { clock, marks: newer, made } = await store.call(marksScript, asked, { deadlineMs });
    const parsed = parsedClock(clock);
    if (parsed === undefined) throw new StoreError('ERR_TURNPIKE_STORE_REPLY', 'Redis holds no clock of this layout');
    dueAt = performance.now() + ttlMs() / 4;
    return { clock: parsed, marks: newer, made };
  });

  return {
    marks,
    ttlMs,
    isDue: () => marks.clock === undefined || performance.now() >= dueAt,
    coverLife(lifeMs) {
      if (lifeMs + leaseMs <= longestMs) return;
      longestMs = lifeMs + leaseMs;
      marks.renewed().catch(() => undefined);
    },
  };
}
