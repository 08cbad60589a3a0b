import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { isWithin, union, variantOf } from './variants.ts';

const codings = (accepted: string | undefined): string =>
  variantOf(['accept-encoding'], accepted === undefined ? {} : { 'accept-encoding': accepted });

describe('two requests ask for one variant (RFC 9111 §4.1)', () => {
  it.each<[what: string, fields: string[], one: IncomingHttpHeaders, other: IncomingHttpHeaders]>([
    ['where nothing counts', [], { accept: 'a' }, { accept: 'b' }],
    ['where they differ in another field', ['accept'], { accept: 'a', host: 'a' }, { accept: 'a', host: 'b' }],
    ['where both say nothing', ['accept'], {}, { host: 'a' }],
    ['where a field has the name of what every object has', ['constructor', '__proto__'], {}, { host: 'a' }],
  ])('%s', (_what, fields, one, other) => {
    expect(variantOf(fields, one)).toBe(variantOf(fields, other));
  });

  it.each([
    ['gzip, br', 'br,gzip'],
    ['GZip, Br', 'gzip, br'],
    ['gzip,  deflate ,br', 'br, deflate, gzip'],
    ['identity', ''],
    ['gzip, identity', 'gzip'],
  ])('that take the same codings: %j and %j', (one, other) => {
    expect(codings(one)).toBe(codings(other));
  });
});

describe('two requests ask for two variants', () => {
  it.each<[what: string, fields: string[], one: IncomingHttpHeaders, other: IncomingHttpHeaders]>([
    ['by a value', ['accept'], { accept: 'a' }, { accept: 'b' }],
    ['by a field that is missing, and one that is empty', ['accept'], {}, { accept: '' }],
    ['by a field that is missing, and one that says so', ['accept'], {}, { accept: 'null' }],
    ['by a field that is missing, and one that says undefined', ['accept'], {}, { accept: 'undefined' }],
    ['by spaces', ['accept'], { accept: 'a,b' }, { accept: 'a, b' }],
    ['by its case', ['x-plan'], { 'x-plan': 'Pro' }, { 'x-plan': 'pro' }],
    ['by which of two fields says it', ['x-a', 'x-b'], { 'x-a': '1' }, { 'x-b': '1' }],
    ['by where one ends', ['x-a', 'x-b'], { 'x-a': '1","2', 'x-b': '' }, { 'x-a': '1', 'x-b': '2' }],
    ['by lone surrogates', ['x-a'], { 'x-a': '\uD800' }, { 'x-a': '\uDFFF' }],
    ['by NUL', ['x-a'], { 'x-a': 'a\u0000b' }, { 'x-a': 'ab' }],
    ['by a name that every object has', ['constructor'], {}, { constructor: 'a' }],
  ])('%s', (_what, fields, one, other) => {
    expect(variantOf(fields, one)).not.toBe(variantOf(fields, other));
  });

  it('by the fields that count', () => {
    expect(variantOf(['x-a'], {})).not.toBe(variantOf(['x-b'], {}));
    expect(variantOf(['x-a'], {})).not.toBe(variantOf(['x-a', 'x-b'], {}));
    expect(variantOf([], {})).not.toBe(variantOf(['x-a'], {}));
  });

  it.each<[one: string | undefined, other: string | undefined]>([
    ['gzip', 'br'],
    ['gzip', 'gzip, br'],
    ['gzip', ''],
    ['gzip', undefined],
    ['', undefined],
    ['gzip', 'gzip;q=0'],
    ['gzip', 'gzip;q=0.5'],
    ['gzip, br;q=0', 'gzip, br'],
    ['gzip', '*'],
    ['*', ''],
    ['identity;q=0', 'identity'],
    // A coding this package has never heard of is one all the same: RFC 9842 has added two.
    ['gzip, dcb', 'gzip'],
  ])('that take other codings (RFC 9110 §12.5.3): %j and %j', (one, other) => {
    expect(codings(one)).not.toBe(codings(other));
  });
});

it('fields are joined in one order, each once', () => {
  expect(union(['b', 'a'], ['c', 'a'])).toEqual(['a', 'b', 'c']);
  expect(union([], [])).toEqual([]);
});

it('fields are within others when each of them is', () => {
  expect(isWithin([], [])).toBe(true);
  expect(isWithin(['a'], ['b', 'a'])).toBe(true);
  expect(isWithin(['a', 'c'], ['b', 'a'])).toBe(false);
});
