import { randomBytes } from 'node:crypto';
import { type Store, StoreError } from '@turnpike/core';
import { type Delivery, type Pending, nothingPending } from './backlog.ts';
import type { Places } from './places.ts';
import { forget, mark, release } from './scripts.ts';

/** The most marks that are kept: beyond it the lowest becomes the floor. A new process reads them all. */
const MAX_MARKS = 4096;

/** A clock's name: no two that were ever made are likely to share one. */
export const newIncarnation = (): string => randomBytes(6).toString('base64url');

interface InvalidatorParts {
  readonly store: Store;
  readonly places: Places;
  readonly clockTtlMs: () => number;
}

/** Carries invalidations to Redis. */
export interface Invalidator {
  /** The clock first, then the keys. What fails is told, and never thrown. */
  deliver(pending: Pending, deadlineMs: number): Promise<Delivery>;
  /** Lets the clock go on by itself: resolves to it, as text. */
  tick(deadlineMs: number): Promise<string>;
}

export function createInvalidator({ store, places, clockTtlMs }: InvalidatorParts): Invalidator {
  const marked = (tags: readonly string[], everything: boolean, aheadMs: number, deadlineMs: number): Promise<string> =>
    store.call(
      mark,
      {
        clockKey: places.clockKey,
        marksKey: places.marksKey,
        incarnation: newIncarnation(),
        ttlMs: clockTtlMs(),
        tags,
        everything,
        aheadMs,
        maxMarks: MAX_MARKS,
      },
      { deadlineMs },
    );

  return {
    tick: (deadlineMs) => marked([], false, 0, deadlineMs),
    async deliver(pending, deadlineMs) {
      const failed = nothingPending();
      const startedAt = performance.now();
      let error: unknown;
      /** Resolves to whether it was taken. */
      const attempt = async (call: (leftMs: number) => Promise<unknown>, onFailure: () => void): Promise<boolean> => {
        try {
          await call(Math.max(1, deadlineMs - (performance.now() - startedAt)));
          return true;
        } catch (thrown) {
          onFailure();
          if (error === undefined || !StoreError.isPassing(thrown)) error = thrown;
          return false;
        }
      };

      const { everythingAheadMs } = pending;
      const marking = byAhead(pending.tags).map(([aheadMs, tags]) =>
        attempt(
          (leftMs) => marked(tags, false, aheadMs, leftMs),
          () => tags.forEach((tag) => failed.tags.set(tag, aheadMs)),
        ),
      );
      if (everythingAheadMs !== undefined) {
        const clearing = attempt(
          (leftMs) => marked([], true, everythingAheadMs, leftMs),
          () => (failed.everythingAheadMs = everythingAheadMs),
        );
        marking.push(clearing);
      }
      if (marking.length > 0) await Promise.all(marking);

      await inBatches([...pending.keys], {
        attempt(key) {
          const { entryKey, channel } = places.of(key);
          return attempt(
            (leftMs) => store.call(forget, { key: entryKey, channel }, { deadlineMs: leftMs }),
            () => failed.keys.add(key),
          );
        },
        skip: (key) => failed.keys.add(key),
      });
      await inBatches([...pending.leases], {
        attempt([key, token]) {
          const { entryKey, channel } = places.of(key);
          const unused = { key: entryKey, token, channel, outcome: 'none', pauseMs: 0, meta: '', failure: '' } as const;
          return attempt(
            (leftMs) => store.call(release, unused, { deadlineMs: leftMs }),
            () => failed.leases.set(key, token),
          );
        },
        skip: ([key, token]) => failed.leases.set(key, token),
      });
      return { failed, error };
    },
  };
}

/** Marks of one date are one call. */
function byAhead(tags: ReadonlyMap<string, number>): [aheadMs: number, tags: string[]][] {
  const dates = new Map<number, string[]>();
  for (const [tag, aheadMs] of tags) dates.set(aheadMs, [...(dates.get(aheadMs) ?? []), tag]);
  return [...dates];
}

const BATCH = 100;

/** A batch of which nothing was taken is the last: the others would only find out the same. */
async function inBatches<T>(
  items: readonly T[],
  { attempt, skip }: { attempt: (item: T) => Promise<boolean>; skip: (item: T) => unknown },
): Promise<void> {
  if (items.length === 0) return;
  const rest = items.slice(BATCH);
  const taken = await Promise.all(items.slice(0, BATCH).map(attempt));
  if (taken.includes(true)) return inBatches(rest, { attempt, skip });
  for (const item of rest) skip(item);
}
