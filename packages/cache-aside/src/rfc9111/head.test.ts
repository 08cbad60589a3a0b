import { describe, expect, it } from 'vitest';
import type { Page } from '../express/page.ts';
import { reportOf } from './head.ts';

const PAGE: Page = {
  recording: {
    status: 200,
    statusMessage: undefined,
    headers: [
      ['ETag', '"a"'],
      ['Last-Modified', 'Wed, 01 Jan 2025 00:00:00 GMT'],
      ['X-Was', '1'],
    ],
    removed: [],
    body: Buffer.from('12345'),
    isOverCap: false,
  },
  bornMs: 0,
  ageMs: 0,
  lifetimeMs: 60_000,
  staleness: { staleMs: 0, staleIfErrorMs: 0 },
  mustValidate: false,
  isStrict: false,
  canValidate: true,
};

describe('a HEAD tells of a stored answer (RFC 9111 §4.3.5)', () => {
  it.each<[what: string, headers: Record<string, string>, isSame: boolean]>([
    ['that it is the same, where it says nothing else', {}, true],
    ['that it is the same, by all it says', { etag: '"a"', 'content-length': '5' }, true],
    ['that it is another, by its ETag', { etag: '"b"' }, false],
    ['that it is another, by its Last-Modified', { 'last-modified': 'Thu, 02 Jan 2025 00:00:00 GMT' }, false],
    ['that it is another, by its length', { etag: '"a"', 'content-length': '6' }, false],
    ['that it is another, where it had no ETag', { etag: 'W/"a"' }, false],
  ])('%s', (_what, headers, isSame) => {
    expect(reportOf(PAGE, { status: 200, headers })?.isSame).toBe(isSame);
  });

  it('what it says now, by the names that are stored', () => {
    const said = {
      etag: '"a"',
      'x-was': '2',
      'x-new': '1',
      'set-cookie': 'a=1,b=2',
      connection: 'x-hop',
      'x-hop': '1',
    };
    expect(reportOf(PAGE, { status: 200, headers: said })?.headers).toEqual([
      ['ETag', '"a"'],
      ['X-Was', '2'],
      ['x-new', '1'],
    ]);
  });

  it.each([304, 404, 410, 500, 206])('nothing, when it is answered with %s', (status) => {
    expect(reportOf(PAGE, { status, headers: {} })).toBeUndefined();
  });
});
