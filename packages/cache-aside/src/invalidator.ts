import { randomBytes } from 'node:crypto';
import { type Store, StoreError } from '@turnpike/core';
import { type Delivery, type Pending, nothingPending } from './backlog.ts';
import type { Places } from './places.ts';
import { forget, mark, release } from './scripts.ts';

/** The most marks that are kept: beyond it the lowest becomes the floor. A new process reads them all. */
const MAX_MARKS = 16_384;

/** A clock's name: no two that were ever made are likely to share one. */
export const newIncarnation = (): string => randomBytes(6).toString('base64url');

interface InvalidatorParts {
  readonly store: Store;
  readonly places: Places;
  /** Hears of the clock of every mark. */
  readonly onClock: (text: string) => void;
  readonly clockTtlMs: () => number;
}

/** Carries invalidations to Redis. */
export interface Invalidator {
  /** The clock first, then the keys. What fails is told, and never thrown. */
  deliver(pending: Pending, deadlineMs: number): Promise<Delivery>;
  /** Lets the clock go on by itself: resolves to it, as text. */
  tick(deadlineMs: number): Promise<string>;
}

export function createInvalidator({ store, places, clockTtlMs, onClock }: InvalidatorParts): Invalidator {
  const marked = async (
    tags: readonly string[],
    everything: boolean,
    aheadMs: number,
    deadlineMs: number,
  ): Promise<string> => {
    const clock = await store.call(
      mark,
      {
        clockKey: places.clockKey,
        marksKey: places.marksKey,
        madeKey: places.madeKey,
        incarnation: newIncarnation(),
        ttlMs: clockTtlMs(),
        tags,
        everything,
        aheadMs,
        maxMarks: MAX_MARKS,
      },
      { deadlineMs },
    );
    onClock(clock);
    return clock;
  };

  return {
    tick: (deadlineMs) => marked([], false, 0, deadlineMs),
    async deliver(pending, deadlineMs) {
      const failed = nothingPending();
      const dated = byAhead(pending.tags);
      const startedAt = performance.now();
      const isOver = (): boolean => performance.now() - startedAt >= deadlineMs;
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
      const marking = dated.map(([aheadMs, tags]) =>
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
        isOver,
      });
      await inBatches([...pending.leases], {
        attempt([entryKey, { place, token }]) {
          const { channel } = place;
          const unused = {
            key: entryKey,
            token,
            channel,
            state: 'none',
            pauseMs: 0,
            meta: Buffer.alloc(0),
            failure: '',
          } as const;
          return attempt(
            (leftMs) => store.call(release, unused, { deadlineMs: leftMs }),
            () => failed.leases.set(entryKey, { place, token }),
          );
        },
        skip: ([entryKey, lease]) => failed.leases.set(entryKey, lease),
        isOver,
      });
      return { failed, error };
    },
  };
}

type Dated = [aheadMs: number, tags: string[]];

/** So many marks are one call: it holds up the server for about a millisecond. */
const MARKS_A_CALL = 1000;

const cut = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));

/** Marks of one date go together. */
function byAhead(tags: ReadonlyMap<string, number>): Dated[] {
  const dates = new Map<number, string[]>();
  for (const [tag, aheadMs] of tags) {
    const together = dates.get(aheadMs) ?? [];
    together.push(tag);
    dates.set(aheadMs, together);
  }
  return [...dates].flatMap(([aheadMs, together]) => cut(together, MARKS_A_CALL).map((some): Dated => [aheadMs, some]));
}

const BATCH = 100;

/** A batch of which nothing was taken is the last, since the others would only find out the same; so is one at the deadline. */
async function inBatches<T>(
  items: readonly T[],
  steps: { attempt: (item: T) => Promise<boolean>; skip: (item: T) => unknown; isOver: () => boolean },
): Promise<void> {
  if (items.length === 0) return;
  const rest = items.slice(BATCH);
  const taken = await Promise.all(items.slice(0, BATCH).map(steps.attempt));
  if (taken.includes(true) && !steps.isOver()) return inBatches(rest, steps);
  for (const item of rest) steps.skip(item);
}
