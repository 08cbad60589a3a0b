import type { OptionChecks } from '@turnpike/core';
import type { PolicyStanding } from './decision.ts';

/** How a quota is told: as the IETF draft of that number (draft-ietf-httpapi-ratelimit-headers), or as `X-RateLimit-*`. */
export type HeaderDialect = 'draft-11' | 'draft-7' | 'draft-6' | 'legacy';

const DIALECTS: readonly HeaderDialect[] = ['draft-11', 'draft-7', 'draft-6', 'legacy'];

/** @throws OptionError for a dialect nobody speaks, or two that say different things in one field */
export function checkDialects(check: OptionChecks, dialects: readonly HeaderDialect[]): void {
  check.must(Array.isArray(dialects), 'headers', 'an array of dialects', dialects);
  for (const dialect of dialects) check.oneOf('headers', dialect, DIALECTS);
  const clash = dialects.includes('draft-11') && dialects.includes('draft-7');
  check.must(!clash, 'headers', "without one of 'draft-11' and 'draft-7', which share a field", dialects);
}

const wholeSeconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1000));

/** Whole seconds, rounded up, so that who waits that long is not early; at least 1 (RFC 9110 §10.2.3). */
export const retryAfter = (ms: number): string => String(Math.max(1, wholeSeconds(ms)));

const resetIn = ({ resetTime }: PolicyStanding): number => wholeSeconds(resetTime.getTime() - Date.now());

/** A structured-field string (RFC 9651 §4.1.6). */
const headerString = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const windowOf = ({ policy }: PolicyStanding): string => retryAfter(policy.windowMs);

/** A structured-field list (RFC 9651 §3.1). */
const list = (standings: readonly PolicyStanding[], member: (standing: PolicyStanding) => string): string =>
  standings.map(member).join(', ');

/** What a dialect says of all policies, or of `one` where it has room for one. */
type Write = (
  standings: readonly PolicyStanding[],
  one: PolicyStanding,
  besides: readonly HeaderDialect[],
) => Record<string, string>;

const write: Readonly<Record<HeaderDialect, Write>> = {
  // §3 RateLimit-Policy, §4 RateLimit
  'draft-11': (standings) => ({
    'RateLimit-Policy': list(standings, (it) => `${headerString(it.policy.name)};q=${it.limit};w=${windowOf(it)}`),
    RateLimit: list(standings, (it) => `${headerString(it.policy.name)};r=${it.remaining};t=${resetIn(it)}`),
  }),
  'draft-7': (standings, one) => ({
    'RateLimit-Policy': list(standings, (it) => `${it.limit};w=${windowOf(it)}`),
    RateLimit: `limit=${one.limit}, remaining=${one.remaining}, reset=${resetIn(one)}`,
  }),
  'draft-6': (standings, one, besides) => ({
    // Optional here (§3.4), and draft-11's where that is spoken too.
    ...(besides.includes('draft-11')
      ? {}
      : { 'RateLimit-Policy': list(standings, (it) => `${it.limit};w=${windowOf(it)}`) }),
    'RateLimit-Limit': String(one.limit),
    'RateLimit-Remaining': String(one.remaining),
    'RateLimit-Reset': String(resetIn(one)),
  }),
  legacy: (_standings, one) => ({
    'X-RateLimit-Limit': String(one.limit),
    'X-RateLimit-Remaining': String(one.remaining),
    'X-RateLimit-Reset': String(Math.ceil(one.resetTime.getTime() / 1000)),
  }),
};

/** Of several, who speaks where one only may: who refuses, or else has the least left. */
const tighter = (one: PolicyStanding, other: PolicyStanding): PolicyStanding =>
  other.violated || (!one.violated && other.remaining < one.remaining) ? other : one;

/**
 * The headers by which one dialect tells what is left of these policies: of all limiters that a response has met.
 * `besides` are the dialects spoken with it.
 */
export function quotaHeaders(
  dialect: HeaderDialect,
  standings: readonly PolicyStanding[],
  besides: readonly HeaderDialect[] = [],
): Record<string, string> {
  const visible = standings.some(({ policy }) => policy.hidden)
    ? standings.filter(({ policy }) => !policy.hidden)
    : standings;
  return visible.length === 0 ? {} : write[dialect](visible, visible.reduce(tighter), besides);
}
