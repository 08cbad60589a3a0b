import { secondsOf } from '../express/cache-control.ts';
import type { PageHead } from '../express/page.ts';

/** RFC 9111 §5.1, in ms: the first of a list counts, and what is no number of seconds is as if it was not there. */
export function ageValueMs(field: string | undefined): number {
  const first = field?.split(',')[0]?.trim() ?? '';
  return /^\d+$/.test(first) ? (secondsOf(first) ?? 0) : 0;
}

/** What is known of an answer when it arrives: instants in ms by the clock of the cache. */
export interface Arrival {
  /** `age_value`: see `ageValueMs`. */
  readonly ageMs: number;
  /** `date_value`; NaN: it does not say, or what it says is no date. */
  readonly dateMs: number;
  /** `request_time` */
  readonly askedMs: number;
  /** `response_time` */
  readonly answeredMs: number;
}

/**
 * `corrected_initial_age` (RFC 9111 §4.2.3), in ms: by the caches it has passed and the time it took, or by its Date, whichever
 * makes it older. A Date that is ahead of the clock makes it no younger than new.
 */
export function initialAgeMs({ ageMs, dateMs, askedMs, answeredMs }: Arrival): number {
  const apparentMs = Number.isNaN(dateMs) ? 0 : Math.max(0, answeredMs - dateMs);
  const correctedMs = ageMs + Math.max(0, answeredMs - askedMs);
  return Math.max(apparentMs, correctedMs);
}

/** `current_age` (RFC 9111 §4.2.3), in ms. */
export const currentAgeMs = ({ bornMs, ageMs }: Pick<PageHead, 'bornMs' | 'ageMs'>, nowMs: number): number =>
  ageMs + Math.max(0, nowMs - bornMs);
