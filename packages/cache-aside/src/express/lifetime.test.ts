import { describe, expect, it } from 'vitest';
import { LONGEST_MS } from '../freshness.ts';
import { lifetimeOf } from './lifetime.ts';

const OTHERWISE = { ttlMs: 7000, staleMs: 300, staleIfErrorMs: 500, negativeTtlMs: 7000, jitter: 0.1 };

type Headers = Record<string, string>;

const lasting = (headers: Headers, otherwise = OTHERWISE) => lifetimeOf({ headers }, otherwise);

const DATE = 'Wed, 01 Jan 2026 00:00:00 GMT';
const at = (seconds: number): string => new Date(Date.parse(DATE) + seconds * 1000).toUTCString();
const expires = (seconds: number): Headers => ({ date: DATE, expires: at(seconds) });
const control = (field: string, more: Headers = {}): Headers => ({ 'cache-control': field, ...more });

describe('how long an answer is fresh (RFC 9111 §4.2.1)', () => {
  it.each<[what: string, headers: Headers, ttlMs: number | undefined]>([
    ['nothing: as the options say', {}, 7000],
    ['nothing of it', control('public'), 7000],
    ['max-age', control('max-age=60'), 60_000],
    ['max-age in upper case', control('MAX-AGE=60'), 60_000],
    ['max-age, quoted (§5.2)', control('max-age="60"'), 60_000],
    ['max-age twice: the lower', control('max-age=60, max-age=30'), 30_000],
    ['s-maxage before max-age (§5.2.2.10)', control('max-age=60, s-maxage=10'), 10_000],
    ['s-maxage before max-age, also where it is more', control('s-maxage=60, max-age=0'), 60_000],
    ['s-maxage that is no number, beside max-age', control('s-maxage=x, max-age=60'), undefined],
    ['max-age before Expires (§5.3)', control('max-age=60', expires(10)), 60_000],
    ['max-age before Expires, also where it is 0', control('max-age=0', expires(10)), undefined],
    ['Expires', expires(10), 10_000],
    ['Expires beside a Cache-Control that says nothing of it', control('public', expires(10)), 10_000],
    ['Expires of now', expires(0), undefined],
    ['Expires of the past', expires(-1), undefined],
    ['Expires of long ago', { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }, undefined],
    ['max-age=0', control('max-age=0'), undefined],
    ['s-maxage=0', control('max-age=60, s-maxage=0'), undefined],
    ['max-age without a value', control('max-age'), undefined],
    ['max-age below zero', control('max-age=-1'), undefined],
    ['max-age with decimals', control('max-age=1.5'), undefined],
    ['max-age that overflows (§1.2.2): a year', control(`max-age=${'9'.repeat(30)}`), LONGEST_MS],
    ['max-age of a hundred years: a year', control('max-age=3153600000'), LONGEST_MS],
    ['an Age of some of it (§4.2)', control('max-age=60', { age: '20' }), 40_000],
    ['an Age of all of it', control('max-age=60', { age: '60' }), undefined],
    ['an Age over it', control('max-age=60', { age: '61' }), undefined],
    ['an Age over Expires', { ...expires(10), age: '11' }, undefined],
    ['an Age of some of Expires', { ...expires(10), age: '4' }, 6000],
    ['an Age that is no number, which is ignored (§5.1)', control('max-age=60', { age: 'old' }), 60_000],
    ['an Age below zero, which is ignored (§5.1)', control('max-age=60', { age: '-5' }), 60_000],
    ['an Age that overflows', control('max-age=60', { age: '9'.repeat(30) }), undefined],
  ])('that says %s', (_what, headers, ttlMs) => {
    expect(lasting(headers)?.freshness.ttlMs).toBe(ttlMs);
  });

  it.each<[value: string]>([
    ['0'],
    ['-1'],
    [''],
    ['never'],
    ['60'],
    ['9999'],
    ['Thu, 99 Foo 2099 00:00:00 GMT'],
    [`${at(10)}, ${at(20)}`],
    [`${at(10)},${at(20)}`],
    // What JavaScript takes for a date, and is none by RFC 9110 §5.6.7.
    ['  2099'],
    ['2099-01-01'],
    ['2099-01-01T00:00:00Z'],
    ['never 2099'],
    ['Thu, 01 Jan 2099 00:00:00 +0000'],
    ['Thu, 01 Jan 2099 00:00:00'],
    ['1 Jan 2099'],
  ])('that says Expires: %j, which is no date, and so the past (§5.3)', (value) => {
    expect(lasting({ date: DATE, expires: value })).toBeUndefined();
  });

  it.each<[what: string, value: string]>([
    ['now in use', 'Sun, 06 Nov 2033 08:49:37 GMT'],
    ['of RFC 850', 'Sunday, 06-Nov-33 08:49:37 GMT'],
    ['of asctime', 'Sun Nov  6 08:49:37 2033'],
  ])('by an Expires in the format %s (RFC 9110 §5.6.7)', (_what, value) => {
    const date = 'Sun, 06 Nov 2033 08:48:37 GMT';
    expect(lasting({ date, expires: value })?.freshness.ttlMs).toBe(60_000);
  });

  it('by Expires alone, from now on', () => {
    const given = lasting({ expires: new Date(Date.now() + 60_000).toUTCString() });
    expect(given?.freshness.ttlMs).toBeGreaterThan(50_000);
    expect(given?.freshness.ttlMs).toBeLessThanOrEqual(60_000);
    expect(lasting({ date: 'today', expires: at(-1) })).toBeUndefined();
  });

  it('is left to no chance where the answer says it', () => {
    expect(lasting({})?.freshness.jitter).toBe(0.1);
    for (const headers of [control('max-age=60'), expires(10)]) expect(lasting(headers)?.freshness.jitter).toBe(0);
  });
});

