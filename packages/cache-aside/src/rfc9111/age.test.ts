import { describe, expect, it } from 'vitest';
import { ageValueMs, currentAgeMs, initialAgeMs } from './age.ts';

describe('an Age (RFC 9111 §5.1)', () => {
  it.each<[field: string | undefined, ms: number]>([
    [undefined, 0],
    ['0', 0],
    ['30', 30_000],
    ['0030', 30_000],
    [' 30 ', 30_000],
    ['2147483648', 2_147_483_648_000],
    ['99999999999999999999', 2_147_483_648_000],
  ])('%j is %s ms', (field, ms) => {
    expect(ageValueMs(field)).toBe(ms);
  });

  it.each<[field: string, ms: number]>([
    ['30, 0', 30_000],
    ['0, 30', 0],
    ['30,30', 30_000],
    ['abc, 30', 0],
  ])('of a list the first counts: %j', (field, ms) => {
    expect(ageValueMs(field)).toBe(ms);
  });

  it.each(['', 'abc', '-30', '+30', '30.0', '30s', '30;a=b', '"30"', '0x1e', ',30'])(
    'that is no number of seconds is ignored: %j',
    (field) => {
      expect(ageValueMs(field)).toBe(0);
    },
  );
});

describe('how old an answer is when it arrives (RFC 9111 §4.2.3)', () => {
  const AT = 1_000_000;

  it.each<[what: string, arrival: Partial<Parameters<typeof initialAgeMs>[0]>, ms: number]>([
    ['nothing, made just now', {}, 0],
    ['its Age', { ageMs: 30_000 }, 30_000],
    ['how long it took', { askedMs: AT - 2000 }, 2000],
    ['both, since the Age is from before it set out', { ageMs: 30_000, askedMs: AT - 2000 }, 32_000],
    ['the time since its Date', { dateMs: AT - 7000 }, 7000],
    ['the larger of the two: its Date', { dateMs: AT - 7000, ageMs: 3000 }, 7000],
    ['the larger of the two: its Age', { dateMs: AT - 7000, ageMs: 9000 }, 9000],
    ['the larger of the two: how long it took', { dateMs: AT - 1000, askedMs: AT - 2000 }, 2000],
    ['nothing, where its Date is ahead', { dateMs: AT + 60_000 }, 0],
    ['its Age, where its Date is ahead', { dateMs: AT + 60_000, ageMs: 5000 }, 5000],
    ['its Age, where its Date is none', { dateMs: Number.NaN, ageMs: 5000 }, 5000],
    ['nothing, where the clock has gone back meanwhile', { askedMs: AT + 5000 }, 0],
  ])('is %s', (_what, arrival, ms) => {
    expect(initialAgeMs({ ageMs: 0, dateMs: AT, askedMs: AT, answeredMs: AT, ...arrival })).toBe(ms);
  });
});

describe('how old a stored answer is (RFC 9111 §4.2.3)', () => {
  it.each<[what: string, nowMs: number, ms: number]>([
    ['as old as it was, at once', 1000, 300],
    ['older by the time since', 6000, 5300],
    ['no younger, where the clock has gone back', 500, 300],
  ])('is %s', (_what, nowMs, ms) => {
    expect(currentAgeMs({ bornMs: 1000, ageMs: 300 }, nowMs)).toBe(ms);
  });
});
