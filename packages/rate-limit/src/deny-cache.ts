import type { Verdict } from './verdict.ts';

/** The most denials remembered at once. Forgetting one only costs a call. */
const MAX_ENTRIES = 10_000;

interface Entry {
  readonly cost: number;
  readonly verdict: Verdict;
  readonly sentAt: number;
}

/**
 * Denials that only time can end, answered from memory until it does: a flood on a denied key asks Redis nothing. An
 * entry answers for its own cost, whose true wait it knows, until that wait is over, counted from when it was *asked* on
 * the monotonic clock, so never later than Redis would; and for `keepMs` at most, so that a reset by another process shows.
 */
export interface DenyCache {
  find(key: string, cost: number): Verdict | undefined;
  add(key: string, cost: number, verdict: Verdict, sentAt: number): void;
  forget(key: string): void;
}

export function createDenyCache(keepMs: number, now: () => number): DenyCache {
  const entries = new Map<string, Entry>();
  const validMs = ({ verdict }: Entry): number => Math.min(keepMs, verdict.waitMs ?? 0);
  return {
    find(key, cost) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      const ageMs = now() - entry.sentAt;
      if (ageMs >= validMs(entry)) {
        entries.delete(key);
        return undefined;
      }
      return cost === entry.cost ? agedBy(Math.floor(ageMs), entry.verdict) : undefined;
    },
    add(key, cost, verdict, sentAt) {
      // The first in a Map is the oldest: whichever it is, it has had its use.
      const [oldest] = entries.keys();
      if (entries.size >= MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
      entries.set(key, { cost, verdict, sentAt });
    },
    forget: (key) => void entries.delete(key),
  };
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
