import { describe, expect, it } from 'vitest';
import { variantOf } from '../express/variants.ts';
import { normalField } from './vary.ts';

const variant = (field: string, value: string | string[] | undefined): string =>
  variantOf([field], value === undefined ? {} : { [field]: value }, normalField);

describe('two requests match (RFC 9111 §4.1)', () => {
  it.each<[field: string, one: string | string[] | undefined, other: string | string[] | undefined]>([
    ['foo', undefined, undefined],
    ['foo', '1', '1'],
    ['foo', '1, 2', '1,2'],
    ['foo', ' 1 ,\t2 ', '1,2'],
    ['foo', ['1', '2'], '1, 2'],
    ['accept-language', 'en, de', 'eN, De'],
    ['accept-language', 'en;q=1, de', 'en;q=1,de'],
    ['accept-encoding', 'gzip, br', 'br, gzip'],
  ])('by %s: %j and %j', (field, one, other) => {
    expect(variant(field, one)).toBe(variant(field, other));
  });
});

describe('two requests do not match', () => {
  it.each<[field: string, one: string | undefined, other: string | undefined]>([
    ['foo', '1', '2'],
    ['foo', '1', undefined],
    ['foo', '', undefined],
    ['foo', 'a', 'A'],
    ['foo', '1, 2', '2, 1'],
    ['foo', '1 2', '12'],
    ['foo', '"a, b"', '"a,b"'],
    ['accept-language', 'en, de', 'de, en'],
  ])('by %s: %j and %j', (field, one, other) => {
    expect(variant(field, one)).not.toBe(variant(field, other));
  });
});
