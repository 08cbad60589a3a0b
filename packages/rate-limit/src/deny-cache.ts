import type { Verdict } from './verdict.ts';

/** The most keys whose denials are remembered at once. Forgetting one only costs a call. */
const MAX_KEYS = 10_000;

/** The most costs remembered of one key. */
const MAX_COSTS = 8;

interface Denial {
  readonly verdict: Verdict;
  readonly sentAt: number;
}

/**
 * Denials that only time can end, answered from memory until it does: a flood on a denied key asks Redis nothing. One
 * answers for its own cost, whose true wait it knows, until that wait is over, counted from when it was *asked* on the
 * monotonic clock, so never later than Redis would; and for `keepMs` at most, so that a reset by another process shows.
 */
export interface DenyCache {
  find(key: string, cost: number): Verdict | undefined;
  add(key: string, cost: number, verdict: Verdict, sentAt: number): void;
  /** After a charge: the waits that were told before it are too short now. */
  forget(key: string): void;
  /** After a reset or a block, also of denials that are still on their way. */
  overrule(key: string): void;
}

export function createDenyCache(keepMs: number, now: () => number): DenyCache {
  const denials = new Map<string, Map<number, Denial>>();
  let overruledAt = -Infinity;
  const validMs = ({ verdict }: Denial): number => Math.min(keepMs, verdict.waitMs ?? 0);
  return {
    find(key, cost) {
      const ofKey = denials.get(key);
      const denial = ofKey?.get(cost);
      if (ofKey === undefined || denial === undefined) return undefined;
      const ageMs = now() - denial.sentAt;
      if (ageMs < validMs(denial)) return agedBy(Math.floor(ageMs), denial.verdict);
      ofKey.delete(cost);
      if (ofKey.size === 0) denials.delete(key);
      return undefined;
    },
    add(key, cost, verdict, sentAt) {
      if (sentAt <= overruledAt) return;
      const ofKey = denials.get(key) ?? new Map<number, Denial>();
      // The first in a Map is the oldest: whichever it is, it has had its use.
      dropOldest(ofKey, MAX_COSTS - 1);
      ofKey.set(cost, { verdict, sentAt });
      if (!denials.has(key)) dropOldest(denials, MAX_KEYS - 1);
      denials.set(key, ofKey);
    },
    forget: (key) => void denials.delete(key),
    overrule(key) {
      denials.delete(key);
      overruledAt = now();
    },
  };
}

function dropOldest(map: Map<unknown, unknown>, keep: number): void {
  const [oldest] = map.keys();
  if (map.size > keep) map.delete(oldest);
}

/** The verdict as it reads `ms` later. Rounded up: an answer must not promise a moment that is too early. */
function agedBy(ms: number, verdict: Verdict): Verdict {
  const later = (wait: number | undefined): number | undefined =>
    wait === undefined ? undefined : Math.max(wait - ms, 0);
  return {
    kind: verdict.kind,
    waitMs: later(verdict.waitMs),
    quotas: verdict.quotas.map(({ used, resetMs, waitMs }) => ({
      used,
      resetMs: later(resetMs) ?? 0,
      waitMs: later(waitMs),
    })),
  };
}