describe('the age of an answer (RFC 9111 §5.1)', () => {
  it.each<[what: string, age: string | undefined, ageMs: number]>([
    ['is none', undefined, 0],
    ['is said', '20', 20_000],
    ['is nothing', '0', 0],
    ['is no number: ignored', 'old', 0],
    ['is said twice: the first counts', '20, 5', 20_000],
    ['is said twice, on two lines: the first counts', '20,5', 20_000],
  ])('that %s', (_what, age, ageMs) => {
    expect(lasting(control('max-age=60', age === undefined ? {} : { age }))?.ageMs).toBe(ageMs);
  });

  it('makes what the options say no shorter', () => {
    expect(lasting({ age: '20' })).toMatchObject({ ageMs: 20_000, freshness: { ttlMs: 7000 } });
  });
});

describe('how long an answer may be stale (RFC 5861)', () => {
  it.each<[what: string, headers: Headers, staleMs: number, staleIfErrorMs: number]>([
    ['nothing: as the options say', {}, 300, 500],
    ['only how long it is fresh', control('max-age=60'), 300, 500],
    ['stale-while-revalidate (§3)', control('max-age=60, stale-while-revalidate=30'), 30_000, 500],
    ['stale-if-error (§4)', control('max-age=60, stale-if-error=30'), 300, 30_000],
    ['both', control('max-age=60, stale-while-revalidate=1, stale-if-error=2'), 1000, 2000],
    ['none of it', control('max-age=60, stale-while-revalidate=0, stale-if-error=0'), 0, 0],
    ['it without a value', control('max-age=60, stale-while-revalidate, stale-if-error'), 0, 0],
    ['it in upper case', control('max-age=60, Stale-While-Revalidate=1'), 1000, 500],
    ['it twice: the lower', control('max-age=60, stale-while-revalidate=9, stale-while-revalidate=1'), 1000, 500],
    ['it for ever: a year', control(`max-age=60, stale-while-revalidate=${'9'.repeat(20)}`), LONGEST_MS, 500],
    ['it without how long it is fresh', control('stale-while-revalidate=1'), 1000, 500],
    ['must-revalidate (RFC 9111 §5.2.2.2)', control('max-age=60, must-revalidate'), 0, 0],
    ['must-revalidate, whatever else', control('max-age=60, must-revalidate, stale-while-revalidate=9'), 0, 0],
    ['Must-Revalidate', control('max-age=60, Must-Revalidate, stale-if-error=9'), 0, 0],
    ['must-revalidate of what the options let last', control('must-revalidate'), 0, 0],
    ['proxy-revalidate (RFC 9111 §5.2.2.8)', control('max-age=60, proxy-revalidate, stale-if-error=9'), 0, 0],
    ['s-maxage (RFC 9111 §5.2.2.10)', control('s-maxage=60'), 0, 0],
    ['s-maxage, and that it may', control('s-maxage=60, stale-while-revalidate=1, stale-if-error=2'), 1000, 2000],
    ['s-maxage, and that it may for errors', control('s-maxage=60, stale-if-error=2'), 0, 2000],
  ])('that says %s', (_what, headers, staleMs, staleIfErrorMs) => {
    expect(lasting(headers)?.freshness).toMatchObject({ staleMs, staleIfErrorMs });
  });

  it.each<[what: string, headers: Headers, left: { staleMs: number; staleIfErrorMs: number } | undefined]>([
    [
      'and may be stale for a minute',
      control('max-age=0, stale-while-revalidate=60'),
      { staleMs: 60_000, staleIfErrorMs: 500 },
    ],
    [
      'by its Age, and may be stale for what is left of a minute',
      control('max-age=10, stale-while-revalidate=60, stale-if-error=90', { age: '30' }),
      { staleMs: 40_000, staleIfErrorMs: 70_000 },
    ],
    [
      'by its Age, and may be stale no longer',
      control('max-age=10, stale-while-revalidate=60', { age: '70' }),
      undefined,
    ],
    ['and may be stale for no time', control('max-age=0, stale-while-revalidate=0'), undefined],
    ['and may be stale for errors only', control('max-age=0, stale-if-error=60'), undefined],
    ['and must be revalidated', control('max-age=0, must-revalidate, stale-while-revalidate=60'), undefined],
  ])('where it is expired from the beginning %s', (_what, headers, left) => {
    const given = lasting(headers)?.freshness;
    expect(given && { staleMs: given.staleMs, staleIfErrorMs: given.staleIfErrorMs }).toEqual(left);
    if (given !== undefined) expect(given.ttlMs).toBe(1);
  });
});
