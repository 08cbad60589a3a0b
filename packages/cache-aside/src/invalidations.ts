import { StoreError } from '@turnpike/core';
import { type Backlog, type Pending, hasMarks, nothingPending, sizeOf } from './backlog.ts';
import type { CallChecks, Invalidation } from './cache-options.ts';
import type { Journal } from './events.ts';
import type { Invalidator } from './invalidator.ts';
import type { Kin } from './kin.ts';
import { type Places, tagName } from './places.ts';

/** What came of an invalidation: how many keys and tags are invalid now, and how many will be when Redis is back. */
export interface Invalidated {
  readonly delivered: number;
  readonly queued: number;
}

/** Invalidations, as callers name them. What Redis does not take is queued. Each rejects with a `StoreError` for a wrong set-up only. */
export interface Invalidations {
  of(invalidation: Invalidation): Promise<Invalidated>;
  ofEverything(options: Pick<Invalidation, 'quarantineMs'>): Promise<Invalidated>;
  /** What is to be invalidated, not yet sent. */
  pending(invalidation: Invalidation): Pending;
  /** Resolves to what is queued. */
  send(pending: Pending): Promise<Pending>;
}

interface InvalidationsParts {
  readonly places: Places;
  readonly kin: Kin;
  readonly invalidator: Invalidator;
  readonly backlog: Backlog;
  readonly journal: Journal;
  readonly check: CallChecks;
  readonly deadlineMs: number;
  /** Where an invalidation does not say another. */
  readonly quarantineMs: number;
}

export function createInvalidations(parts: InvalidationsParts): Invalidations {
  const { places, kin, invalidator, backlog, journal, check, deadlineMs, quarantineMs: ownQuarantineMs } = parts;

  const invalidations: Invalidations = {
    async of(invalidation) {
      check.invalidation(invalidation);
      const failed = await invalidations.send(invalidations.pending(invalidation));
      const [keys, tags] = [new Set(invalidation.keys), new Set(invalidation.tags)];
      const queued =
        [...keys].filter((key) => failed.keys.has(key) || failed.tags.has(places.of(key).ownTag)).length +
        [...tags].filter((tag) => failed.tags.has(tagName(tag))).length;
      return { delivered: keys.size + tags.size - queued, queued };
    },
    async ofEverything(options) {
      check.quarantine(options);
      const { quarantineMs = ownQuarantineMs } = options;
      check.quarantineMs(quarantineMs);
      const failed = await invalidations.send({ ...nothingPending(), everythingAheadMs: quarantineMs });
      const queued = failed.everythingAheadMs === undefined ? 0 : 1;
      return { delivered: 1 - queued, queued };
    },
    pending({ keys = [], tags = [], quarantineMs = ownQuarantineMs }) {
      check.quarantineMs(quarantineMs);
      const pending = nothingPending();
      for (const tag of tags) pending.tags.set(tagName(tag), quarantineMs);
      for (const key of keys) pending.keys.add(key);
      // A key that is forgotten may be filled again at once; one with a mark dated ahead may not.
      if (quarantineMs > 0) for (const key of keys) pending.tags.set(places.of(key).ownTag, quarantineMs);
      return pending;
    },
    async send(pending) {
      if (sizeOf(pending) === 0) return pending;
      const entryKeys = [...pending.keys].map((key) => places.of(key).entryKey);
      kin.dropped(hasMarks(pending) ? undefined : entryKeys);
      const { failed, error } = await invalidator.deliver(pending, deadlineMs);
      kin.invalidated(entryKeys);
      if (hasMarks(pending)) kin.invalidated();
      backlog.add(failed);
      journal.note({ type: sizeOf(failed) > 0 ? 'queued' : 'invalidated' });
      if (error !== undefined && !StoreError.isPassing(error)) throw error;
      return failed;
    },
  };
  return invalidations;
}
