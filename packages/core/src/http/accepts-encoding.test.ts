import { describe, expect, it } from 'vitest';
import { acceptsEncoding } from './accepts-encoding.ts';

describe('a content coding and an Accept-Encoding (RFC 9110 §12.5.3)', () => {
  it.each<[header: string | undefined, coding: string, accepted: boolean]>([
    ['gzip', 'gzip', true],
    ['GZip', 'gzip', true],
    ['x-gzip', 'gzip', true],
    ['gzip', 'x-gzip', true],
    ['deflate, gzip;q=0.5', 'gzip', true],
    ['gzip ; q = 0.001', 'gzip', true],
    ['gzip;q=0', 'gzip', false],
    ['gzip;q=0.000, *', 'gzip', false],
    ['gzip;q=much', 'gzip', false],
    ['br', 'gzip', false],
    ['identity', 'gzip', false],
    ['*', 'gzip', true],
    ['*;q=0', 'gzip', false],
    ['gzip, *;q=0', 'gzip', true],
    ['identity;q=0', 'gzip', false],
    ['', 'gzip', false],
    [undefined, 'gzip', false],
  ])('%s takes %s: %s', (header, coding, accepted) => {
    expect(acceptsEncoding(header, coding)).toBe(accepted);
  });
});
