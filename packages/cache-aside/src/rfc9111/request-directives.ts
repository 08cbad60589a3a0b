import type { IncomingHttpHeaders } from 'node:http';
import { directivesOf, secondsOf } from '../express/cache-control.ts';

/** What a client wants of a cache (RFC 9111 §5.2.1); durations in ms. */
export interface Wants {
  /** Nothing that the handler has not just said to hold. */
  readonly isNoCache: boolean;
  /** That nothing is stored of what it brings. */
  readonly isNoStore: boolean;
  /** What is stored, or nothing. */
  readonly isOnlyIfCached: boolean;
  /** Nothing older. */
  readonly maxAgeMs: number;
  /** What is fresh for so much longer. */
  readonly minFreshMs: number;
  /** Also what is expired since no longer; undefined: nothing that is expired. */
  readonly maxStaleMs: number | undefined;
  /** That, in place of an error (RFC 5861 §4). */
  readonly staleIfErrorMs: number;
}

/** A Pragma counts where there is no Cache-Control (RFC 9111 §5.4). */
export function wantsOf(headers: IncomingHttpHeaders): Wants {
  const field = headers['cache-control'];
  const directives = directivesOf(field);
  const pragma = field === undefined ? directivesOf(headers.pragma) : undefined;
  const maxStale = directives.get('max-stale');
  const maxAgeMs = secondsOf(directives.get('max-age')) ?? Infinity;
  return {
    // What is no older than nothing has just been said (RFC 9111 §5.2.1.1).
    isNoCache: directives.has('no-cache') || pragma?.has('no-cache') === true || maxAgeMs === 0,
    isNoStore: directives.has('no-store'),
    isOnlyIfCached: directives.has('only-if-cached'),
    maxAgeMs,
    minFreshMs: secondsOf(directives.get('min-fresh')) ?? 0,
    maxStaleMs: maxStale === true ? Infinity : secondsOf(maxStale),
    staleIfErrorMs: secondsOf(directives.get('stale-if-error')) ?? 0,
  };
}
