import { describe, expect, it } from 'vitest';
import { directivesOf } from '../express/cache-control.ts';
import { guessedLifetimeMs, mayBeGuessed } from './heuristic.ts';

const DATE_MS = Date.parse('Wed, 01 Jan 2025 00:00:00 GMT');
const DAY_MS = 86_400_000;
const ago = (ms: number): string => new Date(DATE_MS - ms).toUTCString();
const OPTIONS = { heuristicFraction: 0.1, heuristicMaxMs: DAY_MS };

describe('how long an answer is fresh by a guess (RFC 9111 §4.2.2)', () => {
  it.each<[what: string, lastModified: string | undefined, ms: number]>([
    ['a tenth of the time since it was changed', ago(100_000), 10_000],
    ['no longer than the most', ago(100 * DAY_MS), DAY_MS],
    ['nothing, where it was changed just now', ago(0), 0],
    ['nothing, where it is changed in the future', ago(-100_000), 0],
    ['nothing, where it does not say', undefined, 0],
    ['nothing, where what it says is no date', 'yesterday', 0],
  ])('is %s', (_what, lastModified, ms) => {
    expect(guessedLifetimeMs(lastModified, DATE_MS, OPTIONS)).toBe(ms);
  });

  it('is by other shares and bounds, where those are given', () => {
    expect(guessedLifetimeMs(ago(100_000), DATE_MS, { heuristicFraction: 0.5, heuristicMaxMs: DAY_MS })).toBe(50_000);
    expect(guessedLifetimeMs(ago(100_000), DATE_MS, { heuristicFraction: 0.5, heuristicMaxMs: 1000 })).toBe(1000);
    expect(guessedLifetimeMs(ago(100_000), DATE_MS, { heuristicFraction: 0, heuristicMaxMs: DAY_MS })).toBe(0);
  });
});

describe('a guess (RFC 9110 §15.1)', () => {
  it.each([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])('may be made of a %s', (status) => {
    expect(mayBeGuessed(status, directivesOf(''))).toBe(true);
  });

  it.each([201, 202, 302, 303, 307, 400, 401, 403, 429, 500, 502, 503, 504, 599])(
    'may not be made of a %s',
    (status) => {
      expect(mayBeGuessed(status, directivesOf('max-age=60'))).toBe(false);
    },
  );

  it.each([201, 302, 403, 599])('may be made of a %s that calls itself public', (status) => {
    expect(mayBeGuessed(status, directivesOf('Public'))).toBe(true);
  });
});
