import { isCluster, keyPrefixOf, listeningConnection, warnOnce } from '@turnpike/core';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { type Entry, seenOf } from '../envelope.ts';
import type { Place } from '../places.ts';
import type { Opened } from '../reader.ts';
import type { Tier, TierParts } from '../tier.ts';
import { bells } from './bells.ts';
import { createFences } from './fences.ts';
import { heapBytes } from './heap-bytes.ts';
import { tracking } from './tracking.ts';
import { createTurnClock } from './turn-clock.ts';
import { type WireConnection, createWire } from './wire.ts';

/** How much a tier keeps, and for how long. */
export interface TierBounds {
  readonly l1TtlMs: number;
  readonly l1MaxBytes: number;
}

/** One value. */
interface Kept extends Pick<Place, 'key' | 'entryKey' | 'ownTag'> {
  readonly entry: Entry;
  /** Of a key: what all callers get. Undefined: each gets one of his own, since he may change it. */
  readonly shared: { readonly value: unknown } | undefined;
  /** Of a page: as it was opened, once it was. */
  readonly opened: Opened | undefined;
  /** When Redis was asked, and the server's time then: this process's monotonic clock, and ms. */
  readonly askedAt: number;
  readonly nowMs: number;
  /** From then on it is not given out, by the monotonic clock. */
  readonly untilAt: number;
  /** Of a page: its beginning, as a reader would have found it. */
  readonly bytes: Buffer;
  /** The clock under whose marks it was last found to stand. */
  judgedBy: Clock;
}

/** What a record and its place in two maps take beside what it holds, in bytes: measured, see bounds.test.ts. */
const RECORD_BYTES = 900;

/** So often it is asked whether somebody is at the other end of the wire, in ms. */
const HEARTBEAT_MS = { least: 1000, most: 30_000 };

/** What the head of a page takes, once it is opened, about. */
const OPENED_BYTES = 2000;

const NOTHING = Buffer.alloc(0);

/** A reply's Buffer is a part of all that came with it, and would hold on to that. */
const copied = (bytes: Buffer): Buffer => {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
};

