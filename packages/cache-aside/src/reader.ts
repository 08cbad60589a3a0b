import type { Reading, Store } from '@turnpike/core';
import type { Backlog } from './backlog.ts';
import type { Compression } from './compression.ts';
import { type Clock, createClockReader, stampOf } from './clock.ts';
import { type Entry, type Stamp, holdsValue, isCompressed, parsedEntry } from './envelope.ts';
import type { Journal } from './events.ts';
import { gathering } from './gathering.ts';
import type { Start } from './load.ts';
import type { MarkTable } from './mark-table.ts';
import type { Place, Places } from './places.ts';
import type { Look } from './standing.ts';
import type { Tier } from './tier.ts';

/** What was read of one key. */
export interface Found extends Look {
  /** As it was read, or its beginning, which says what was seen; null: nothing. */
  readonly bytes: Buffer | null;
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
  /**
   * Reads one key: what comes first in a turn of the event loop at once, what comes later in it together at its end. Who asks for the same
   * meanwhile gets the same.
   * Rejects with a `StoreError`.
   */
  read(place: Place): Promise<Found>;
  /** Reads keys in one command, of a Cluster in one each. Each rejects alone: what one waits for is not the others'. */
  readAll(places: readonly Place[]): readonly Promise<Found>[];
  /** What `bytes` are worth under a clock that was read before them. */
  judged(place: Place, bytes: Buffer | null, by: By): Found | Promise<Found>;
}

/** What is known of a look before its entry is. */
type By = Pick<Found, 'clock' | 'nowMs' | 'askedAt' | 'fence'>;

const foundBy = (
  { clock, nowMs, askedAt, fence }: By,
  bytes: Buffer | null,
  entry: Entry | undefined,
  isValid: boolean,
): Found => ({ entry, isValid, bytes, clock, nowMs, askedAt, fence });

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
  const clockIn = createClockReader();

  /** What `clock` was read as, unless that is none, or one that its server has lost the later part of. */
  const usable = ({ value }: Reading): Clock | Promise<Clock> => {
    const read = clockIn(value);
    return read !== undefined && !marks.hasGoneBack(read) ? read : marks.renewed();
  };

  const opened = (entry: Entry, bytes: Buffer, by: By, isValid: boolean): Found | Promise<Found> => {
    if (!isValid || !isCompressed(entry)) return foundBy(by, bytes, entry, isValid);
    return compression.unpack(entry).then(
      (unpacked) => foundBy(by, bytes, unpacked, true),
      () => {
        journal.note({ type: 'corrupt' });
        return foundBy(by, bytes, undefined, false);
      },
    );
  };

  const foundIn = (place: Place, reading: Reading, by: Omit<By, 'nowMs'>): Found | Promise<Found> =>
    reader.judged(place, reading.value, { ...by, nowMs: Math.floor(reading.nowUs / 1000) });

  /** The entries and the clock, side by side: in one command where they are on one server. */
  const lookTogether = (at: readonly Place[]): readonly Promise<Found>[] => {
    const fence = tier?.fence();
    const askedAt = performance.now();
    const entryKeys = at.map(({ entryKey }) => entryKey);
    const asksScript = isClockDue();
    const readings = store.read(asksScript ? entryKeys : [...entryKeys, places.clockKey], { deadlineMs });
    const clockUsed = asksScript ? marks.renewed() : (readings[at.length] as Promise<Reading>).then(usable);
    clockUsed.catch(() => undefined); // where nobody waits for it, since the entries fail, too
    return at.map(async (place, n) => {
      const reading = (await readings[n]) as Reading;
      return foundIn(place, reading, { clock: await clockUsed, askedAt, fence });
    });
  };

  /** Once what waits for Redis has been delivered that concerns it. */
  const lookWhenClear = async (place: Place): Promise<Found> => {
    await backlog.clearFor(place);
    return lookTogether([place])[0] as Promise<Found>;
  };

  const lookInTurn = gathering((asked: readonly Place[]) => {
    for (const { entryKey } of asked) asking.delete(entryKey);
    const clear = asked.filter(backlog.isClearFor);
    const looks = clear.length === 0 ? [] : lookTogether(clear);
    if (clear.length === asked.length) return looks;
    return asked.map((place) => looks[clear.indexOf(place)] ?? lookWhenClear(place));
  });

  const reader: Reader = {
    read(place) {
      let asked = asking.get(place.entryKey);
      if (asked === undefined) asking.set(place.entryKey, (asked = lookInTurn(place)));
      return asked;
    },
    readAll(all) {
      const cleared = all.map((place) => backlog.clearFor(place));
      const looking = Promise.allSettled(cleared).then((ends) => {
        const readable = all.filter((_, n) => ends[n]?.status === 'fulfilled');
        const looks = readable.length === 0 ? [] : lookTogether(readable);
        return new Map(readable.map((place, n) => [place, looks[n]]));
      });
      return all.map(async (place, n) => {
        await cleared[n];
        return (await looking).get(place) as Promise<Found>;
      });
    },
    judged(place, bytes, by) {
      const entry = bytes === null ? undefined : parsedEntry(bytes);
      if (bytes === null || entry === undefined) return foundBy(by, bytes, undefined, false);
      const { stamp, tags } = entry;
      const judged = { stamp, tags, place, joinedAtUs: holdsValue(entry) ? undefined : by.nowMs * 1000 };
      if (!marks.isNeeded(judged, by.clock)) return opened(entry, bytes, by, marks.isValid(judged, by.clock));
      return marks.upTo(by.clock).then((clock) => opened(entry, bytes, { ...by, clock }, marks.isValid(judged, clock)));
    },
  };
  return reader;
}
