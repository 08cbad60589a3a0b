import { describe, expect, it } from 'vitest';
import { directivesOf } from '../express/cache-control.ts';
import { explicitLifetimeMs } from './freshness.ts';

const DATE = 'Wed, 01 Jan 2025 00:00:00 GMT';
const IN_AN_HOUR = 'Wed, 01 Jan 2025 01:00:00 GMT';
const AN_HOUR_AGO = 'Tue, 31 Dec 2024 23:00:00 GMT';

const lifetime = (cacheControl: string, expires?: string): number | undefined =>
  explicitLifetimeMs({ directives: directivesOf(cacheControl), expires, dateMs: Date.parse(DATE) });

describe('how long an answer is fresh by its own word (RFC 9111 §4.2.1)', () => {
  it.each<[what: string, cacheControl: string, expires: string | undefined, ms: number | undefined]>([
    ['is not said by nothing', '', undefined, undefined],
    ['is not said by other directives', 'public, must-revalidate', undefined, undefined],
    ['is max-age', 'max-age=60', undefined, 60_000],
    ['is s-maxage before max-age', 'max-age=60, s-maxage=30', undefined, 30_000],
    ['is s-maxage before max-age, also a longer one', 's-maxage=90, max-age=60', undefined, 90_000],
    ['is s-maxage before max-age, also 0', 'max-age=60, s-maxage=0', undefined, 0],
    ['is max-age before Expires', 'max-age=60', IN_AN_HOUR, 60_000],
    ['is max-age before an Expires that is past', 'max-age=60', AN_HOUR_AGO, 60_000],
    ['is Expires less Date', '', IN_AN_HOUR, 3_600_000],
    ['is 0, where Expires is past', '', AN_HOUR_AGO, 0],
    ['is 0, where Expires is Date', '', DATE, 0],
    ['is 0 by max-age=0, whatever Expires says', 'max-age=0', IN_AN_HOUR, 0],
  ])('%s', (_what, cacheControl, expires, ms) => {
    expect(lifetime(cacheControl, expires)).toBe(ms);
  });

  it.each<[what: string, cacheControl: string]>([
    ['a decimal', 'max-age=60.5'],
    ['below zero', 'max-age=-60'],
    ['in single quotes', "max-age='60'"],
    ['with a unit', 'max-age=60s'],
    ['empty', 'max-age='],
    ['without a value', 'max-age'],
    ['in s-maxage, with a max-age', 's-maxage=x, max-age=60'],
  ])('is 0 by what cannot be read: %s', (_what, cacheControl) => {
    expect(lifetime(cacheControl, IN_AN_HOUR)).toBe(0);
  });

  it.each<[what: string, cacheControl: string, ms: number]>([
    ['in upper case', 'MAX-AGE=60', 60_000],
    ['quoted', 'max-age="60"', 60_000],
    ['with leading zeros', 'max-age=0060', 60_000],
    ['among what nobody knows', 'foo, bar="max-age=1", max-age=60', 60_000],
    ['twice: the lower', 'max-age=60, max-age=30', 30_000],
    ['longer than 32 bits can count (§1.2.2)', 'max-age=99999999999', 2_147_483_648_000],
  ])('is max-age %s', (_what, cacheControl, ms) => {
    expect(lifetime(cacheControl)).toBe(ms);
  });

  it.each<[what: string, expires: string]>([
    ['0', '0'],
    ['-1', '-1'],
    ['a number', '1735693200'],
    ['a word', 'never'],
    ['an ISO date', '2025-01-01T01:00:00Z'],
    ['another zone', 'Wed, 01 Jan 2025 01:00:00 EST'],
    ['two dates', `${IN_AN_HOUR}, ${IN_AN_HOUR}`],
    ['nothing', ''],
  ])('is 0 by an Expires that is no date (§5.3): %s', (_what, expires) => {
    expect(lifetime('', expires)).toBe(0);
  });
});