export function createTier(parts: TierParts, { l1TtlMs, l1MaxBytes }: TierBounds): Tier {
  const { redis, places, marks, codec, isClear } = parts;
  const { stem } = places;
  const prefixLength = keyPrefixOf(redis).length;
  const fences = createFences();
  const turnAt = createTurnClock();
  const idsOf = new Map<string, string>();
  const kept = new LRUCache<string, Kept>({
    maxSize: l1MaxBytes,
    sizeCalculation: sizeOf,
    dispose: ({ entryKey }, id) => idsOf.get(entryKey) === id && idsOf.delete(entryKey),
    noDisposeOnSet: true,
  });

  /** How often the clock was heard of, and how often all that was heard until then was known. */
  let heard = 0;
  let known = 0;
  let isAsking = false;
  let hits = 0;

  const drop = (entryKey: string): void => {
    fences.break(entryKey);
    const id = idsOf.get(entryKey);
    if (id !== undefined) kept.delete(id);
  };

  const dropAll = (): void => {
    fences.breakAll();
    kept.clear();
  };

  /** Something was marked: nothing is given out until it is known what. */
  const doubt = (): void => {
    heard += 1;
    learn();
  };

  const learn = (): void => {
    if (isAsking) return;
    isAsking = true;
    const until = heard;
    marks
      .renewed()
      .then(() => (known = until))
      .catch(() => undefined)
      .finally(() => {
        isAsking = false;
        if (known < heard && known >= until) learn();
      });
  };

  const warn = warnOnce('l1');
  const wire = createWire({
    redis,
    ways: isCluster(redis) ? [bells(stem)] : [tracking(stem), bells(stem)],
    connect: () => listeningConnection(redis, { retryStrategy: null }) as WireConnection,
    heartbeatMs: Math.min(Math.max(l1TtlMs, HEARTBEAT_MS.least), HEARTBEAT_MS.most),
    ears: {
      changed(key) {
        const entryKey = key.slice(prefixLength);
        if (entryKey === places.clockKey || entryKey === places.marksKey) doubt();
        else drop(entryKey);
      },
      gap() {
        dropAll();
        doubt();
      },
    },
    onDeaf(error) {
      warn(
        'TURNPIKE_WARN_L1_DEAF',
        `nothing is kept in the process, since Redis refuses to tell what changes: ${String(error)}`,
      );
    },
  });

  /** Whether it may be given out; if not, because its time is over or it was invalidated, it goes. */
  const isTrue = (one: Kept): boolean => {
    const clock = marks.current;
    if (wire.heardBy === undefined || !isClear(one)) return false;
    if (known < heard || clock === undefined) {
      learn();
      return false;
    }
    if (turnAt() < one.untilAt && (clock === one.judgedBy || stands(one, clock))) return true;
    kept.delete(one.key === '' ? one.entryKey : one.key);
    return false;
  };

  const stands = (one: Kept, clock: Clock): boolean => {
    one.judgedBy = clock;
    return marks.isValid({ ...one.entry, place: one }, clock);
  };

  /** One of the caller's own; undefined for what cannot be read any more, which Redis's reader then says. */
  const own = ({ entry, entryKey }: Kept): { readonly value: unknown } | undefined => {
    try {
      return { value: codec.decode(entry) };
    } catch {
      drop(entryKey);
      return undefined;
    }
  };

  return {
    valueOf(key) {
      const one = kept.get(key);
      // A page may be called as a key is.
      if (one === undefined || one.key !== key || !isTrue(one)) return undefined;
      const given = one.shared ?? own(one);
      if (given !== undefined) hits += 1;
      return given;
    },
    look({ entryKey, key }) {
      const one = kept.get(entryKey);
      if (one === undefined || one.key !== key || one.entryKey !== entryKey || !isTrue(one)) return undefined;
      hits += 1;
      const { entry, bytes, judgedBy, opened } = one;
      // As if it were asked now: who loads by it counts the time from here on.
      const askedAt = performance.now();
      const nowMs = Math.floor(one.nowMs + askedAt - one.askedAt);
      return { entry, isValid: true, nowMs, bytes, clock: judgedBy, askedAt, opened };
    },
    fence: () => (wire.heardBy === undefined ? undefined : fences.now()),
    keep({ key, entryKey, ownTag }, { entry, fence, askedAt, nowMs, clock, bytes }, value, earlyMs) {
      if (entry === undefined || fence === undefined || !fences.isWhole(entryKey, fence)) return;
      const isPage = key === '';
      const id = isPage ? entryKey : key;
      if (kept.peek(id)?.askedAt === askedAt) return; // by another who has asked at the same time
      const isShared = !isPage && heapBytes(value) !== undefined;
      kept.set(id, {
        key,
        entryKey,
        ownTag,
        entry: { ...entry, payload: isShared ? NOTHING : copied(entry.payload) },
        shared: isShared ? { value } : undefined,
        opened: isPage ? {} : undefined,
        bytes: isPage ? copied(seenOf(bytes)) : NOTHING,
        askedAt,
        nowMs,
        untilAt: askedAt + Math.min(l1TtlMs, entry.freshUntilMs - nowMs - earlyMs),
        judgedBy: clock,
      });
      // What is larger than all of it is not there.
      if (kept.has(id)) idsOf.set(entryKey, id);
    },
    invalidated(entryKeys) {
      if (entryKeys === undefined) doubt();
      else for (const entryKey of entryKeys) drop(entryKey);
    },
    stats: () => ({ coherence: wire.heardBy ?? 'none', hits, entries: kept.size, bytes: kept.calculatedSize }),
    close() {
      wire.close();
      kept.clear();
    },
  };
}

function sizeOf({ key, entryKey, entry, shared, opened, bytes }: Kept): number {
  const names = 2 * (key.length + entryKey.length) + entry.tags.reduce((sum, tag) => sum + tag.length + 32, 0);
  const value = shared === undefined ? 0 : (heapBytes(shared.value) ?? 0);
  return RECORD_BYTES + names + entry.payload.length + bytes.length + value + (opened === undefined ? 0 : OPENED_BYTES);
}
