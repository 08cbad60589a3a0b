import { type Directives, secondsOf } from '../express/cache-control.ts';
import { httpDate } from '../express/http-date.ts';

/** What an answer says of how long it is fresh. */
interface Said {
  readonly directives: Directives;
  /** Undefined: it says nothing, or a targeted field speaks for it. */
  readonly expires: string | undefined;
  /** When it was made, in ms: its Date, or when it arrived. */
  readonly dateMs: number;
}

/**
 * `freshness_lifetime` of a shared cache (RFC 9111 §4.2.1), in ms: `s-maxage`, or else `max-age`, or else `Expires` less `Date`.
 * Undefined: nothing is said. What is said and cannot be read is 0: stale.
 */
export function explicitLifetimeMs({ directives, expires, dateMs }: Said): number | undefined {
  const saidMs = secondsOf(directives.get('s-maxage')) ?? secondsOf(directives.get('max-age'));
  if (saidMs !== undefined || expires === undefined) return saidMs;
  const untilMs = httpDate(expires);
  // '0', and whatever else is no date, is the past (RFC 9111 §5.3).
  return Number.isNaN(untilMs) ? 0 : Math.max(0, untilMs - dateMs);
}
