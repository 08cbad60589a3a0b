import { type Store } from '@turnpike/core';
import type { Backlog } from './backlog.ts';
import { type Clock, parsedClock } from './clock.ts';
import { holdsValue, parsedEntry, seenOf } from './envelope.ts';
import type { MarkTable } from './mark-table.ts';
import type { Place, Places } from './places.ts';
import type { Look } from './standing.ts';
import type { Tier } from './tier.ts';

/** What was read of one key. */
export interface Found extends Look {
  readonly seen: Buffer;
  /** As it was read with the entry: every invalidation by tag up to it is known. */
  readonly clock: Clock;
  /** When it was asked for, by this process's monotonic clock. */
  readonly askedAt: number;
  /** Of a tier in front of Redis, from before it was asked for. */
  readonly fence?: number | undefined;
  /** Of what a tier keeps: what is opened once for all who find it. */
  readonly opened?: Opened | undefined;
}

/** Empty until it is opened. */
export interface Opened {
  value?: unknown;
}

export interface Reader {
  /** Reads one key. Those who ask in one tick are one command. Rejects with a `StoreError`. */
  read(place: Place): Promise<Found>;
  /** What `bytes` are worth under a clock that was read before them. */
  judged(place: Place, bytes: Buffer | null, by: Pick<Found, 'clock' | 'nowMs' | 'askedAt'>): Promise<Found>;
}

interface ReaderParts {
  readonly store: Store;
  readonly places: Places;
  readonly marks: MarkTable;
  readonly backlog: Backlog;
  readonly deadlineMs: number;
  /** Whether the clock has to be asked for by its script, which keeps it alive. */
  readonly isClockDue: () => boolean;
  readonly tier: Tier | undefined;
}

export function createReader({ store, places, marks, backlog, deadlineMs, isClockDue, tier }: ReaderParts): Reader {
  const asking = new Map<string, Promise<Found>>();

  /** The entry and the clock, side by side: in one command where they are on one server. */
  const together = async (place: Place): Promise<{ bytes: Buffer | null; clock: Clock | undefined; nowMs: number }> => {
    if (!isClockDue()) {
      const { values, nowUs } = await store.read([place.entryKey, places.clockKey], { deadlineMs });
      const [bytes = null, text] = values;
      return { bytes, clock: parsedClock(text?.toString('latin1') ?? ''), nowMs: Math.floor(nowUs / 1000) };
    }
    const [{ values, nowUs }, clock] = await Promise.all([
      store.read([place.entryKey], { deadlineMs }),
      marks.renewed(),
    ]);
    return { bytes: values[0] ?? null, clock, nowMs: Math.floor(nowUs / 1000) };
  };

  const reader: Reader = {
    read(place) {
      let asked = asking.get(place.entryKey);
      if (asked === undefined) {
        asked = Promise.resolve().then(async () => {
          await backlog.clearFor(place);
          asking.delete(place.entryKey);
          const fence = tier?.fence();
          const askedAt = performance.now();
          const { bytes, clock, nowMs } = await together(place);
          const isUsable = clock !== undefined && !marks.hasGoneBack(clock);
          const by = { clock: isUsable ? clock : await marks.renewed(), nowMs, askedAt };
          return { ...(await reader.judged(place, bytes, by)), fence };
        });
        asked
          .catch(() => undefined)
          .finally(() => asking.get(place.entryKey) === asked && asking.delete(place.entryKey));
        asking.set(place.entryKey, asked);
      }
      return asked;
    },
    async judged(place, bytes, { clock, nowMs, askedAt }) {
      const entry = bytes === null || bytes.length === 0 ? undefined : parsedEntry(bytes);
      const joinedAtUs = entry && holdsValue(entry) ? undefined : nowMs * 1000;
      const judged = entry && { ...entry, ownTag: place.ownTag, joinedAtUs };
      const judge = judged !== undefined && marks.isNeeded(judged, clock) ? await marks.upTo(clock) : clock;
      const isValid = judged !== undefined && marks.isValid(judged, judge);
      return { entry, isValid, nowMs, seen: seenOf(bytes, entry), clock: judge, askedAt };
    },
  };
  return reader;
}
