import { describe, expect, it } from 'vitest';
import type { PageHead } from '../express/page.ts';
import { wantsOf } from './request-directives.ts';
import { type Use, isAlwaysValidated, standsIn, useOf } from './reuse.ts';

/** Fresh for 60 s. */
const PAGE: PageHead = {
  bornMs: 0,
  ageMs: 0,
  lifetimeMs: 60_000,
  staleness: { staleMs: 0, staleIfErrorMs: 0 },
  mustValidate: false,
  isStrict: false,
  canValidate: true,
};

const STALE_ALLOWED = { staleness: { staleMs: 30_000, staleIfErrorMs: 30_000 } };
const wants = (cacheControl: string): ReturnType<typeof wantsOf> => wantsOf({ 'cache-control': cacheControl });

describe('what a stored answer may be used for (RFC 9111 §4)', () => {
  it.each<[what: string, more: Partial<PageHead>, cacheControl: string, atMs: number, use: Use]>([
    ['it is fresh until its age is its lifetime', {}, '', 59_999, 'fresh'],
    ['and then stale (§4.2)', {}, '', 60_000, 'validated'],
    ['the age it had counts', { ageMs: 50_000 }, '', 10_000, 'validated'],
    ['a fresh must-revalidate is fresh (§5.2.2.2)', { isStrict: true }, '', 59_999, 'fresh'],
    ['no-cache is never (§5.2.2.4)', { mustValidate: true }, '', 1, 'validated'],

    ['no-cache of the request (§5.2.1.4)', {}, 'no-cache', 1, 'validated'],
    ['max-age of the request, just', {}, 'max-age=10', 10_000, 'fresh'],
    ['max-age of the request, no more (§5.2.1.1)', {}, 'max-age=10', 10_001, 'validated'],
    ['max-age of the request counts the age it had', { ageMs: 5000 }, 'max-age=10', 5001, 'validated'],
    ['max-age=0 of the request', {}, 'max-age=0', 1, 'validated'],
    ['min-fresh, just', {}, 'min-fresh=10', 50_000, 'fresh'],
    ['min-fresh, no more (§5.2.1.3)', {}, 'min-fresh=10', 50_001, 'validated'],
    ['max-stale is no reason not to take what is fresh', {}, 'max-stale', 10, 'fresh'],
    ['max-stale (§5.2.1.2)', {}, 'max-stale', 900_000, 'stale'],
    ['max-stale, just', {}, 'max-stale=10', 70_000, 'stale'],
    ['max-stale, no more', {}, 'max-stale=10', 70_001, 'validated'],
    ['max-stale, not of what is strict (§4.2.4)', { isStrict: true }, 'max-stale', 60_001, 'validated'],
    ['max-stale, not of no-cache', { mustValidate: true, isStrict: true }, 'max-stale', 1, 'validated'],
    ['max-stale, not with no-cache', {}, 'max-stale, no-cache', 60_001, 'validated'],
    ['max-stale, not beyond max-age', {}, 'max-stale, max-age=65', 65_001, 'validated'],
    ['max-stale, within max-age', {}, 'max-stale, max-age=65', 64_000, 'stale'],

    ['stale-while-revalidate, just (RFC 5861 §3)', STALE_ALLOWED, '', 89_999, 'meanwhile'],
    ['stale-while-revalidate, no more', STALE_ALLOWED, '', 90_000, 'validated'],
    ['stale-while-revalidate, not for who names an age', STALE_ALLOWED, 'max-age=1000', 70_000, 'validated'],
    ['stale-while-revalidate, not for who wants it fresh', STALE_ALLOWED, 'min-fresh=1', 70_000, 'validated'],
    ['stale-while-revalidate, not of what is strict', { ...STALE_ALLOWED, isStrict: true }, '', 70_000, 'validated'],
  ])('%s', (_what, more, cacheControl, atMs, use) => {
    expect(useOf({ ...PAGE, ...more }, wants(cacheControl), atMs)).toBe(use);
  });
});

describe('a stored answer may be used in place of an error (RFC 5861 §4, RFC 9111 §4.2.4)', () => {
  it.each<[what: string, more: Partial<PageHead>, cacheControl: string, atMs: number, isSo: boolean]>([
    ['for as long as it says', STALE_ALLOWED, '', 89_999, true],
    ['and no longer', STALE_ALLOWED, '', 90_000, false],
    ['not where nobody says so', {}, '', 60_001, false],
    ['where the request says so', {}, 'stale-if-error=10', 69_999, true],
    ['where the request says so, and no longer', {}, 'stale-if-error=10', 70_000, false],
    ['not where it is strict', { ...STALE_ALLOWED, isStrict: true }, 'stale-if-error=60', 61_000, false],
    ['not where it is never used unasked', { ...STALE_ALLOWED, mustValidate: true }, '', 10, false],
    ['not for who wants what holds', STALE_ALLOWED, 'no-cache', 61_000, false],
    ['not for who names a lower age', STALE_ALLOWED, 'max-age=10', 61_000, false],
  ])('%s', (_what, more, cacheControl, atMs, isSo) => {
    expect(standsIn({ ...PAGE, ...more }, wants(cacheControl), atMs)).toBe(isSo);
  });
});

describe('nobody can use another’s answer (RFC 9111 §4)', () => {
  it.each<[what: string, more: Partial<PageHead>, isSo: boolean]>([
    ['not one that is fresh', {}, false],
    ['that is no-cache', { mustValidate: true }, true],
    ['that is never fresh', { lifetimeMs: 0 }, true],
    ['that has arrived stale', { ageMs: 60_000 }, true],
    ['not one that has arrived stale and may be used so', { ageMs: 60_000, ...STALE_ALLOWED }, false],
    ['that has arrived too stale for that', { ageMs: 90_000, ...STALE_ALLOWED }, true],
  ])('%s', (_what, more, isSo) => {
    expect(isAlwaysValidated({ ...PAGE, ...more })).toBe(isSo);
  });
});
