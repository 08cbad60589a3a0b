import { describe, expect, it } from 'vitest';
import { isNotModified, isOf304, isSameRange } from './conditional.ts';

const DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';
const LATER = 'Thu, 01 Jan 2026 00:00:01 GMT';
const EARLIER = 'Wed, 31 Dec 2025 23:59:59 GMT';

describe('If-None-Match (RFC 9110 §13.1.2)', () => {
  it.each<[list: string, etag: string | undefined, isSame: boolean]>([
    ['"a"', '"a"', true],
    ['"a"', '"b"', false],
    ['"a"', '"A"', false],
    ['"a"', undefined, false],
    ['"a"', '', false],
    // Weakly: §8.8.3.2.
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['W/"a"', 'W/"a"', true],
    ['W/"a"', 'W/"b"', false],
    ['"b", "a"', '"a"', true],
    ['"b","a"', '"a"', true],
    ['W/"b", W/"a" ,"c"', '"a"', true],
    ['"b", "c"', '"a"', false],
    ['"a,b"', '"a,b"', true],
    ['"a,b"', '"a"', false],
    ['"a,b"', '"b"', false],
    ['"a, "', '", "', false],
    ['"x", "a,b", "y"', 'W/"a,b"', true],
    ['""', '""', true],
    ['"W/"', '"W/"', true],
    ['"*"', '"a"', false],
    ['*', '"a"', true],
    ['*', undefined, true],
    [' * ', '"a"', true],
    ['**', '"a"', false],
    ['"a', '"a"', false],
    ['a', '"a"', false],
    ['a', 'a', false],
    ['', '""', false],
    ['', undefined, false],
    ['"é"', '"é"', true],
    ['"a\\"', '"a\\"', true],
  ])('%s where the page has %s: %s', (list, etag, isSame) => {
    expect(isNotModified({ 'if-none-match': list }, { etag })).toBe(isSame);
  });

  it.each<[list: string, since: string, isSame: boolean]>([
    ['"b"', LATER, false],
    ['', LATER, false],
    ['"a"', EARLIER, true],
  ])('%j is asked, and If-Modified-Since is not (§13.1.3)', (list, since, isSame) => {
    const conditions = { 'if-none-match': list, 'if-modified-since': since };
    expect(isNotModified(conditions, { etag: '"a"', 'last-modified': DATE })).toBe(isSame);
  });

  it('is read in time, however long it is', () => {
    const from = performance.now();
    for (const part of ['"', 'W/', 'W/"a",', ' ', '"a'])
      isNotModified({ 'if-none-match': part.repeat(20_000) }, { etag: '"x"' });
    expect(performance.now() - from).toBeLessThan(1000);
  });
});

describe('If-Modified-Since (RFC 9110 §13.1.3)', () => {
  it.each<[since: string, modified: string | undefined, isSame: boolean]>([
    [DATE, DATE, true],
    [LATER, DATE, true],
    [EARLIER, DATE, false],
    [DATE, undefined, false],
    [DATE, 'yesterday', false],
    // The other formats of §5.6.7.
    ['Thursday, 01-Jan-26 00:00:00 GMT', DATE, true],
    ['Thu Jan  1 00:00:00 2026', DATE, true],
    // What is no date is ignored.
    ['', DATE, false],
    ['now', DATE, false],
    [`${DATE}, ${LATER}`, DATE, false],
    ['9999', DATE, false],
    ['2027-01-01', DATE, false],
    ['2027-01-01T00:00:00Z', DATE, false],
  ])('%j of a page of %j: %s', (since, modified, isSame) => {
    expect(isNotModified({ 'if-modified-since': since }, { 'last-modified': modified })).toBe(isSame);
  });
});

it('nothing asked is always modified', () => {
  expect(isNotModified({}, { etag: '"a"', 'last-modified': DATE })).toBe(false);
});

describe('If-Range (RFC 9110 §13.1.5)', () => {
  it.each<[given: string | undefined, headers: Record<string, string>, isSame: boolean]>([
    [undefined, {}, true],
    ['"a"', { etag: '"a"' }, true],
    [' "a" ', { etag: '"a"' }, true],
    ['"a"', { etag: '"b"' }, false],
    ['"a"', {}, false],
    // Strongly: §8.8.3.2.
    ['"a"', { etag: 'W/"a"' }, false],
    ['W/"a"', { etag: 'W/"a"' }, false],
    ['W/"a"', { etag: '"a"' }, false],
    // One, and no list.
    ['"a", "b"', { etag: '"a"' }, false],
    ['*', { etag: '"a"' }, false],
    ['', { etag: '"a"' }, false],
    ['', {}, false],
    [DATE, { 'last-modified': DATE }, true],
    [DATE, { 'last-modified': EARLIER }, false],
    [DATE, { 'last-modified': LATER }, false],
    [DATE, { etag: '"a"' }, false],
    ['yesterday', { 'last-modified': 'yesterday' }, false],
    // Which JavaScript takes for a date.
    ['W/"1"', { etag: 'W/"1"', 'last-modified': 'Mon, 01 Jan 2001 00:00:00 GMT' }, false],
    ['2026', { 'last-modified': DATE }, false],
  ])('%j of a page of %j: %s', (given, headers, isSame) => {
    expect(isSameRange(given, headers)).toBe(isSame);
  });
});

describe('a 304 says (RFC 9110 §15.4.5)', () => {
  it.each<[name: string]>([
    ['ETag'],
    ['Cache-Control'],
    ['Content-Location'],
    ['content-location'],
    ['Expires'],
    ['Vary'],
    ['Age'],
    ['X-Content-Type'],
  ])('%s', (name) => {
    expect(isOf304(name)).toBe(true);
  });

  it.each<[name: string]>([
    ['Content-Type'],
    ['content-length'],
    ['Content-Encoding'],
    ['CONTENT-LANGUAGE'],
    ['Content-Range'],
    ['Last-Modified'],
  ])('nothing of %s', (name) => {
    expect(isOf304(name)).toBe(false);
  });
});
