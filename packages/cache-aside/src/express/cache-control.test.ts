import { describe, expect, it } from 'vitest';
import { directivesOf, secondsOf } from './cache-control.ts';

describe('a Cache-Control (RFC 9111 §5.2)', () => {
  it.each<[what: string, field: string | undefined, directives: Readonly<Record<string, string | boolean>>]>([
    ['is not there', undefined, {}],
    ['is empty', '', {}],
    ['is commas only', ' , ,, ', {}],
    ['has one directive', 'no-store', { 'no-store': true }],
    ['is in upper case', 'No-Store, MAX-AGE=60', { 'no-store': true, 'max-age': '60' }],
    ['has no spaces', 'public,max-age=60', { public: true, 'max-age': '60' }],
    ['has spaces and tabs', '\tpublic ,\t max-age=60 ', { public: true, 'max-age': '60' }],
    ['has spaces where there may be none', 'max-age = 60', { 'max-age': '60' }],
    ['forgets its commas', 'public max-age=60', { public: true, 'max-age': '60' }],
    ['has a semicolon for a comma', 'max-age=60; no-store', { 'max-age': '60', 'no-store': true }],
    ['quotes a number', 'max-age="60"', { 'max-age': '60' }],
    ['quotes a list', 'private="set-cookie, x-a", max-age=1', { private: 'set-cookie, x-a', 'max-age': '1' }],
    ['quotes what looks like a directive', 'ext="a, no-store"', { ext: 'a, no-store' }],
    ['escapes in quotes', 'ext="a\\", no-store, \\"b"', { ext: 'a", no-store, "b' }],
    ['quotes nothing', 'max-age=""', { 'max-age': '' }],
    ['has no value', 'max-age=, public', { 'max-age': '', public: true }],
    ['does not end its quotes', 'ext="a, no-store', { ext: '', a: true, 'no-store': true }],
    ['has quotes of one stroke', "max-age='60'", { 'max-age': "'60'" }],
    ['has names of the language', '__proto__=1, constructor', { ['__proto__']: '1', constructor: true }],
    ['begins with an equals sign', '=60, public', { '60': true, public: true }],
  ])('that %s', (_what, field, directives) => {
    expect([...directivesOf(field)]).toEqual(Object.entries(directives));
  });

  it.each<[what: string, field: string, value: string | true]>([
    ['the lower of two counts', 'max-age=60, max-age=30', '30'],
    ['the lower of two counts, wherever', 'max-age=30, max-age=60', '30'],
    ['the lower counts, also as text it is higher', 'max-age=9, max-age=10', '9'],
    ['the lower counts of three', 'max-age=60, max-age=10, max-age=30', '10'],
    ['the lower counts, in whichever case it is', 'max-age=60, Max-Age=30', '30'],
    ['the lower counts, in whichever case the other is', 'max-age=30, Max-Age=60', '30'],
    ['the lower counts, quoted', 'max-age=60, max-age="30"', '30'],
    ['one without a value counts', 'max-age=60, max-age', true],
    ['one without a value counts, wherever', 'max-age, max-age=60', true],
    ['one that is no number counts', 'max-age=60, max-age=x', 'x'],
    ['one that is no number counts, wherever', 'max-age=x, max-age=60', 'x'],
    ['one that is no number counts, between others', 'max-age=60, max-age=x, max-age=30', 'x'],
    ['one below zero counts', 'max-age=60, max-age=-1', '-1'],
    ['all names count', 'max-age="a", max-age="b, c"', 'a,b, c'],
    ['one without names counts', 'max-age="a", max-age', true],
    ['one without names counts, wherever', 'max-age, max-age="a"', true],
  ])('of a directive that is given more than once (§4.2.1): %s', (_what, field, value) => {
    expect(directivesOf(field).get('max-age')).toBe(value);
  });

  it('is read in time, however long it is', () => {
    const from = performance.now();
    for (const part of ['a="\\', '=', '"', 'a ', 'a=', ',a="', '\\"']) directivesOf(part.repeat(20_000));
    expect(performance.now() - from).toBeLessThan(1000);
  });
});

describe('a delta-seconds (RFC 9111 §1.2.2)', () => {
  it.each<[value: string | true | undefined, ms: number | undefined]>([
    [undefined, undefined],
    ['0', 0],
    ['1', 1000],
    ['060', 60_000],
    ['2147483647', 2_147_483_647_000],
    ['2147483648', 2_147_483_648_000],
    ['2147483649', 2_147_483_648_000],
    ['99999999999999999999', 2_147_483_648_000],
    ['9'.repeat(400), 2_147_483_648_000],
  ])('%s is %s ms', (value, ms) => {
    expect(secondsOf(value)).toBe(ms);
  });

  it.each<[value: string | true]>([
    [true],
    [''],
    ['-1'],
    ['+1'],
    ['1.5'],
    ['1e3'],
    ['0x10'],
    [' 1'],
    ['1s'],
    ['1, 2'],
    ["'1'"],
    ['١'],
    ['Infinity'],
  ])('that is %j is none, and nothing is fresh by it (§4.2.1)', (value) => {
    expect(secondsOf(value)).toBe(0);
  });
});
