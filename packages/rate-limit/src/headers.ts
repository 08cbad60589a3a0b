import type { ServerResponse } from 'node:http';
import type { Decision } from './limiter.ts';
import type { Policy } from './policy.ts';

/** How a quota is told: `'draft-11'` as the IETF draft of that number, `'legacy'` as `X-RateLimit-*`. */
export type HeaderDialect = 'draft-11' | 'legacy';

const wholeSeconds = (ms: number): number => Math.max(0, Math.ceil(ms / 1000));

/** Whole seconds, rounded up, so that who waits that long is not early; at least 1 (RFC 9110 §10.2.3). */
export const retryAfter = (ms: number): string => String(Math.max(1, wholeSeconds(ms)));

/** A structured-field string (RFC 9651 §4.1.6). */
const headerString = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** Adds a member to a structured-field list (RFC 9651 §3.1): limiters in a row share one list. */
function appendMember(res: ServerResponse, name: string, member: string): void {
  const present = res.getHeader(name);
  res.setHeader(name, present === undefined ? member : `${String(present)}, ${member}`);
}

const serializers: Record<HeaderDialect, (res: ServerResponse, policy: Policy, decision: Decision) => void> = {
  // draft-ietf-httpapi-ratelimit-headers-11, §3 and §4
  'draft-11'(res, policy, { limit, remaining, resetTime }) {
    const name = headerString(policy.name);
    appendMember(res, 'RateLimit-Policy', `${name};q=${limit};w=${retryAfter(policy.windowMs)}`);
    appendMember(res, 'RateLimit', `${name};r=${remaining};t=${wholeSeconds(resetTime.getTime() - Date.now())}`);
  },
  // One set of headers for any number of limiters: the one with the least left speaks.
  legacy(res, _policy, { limit, remaining, resetTime }) {
    const present = res.getHeader('X-RateLimit-Remaining');
    if (present !== undefined && Number(present) <= remaining) return;
    res.setHeader('X-RateLimit-Limit', String(limit));
    res.setHeader('X-RateLimit-Remaining', String(remaining));
    res.setHeader('X-RateLimit-Reset', String(Math.ceil(resetTime.getTime() / 1000)));
  },
};

export const HEADER_DIALECTS: readonly HeaderDialect[] = ['draft-11', 'legacy'];

export function writeQuota(res: ServerResponse, dialects: readonly HeaderDialect[], policy: Policy, decision: Decision): void {
  for (const dialect of dialects) serializers[dialect](res, policy, decision);
}
