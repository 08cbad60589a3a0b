import { type Lasting, LONGEST_MS } from '../freshness.ts';
import { directivesOf, secondsOf } from './cache-control.ts';
import { httpDate } from './http-date.ts';
import type { Head } from './storable.ts';

/** How long a page lasts from now on, and how old it is already. */
export interface Lifetime {
  readonly freshness: Lasting;
  readonly ageMs: number;
}

/**
 * What the response says of itself (RFC 9111 §4.2.1, RFC 5861), and `otherwise` where it says nothing. Undefined: it is
 * never fresh, and may not be served stale either.
 */
export function lifetimeOf({ headers }: Pick<Head, 'headers'>, otherwise: Lasting): Lifetime | undefined {
  const directives = directivesOf(headers['cache-control']);
  const ageMs = secondsOf(headers['age']?.split(',')[0]?.trim()) ?? 0;
  const saidMs = saidLifetimeMs(headers);
  const freshMs = saidMs === undefined ? otherwise.ttlMs : saidMs - ageMs;

  const isStrict = directives.has('must-revalidate') || directives.has('proxy-revalidate');
  // s-maxage means that no shared cache serves it stale (RFC 9111 §5.2.2.10), unless it is said that one may.
  const mayOtherwise = !isStrict && !directives.has('s-maxage');
  const windowMs = (directive: string, otherwiseMs: number): number =>
    isStrict ? 0 : (secondsOf(directives.get(directive)) ?? (mayOtherwise ? otherwiseMs : 0));
  const staleMs = windowMs('stale-while-revalidate', otherwise.staleMs);
  const staleIfErrorMs = windowMs('stale-if-error', otherwise.staleIfErrorMs);
  // What is expired from the beginning is of use only where the response itself says so.
  if (freshMs <= 0 && !directives.has('stale-while-revalidate')) return undefined;
  // What it is past being fresh is part of the time in which it may be stale.
  const overMs = Math.max(0, -freshMs);
  if (freshMs <= 0 && staleMs <= overMs) return undefined;
  const ttlMs = bounded(Math.max(1, freshMs));
  return {
    ageMs,
    freshness: {
      ttlMs,
      negativeTtlMs: ttlMs,
      staleMs: bounded(Math.max(0, staleMs - overMs)),
      staleIfErrorMs: bounded(Math.max(0, staleIfErrorMs - overMs)),
      jitter: saidMs === undefined ? otherwise.jitter : 0,
    },
  };
}

const bounded = (ms: number): number => Math.min(Math.round(ms), LONGEST_MS);

/** s-maxage before max-age before Expires. */
function saidLifetimeMs(headers: Head['headers']): number | undefined {
  const directives = directivesOf(headers['cache-control']);
  const agedMs = secondsOf(directives.get('s-maxage')) ?? secondsOf(directives.get('max-age'));
  if (agedMs !== undefined || headers['expires'] === undefined) return agedMs;
  const from = httpDate(headers['date']);
  const until = httpDate(headers['expires']);
  // '0', and whatever else is no date, is the past (RFC 9111 §5.3).
  return Number.isNaN(until) ? 0 : until - (Number.isNaN(from) ? Date.now() : from);
}
