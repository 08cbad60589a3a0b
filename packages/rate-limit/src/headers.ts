import type { ServerResponse } from 'node:http';
import type { OptionChecks } from '@turnpike/core';
import type { Decision, PolicyStanding } from './decision.ts';

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

/** Adds members to a structured-field list (RFC 9651 §3.1): limiters in a row share one list. */
function append(res: ServerResponse, name: string, members: readonly string[]): void {
  const present = res.getHeader(name);
  res.setHeader(name, [...(present === undefined ? [] : [String(present)]), ...members].join(', '));
}

const speakers = new WeakMap<ServerResponse, PolicyStanding>();

/** Who speaks where one only may: of all policies of all limiters that a response has met, who refuses, or has the least left. */
function speaker(res: ServerResponse, standings: readonly PolicyStanding[]): PolicyStanding | undefined {
  for (const standing of standings) {
    const present = speakers.get(res);
    const isTighter = present === undefined || standing.violated || standing.remaining < present.remaining;
    if (isTighter) speakers.set(res, standing);
  }
  return speakers.get(res);
}

const windowOf = ({ policy }: PolicyStanding): string => retryAfter(policy.windowMs);

type Write = (res: ServerResponse, standings: readonly PolicyStanding[], one: PolicyStanding, others: readonly HeaderDialect[]) => void;

const write: Readonly<Record<HeaderDialect, Write>> = {
  // §3 RateLimit-Policy, §4 RateLimit
  'draft-11'(res, standings) {
    const named = (standing: PolicyStanding): string => headerString(standing.policy.name);
    append(res, 'RateLimit-Policy', standings.map((it) => `${named(it)};q=${it.limit};w=${windowOf(it)}`));
    append(res, 'RateLimit', standings.map((it) => `${named(it)};r=${it.remaining};t=${resetIn(it)}`));
  },
  'draft-7'(res, standings, one) {
    append(res, 'RateLimit-Policy', standings.map((it) => `${it.limit};w=${windowOf(it)}`));
    res.setHeader('RateLimit', `limit=${one.limit}, remaining=${one.remaining}, reset=${resetIn(one)}`);
  },
  'draft-6'(res, standings, one, dialects) {
    // Optional here (§3.4), and another dialect's where that one is spoken too.
    if (!dialects.includes('draft-11') && !dialects.includes('draft-7')) {
      append(res, 'RateLimit-Policy', standings.map((it) => `${it.limit};w=${windowOf(it)}`));
    }
    res.setHeader('RateLimit-Limit', String(one.limit));
    res.setHeader('RateLimit-Remaining', String(one.remaining));
    res.setHeader('RateLimit-Reset', String(resetIn(one)));
  },
  legacy(res, _standings, one) {
    res.setHeader('X-RateLimit-Limit', String(one.limit));
    res.setHeader('X-RateLimit-Remaining', String(one.remaining));
    res.setHeader('X-RateLimit-Reset', String(Math.ceil(one.resetTime.getTime() / 1000)));
  },
};

/** Tells what is left, of the policies that may be told of. */
export function writeQuota(res: ServerResponse, dialects: readonly HeaderDialect[], { standings }: Pick<Decision, 'standings'>): void {
  const visible = standings.filter(({ policy }) => !policy.hidden);
  const one = speaker(res, visible);
  if (one === undefined || visible.length === 0) return;
  for (const dialect of dialects) write[dialect](res, visible, one, dialects);
}
