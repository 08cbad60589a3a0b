import type { PageHead } from '../express/page.ts';
import { currentAgeMs } from './age.ts';
import type { Wants } from './request-directives.ts';

/**
 * What a stored answer may be used for (RFC 9111 §4).
 * - `fresh`; `stale`: as it is, since its client takes it so
 * - `meanwhile`: as it is, while it is validated (RFC 5861 §3)
 * - `validated`: after its validation only
 */
export type Use = 'fresh' | 'stale' | 'meanwhile' | 'validated';

export function useOf(page: PageHead, wants: Wants, nowMs: number): Use {
  const ageMs = currentAgeMs(page, nowMs);
  const leftMs = page.lifetimeMs - ageMs;
  if (page.mustValidate || wants.isNoCache || ageMs > wants.maxAgeMs) return 'validated';
  if (leftMs > 0) return leftMs >= wants.minFreshMs ? 'fresh' : 'validated';
  if (page.isStrict) return 'validated';
  if (wants.maxStaleMs !== undefined && -leftMs <= wants.maxStaleMs) return 'stale';
  // Who names an age, or a time to be fresh for, wants nothing that is expired (RFC 9111 §5.2.1.1).
  const takesFreshOnly = wants.maxAgeMs < Infinity || wants.minFreshMs > 0;
  return !takesFreshOnly && -leftMs < page.staleness.staleMs ? 'meanwhile' : 'validated';
}

/** Whether a stored answer may be used in place of an error (RFC 9111 §4.2.4, §4.3.3, RFC 5861 §4). */
export function standsIn(page: PageHead, wants: Wants, nowMs: number): boolean {
  const ageMs = currentAgeMs(page, nowMs);
  const isForbidden = page.isStrict || page.mustValidate || wants.isNoCache || ageMs > wants.maxAgeMs;
  const mostMs = Math.max(page.staleness.staleIfErrorMs, wants.staleIfErrorMs);
  return !isForbidden && ageMs - page.lifetimeMs < mostMs;
}

/** Whether a stored answer is never used without its validation: nobody has anything of another's run. */
export const isAlwaysValidated = ({ mustValidate, lifetimeMs, ageMs, staleness }: PageHead): boolean =>
  mustValidate || (lifetimeMs <= ageMs && staleness.staleMs <= ageMs - lifetimeMs);
