import { describe, expect, it } from 'vitest';
import type { Run } from '../express/profile.ts';
import { judged } from './judging.ts';
import { policyOf } from './targeted.ts';

const AT_MS = Date.parse('Wed, 01 Jan 2025 00:00:00 GMT');
const RUN: Run = { askedMs: AT_MS, answeredMs: AT_MS, isConditional: false, held: undefined };
const KEEPING = {
  heuristicFraction: 0.1,
  heuristicMaxMs: 86_400_000,
  keepStaleMs: 3_600_000,
  agreed: { staleMs: 0, staleIfErrorMs: 0 },
};

const judgedBy = (headers: Record<string, string>, run: Partial<Run> = {}, status = 200): unknown => {
  const judgement = judged({ status, headers }, policyOf(headers, []), { ...RUN, ...run }, KEEPING);
  if (judgement.kind === 'refused') return judgement.why;
  const { head, lasting } = judgement.kept;
  return { lifetimeMs: head.lifetimeMs, ageMs: head.ageMs, freshMs: lasting.ttlMs, keptMs: lasting.staleMs };
};

const LAST_MODIFIED = 'Tue, 31 Dec 2024 23:58:20 GMT';

describe('how long an answer is fresh, and kept', () => {
  it.each<[what: string, headers: Record<string, string>, run: Partial<Run>, is: unknown]>([
    [
      'as it says, and then as stale ones are',
      { 'cache-control': 'max-age=60' },
      {},
      { lifetimeMs: 60_000, ageMs: 0, freshMs: 60_000, keptMs: 3_600_000 },
    ],
    [
      'less the age it has (§4.2.3)',
      { 'cache-control': 'max-age=60', age: '20' },
      { askedMs: AT_MS - 1000 },
      { lifetimeMs: 60_000, ageMs: 21_000, freshMs: 39_000, keptMs: 3_600_000 },
    ],
    [
      'less the time since its Date',
      { 'cache-control': 'max-age=60', date: 'Tue, 31 Dec 2024 23:59:30 GMT' },
      {},
      { lifetimeMs: 60_000, ageMs: 30_000, freshMs: 30_000, keptMs: 3_600_000 },
    ],
    [
      'by Expires since it came, where it has no Date',
      { expires: 'Wed, 01 Jan 2025 00:00:30 GMT' },
      {},
      { lifetimeMs: 30_000, ageMs: 0, freshMs: 30_000, keptMs: 3_600_000 },
    ],
    [
      'by a guess, where it does not say (§4.2.2)',
      { 'last-modified': LAST_MODIFIED },
      {},
      { lifetimeMs: 10_000, ageMs: 0, freshMs: 10_000, keptMs: 3_600_000 },
    ],
    [
      'not by a guess, where it says',
      { 'last-modified': LAST_MODIFIED, 'cache-control': 'max-age=0' },
      {},
      { lifetimeMs: 0, ageMs: 0, freshMs: 1, keptMs: 3_600_000 },
    ],
    [
      'for its validation alone, where it is stale (§4.3)',
      { etag: '"a"', 'cache-control': 'max-age=10', age: '20' },
      {},
      { lifetimeMs: 10_000, ageMs: 20_000, freshMs: 1, keptMs: 3_600_000 },
    ],
    [
      'for its validation alone, where it is no-cache',
      { etag: '"a"', 'cache-control': 'no-cache, max-age=60' },
      {},
      { lifetimeMs: 60_000, ageMs: 0, freshMs: 1, keptMs: 3_600_000 },
    ],
    [
      'no longer than it is fresh, where it is of no use after that',
      { 'cache-control': 'max-age=60, must-revalidate' },
      {},
      { lifetimeMs: 60_000, ageMs: 0, freshMs: 60_000, keptMs: 0 },
    ],
    [
      'for as long as it may be stale by its own word (RFC 5861)',
      { 'cache-control': 'max-age=0, stale-while-revalidate=86400' },
      {},
      { lifetimeMs: 0, ageMs: 0, freshMs: 1, keptMs: 86_400_000 },
    ],
    [
      'for a year at most',
      { 'cache-control': 'max-age=2147483648' },
      {},
      { lifetimeMs: 2_147_483_648_000, ageMs: 0, freshMs: 366 * 86_400_000, keptMs: 3_600_000 },
    ],
    [
      'anew, where it still holds and does not say how old it is',
      { 'cache-control': 'max-age=60', date: 'Tue, 31 Dec 2024 23:00:00 GMT' },
      { ageMs: 0 },
      { lifetimeMs: 60_000, ageMs: 0, freshMs: 60_000, keptMs: 3_600_000 },
    ],
  ])('%s', (_what, headers, run, is) => {
    expect(judgedBy(headers, run)).toEqual(is);
  });

  it.each<[what: string, headers: Record<string, string>, why: string]>([
    ['nothing says that it is fresh', {}, 'expired'],
    ['it is stale, and names no version', { 'cache-control': 'max-age=0' }, 'expired'],
    ['it has arrived stale, and names no version', { 'cache-control': 'max-age=10', age: '20' }, 'expired'],
    [
      'it has arrived too stale for its word',
      { 'cache-control': 'max-age=10, stale-if-error=5', age: '20' },
      'expired',
    ],
    ['its Last-Modified is no date', { 'last-modified': 'yesterday' }, 'expired'],
    ['it is no-cache, and names no version', { 'cache-control': 'no-cache, max-age=60' }, 'no-cache'],
  ])('not at all, where %s', (_what, headers, why) => {
    expect(judgedBy(headers)).toBe(why);
  });

  it('not by a guess, where its status allows none', () => {
    expect(judgedBy({ 'last-modified': LAST_MODIFIED }, {}, 403)).toMatchObject({ lifetimeMs: 0 });
  });
});
