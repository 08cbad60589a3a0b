import { randomBytes } from 'node:crypto';
import { type Store, StoreError } from '@turnpike/core';
import { type Delivery, type Pending, hasMarks, nothingPending } from './backlog.ts';
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
      const attempt = async (call: (deadlineMs: number) => Promise<unknown>, onFailure: () => void): Promise<void> => {
        try {
          await call(Math.max(1, deadlineMs - (performance.now() - startedAt)));
        } catch (thrown) {
          onFailure();
          if (error === undefined || !StoreError.isPassing(thrown)) error = thrown;
        }
      };

      const { everythingAheadMs } = pending;
      if (hasMarks(pending)) {
        await Promise.all([
          ...(everythingAheadMs === undefined
            ? []
            : [
                attempt(
                  (leftMs) => marked([], true, everythingAheadMs, leftMs),
                  () => (failed.everythingAheadMs = everythingAheadMs),
                ),
              ]),
          ...byAhead(pending.tags).map(([aheadMs, tags]) =>
            attempt(
              (leftMs) => marked(tags, false, aheadMs, leftMs),
              () => tags.forEach((tag) => failed.tags.set(tag, aheadMs)),
            ),
          ),
        ]);
      }
      await Promise.all([
        ...[...pending.keys].map((key) => {
          const { entryKey, channel } = places.of(key);
          return attempt(
            (leftMs) => store.call(forget, { key: entryKey, channel }, { deadlineMs: leftMs }),
            () => failed.keys.add(key),
          );
        }),
        ...[...pending.leases].map(([key, token]) => {
          const { entryKey, channel } = places.of(key);
          const unused = { key: entryKey, token, channel, outcome: 'none', pauseMs: 0, meta: '', failure: '' } as const;
          return attempt(
            (leftMs) => store.call(release, unused, { deadlineMs: leftMs }),
            () => failed.leases.set(key, token),
          );
        }),
      ]);
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
