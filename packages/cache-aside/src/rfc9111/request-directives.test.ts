import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type Wants, wantsOf } from './request-directives.ts';

const ANYTHING: Wants = {
  isNoCache: false,
  isNoStore: false,
  isOnlyIfCached: false,
  maxAgeMs: Infinity,
  minFreshMs: 0,
  maxStaleMs: undefined,
  staleIfErrorMs: 0,
};

describe('what a client wants (RFC 9111 §5.2.1)', () => {
  it.each<[cacheControl: string | undefined, wants: Partial<Wants>]>([
    [undefined, {}],
    ['', {}],
    ['nothing-to-see-here', {}],
    ['max-age=60', { maxAgeMs: 60_000 }],
    ['MAX-AGE="60"', { maxAgeMs: 60_000 }],
    ['max-age=60, max-age=30', { maxAgeMs: 30_000 }],
    ['max-age=0', { isNoCache: true, maxAgeMs: 0 }],
    ['max-age=x', { isNoCache: true, maxAgeMs: 0 }],
    ['max-age=99999999999', { maxAgeMs: 2_147_483_648_000 }],
    ['max-stale', { maxStaleMs: Infinity }],
    ['max-stale=60', { maxStaleMs: 60_000 }],
    ['max-stale=0', { maxStaleMs: 0 }],
    ['max-stale=1.5', { maxStaleMs: 0 }],
    ['min-fresh=60', { minFreshMs: 60_000 }],
    ['No-Cache', { isNoCache: true }],
    ['no-store', { isNoStore: true }],
    ['only-if-cached, max-stale=60', { isOnlyIfCached: true, maxStaleMs: 60_000 }],
    ['stale-if-error=60', { staleIfErrorMs: 60_000 }],
    ['no-transform', {}],
  ])('by Cache-Control: %j', (cacheControl, wants) => {
    expect(wantsOf({ 'cache-control': cacheControl })).toEqual({ ...ANYTHING, ...wants });
  });

  it.each<[what: string, headers: IncomingHttpHeaders, isNoCache: boolean]>([
    ['counts where there is no Cache-Control', { pragma: 'no-cache' }, true],
    ['counts in whatever case', { pragma: 'No-Cache' }, true],
    ['does not count beside a Cache-Control', { pragma: 'no-cache', 'cache-control': 'max-stale' }, false],
    ['means nothing by other words', { pragma: 'foo' }, false],
  ])('Pragma %s (§5.4)', (_what, headers, isNoCache) => {
    expect(wantsOf(headers).isNoCache).toBe(isNoCache);
  });
});
