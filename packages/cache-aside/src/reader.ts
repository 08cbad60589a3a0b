import type { Reading, Store } from '@turnpike/core';
import type { Backlog } from './backlog.ts';
import type { Compression } from './compression.ts';
import { type Clock, parsedClock, stampOf } from './clock.ts';
import { type Entry, type Stamp, holdsValue, parsedEntry, seenOf } from './envelope.ts';
import type { Journal } from './events.ts';
import type { Start } from './load.ts';
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

/** How a load begins after a look; `stamp`: where its lease has another. */
export const startOf = (
  { clock, nowMs, askedAt }: Found,
  kept: Entry | undefined,
  stamp: Stamp = stampOf(clock),
): Start => ({ stamp, kept, nowMs: () => Math.floor(nowMs + performance.now() - askedAt) });

export interface Reader {
  /** Reads one key. Those who ask in one tick are one command. Rejects with a `StoreError`. */
  read(place: Place): Promise<Found>;
  /** Reads keys in one command, of a Cluster in one each. Each rejects alone: what one waits for is not the others'. */
  readAll(places: readonly Place[]): readonly Promise<Found>[];
  /** What `bytes` are worth under a clock that was read before them. */
  judged(place: Place, bytes: Buffer | null, by: Pick<Found, 'clock' | 'nowMs' | 'askedAt'>): Promise<Found>;
}

interface ReaderParts {
  readonly store: Store;
  readonly places: Places;
  readonly marks: MarkTable;
  readonly compression: Compression;
  readonly journal: Journal;
  readonly backlog: Backlog;
  readonly deadlineMs: number;
  /** Whether the clock has to be asked for by its script, which keeps it alive. */
  readonly isClockDue: () => boolean;
  readonly tier: Tier | undefined;
}

export function createReader(parts: ReaderParts): Reader {
  const { store, places, marks, compression, journal, backlog, deadlineMs, isClockDue, tier } = parts;
  const asking = new Map<string, Promise<Found>>();

  /** The entries and the clock, side by side: in one command where they are on one server. */
  const look = (at: readonly Place[]): readonly Promise<Found>[] => {
    const fence = tier?.fence();
    const askedAt = performance.now();
    const entryKeys = at.map(({ entryKey }) => entryKey);
    const asksScript = isClockDue();
    const readings = store.read(asksScript ? entryKeys : [...entryKeys, places.clockKey], { deadlineMs });
    const clockRead = asksScript ? marks.renewed() : clockIn(readings[at.length]);
    const clockUsed = clockRead.then((clock) => (clock && !marks.hasGoneBack(clock) ? clock : marks.renewed()));
    return at.map(async (place, n) => {
      const [reading, clock] = await Promise.all([readings[n], clockUsed]);
      const { value = null, nowUs = 0 } = reading ?? {};
      const by = { clock, nowMs: Math.floor(nowUs / 1000), askedAt };
      return { ...(await reader.judged(place, value, by)), fence };
    });
  };

  const reader: Reader = {
    read(place) {
      let asked = asking.get(place.entryKey);
      if (asked === undefined) {
        asked = Promise.resolve().then(async () => {
          await backlog.clearFor(place);
          asking.delete(place.entryKey);
          return look([place])[0] as Promise<Found>;
        });
        asked
          .catch(() => undefined)
          .finally(() => asking.get(place.entryKey) === asked && asking.delete(place.entryKey));
        asking.set(place.entryKey, asked);
      }
      return asked;
    },
    readAll(all) {
      const cleared = all.map((place) => backlog.clearFor(place));
      const looking = Promise.allSettled(cleared).then((ends) => {
        const readable = all.filter((_, n) => ends[n]?.status === 'fulfilled');
        const looks = readable.length === 0 ? [] : look(readable);
        return new Map(readable.map((place, n) => [place, looks[n]]));
      });
      return all.map(async (place, n) => {
        await cleared[n];
        return (await looking).get(place) as Promise<Found>;
      });
    },
    async judged(place, bytes, { clock, nowMs, askedAt }) {
      const entry = bytes === null || bytes.length === 0 ? undefined : parsedEntry(bytes);
      const joinedAtUs = entry && holdsValue(entry) ? undefined : nowMs * 1000;
      const judged = entry && { ...entry, ownTag: place.ownTag, joinedAtUs };
      const judge = judged !== undefined && marks.isNeeded(judged, clock) ? await marks.upTo(clock) : clock;
      const isValid = judged !== undefined && marks.isValid(judged, judge);
      const found = { nowMs, seen: seenOf(bytes, entry), clock: judge, askedAt };
      if (entry === undefined || !isValid) return { ...found, entry, isValid };
      const unpacked = await compression.unpack(entry).catch(() => undefined);
      if (unpacked === undefined) journal.note({ type: 'corrupt' });
      return { ...found, entry: unpacked, isValid: unpacked !== undefined };
    },
  };
  return reader;
}

const clockIn = async (reading: Promise<Reading> | undefined): Promise<Clock | undefined> =>
  parsedClock((await reading)?.value?.toString('latin1') ?? '');
