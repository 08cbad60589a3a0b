import { describe, expect, it } from 'vitest';
import { directivesOf } from '../express/cache-control.ts';
import { isStrict, stalenessBy } from './stale.ts';

describe('an answer is never served stale (RFC 9111 §4.2.4)', () => {
  it.each([
    'must-revalidate',
    'Proxy-Revalidate',
    's-maxage=60',
    'no-cache',
    'max-age=60, must-revalidate, stale-if-error=60',
    's-maxage=60, stale-while-revalidate=60',
  ])('by its %j', (cacheControl) => {
    const directives = directivesOf(cacheControl);
    expect(isStrict(directives)).toBe(true);
    expect(stalenessBy(directives, { staleMs: 5000, staleIfErrorMs: 5000 })).toEqual({ staleMs: 0, staleIfErrorMs: 0 });
  });

  it.each(['', 'max-age=60', 'no-cache="set-cookie", max-age=60', 'ext="must-revalidate"', 'public'])(
    'but may be by its %j',
    (cacheControl) => {
      expect(isStrict(directivesOf(cacheControl))).toBe(false);
    },
  );
});

describe('how long an answer may be stale (RFC 5861)', () => {
  it.each<[what: string, cacheControl: string, agreedMs: number, staleMs: number, staleIfErrorMs: number]>([
    ['is nothing, where nothing is said', 'max-age=60', 0, 0, 0],
    ['is as agreed, where nothing is said', 'max-age=60', 7000, 7000, 7000],
    ['is by its own word (§3)', 'stale-while-revalidate=60', 0, 60_000, 0],
    ['is by its own word in place of an error (§4)', 'stale-if-error=60', 0, 0, 60_000],
    ['is by its own word before what is agreed', 'stale-while-revalidate=1, stale-if-error=2', 7000, 1000, 2000],
    ['is nothing by its own word before what is agreed', 'stale-while-revalidate=0, stale-if-error=0', 7000, 0, 0],
    ['is nothing by what cannot be read', 'stale-while-revalidate=x, stale-if-error', 7000, 0, 0],
  ])('%s', (_what, cacheControl, agreedMs, staleMs, staleIfErrorMs) => {
    const agreed = { staleMs: agreedMs, staleIfErrorMs: agreedMs };
    expect(stalenessBy(directivesOf(cacheControl), agreed)).toEqual({ staleMs, staleIfErrorMs });
  });
});
