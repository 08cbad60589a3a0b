import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Member, dictionaryOf } from './dictionary.ts';

const TRUE: Member = { type: 'boolean', value: true };

describe('a dictionary (RFC 8941 §3.2)', () => {
  it.each<[field: string, members: Record<string, Member>]>([
    ['', {}],
    ['   ', {}],
    ['a', { a: TRUE }],
    ['a, b', { a: TRUE, b: TRUE }],
    ['a ,\tb', { a: TRUE, b: TRUE }],
    ['a=1', { a: { type: 'integer', value: 1 } }],
    ['a=-15', { a: { type: 'integer', value: -15 } }],
    ['a=999999999999999', { a: { type: 'integer', value: 999_999_999_999_999 } }],
    ['a=1.5', { a: { type: 'decimal', value: 1.5 } }],
    ['a=?0', { a: { type: 'boolean', value: false } }],
    ['a=?1', { a: TRUE }],
    ['a="b \\"c\\" \\\\"', { a: { type: 'string', value: 'b "c" \\' } }],
    ['a="x, y=1"', { a: { type: 'string', value: 'x, y=1' } }],
    ['a=Token/*:1', { a: { type: 'token', value: 'Token/*:1' } }],
    ['a=:aGk=:', { a: { type: 'bytes', value: ':aGk=:' } }],
    ['a=(1 "b";c d), e', { a: { type: 'list' }, e: TRUE }],
    ['a=()', { a: { type: 'list' } }],
    ['a=( 1 )', { a: { type: 'list' } }],
    ['*a.b-c_1=1', { '*a.b-c_1': { type: 'integer', value: 1 } }],
  ])('%j', (field, members) => {
    expect([...(dictionaryOf(field) ?? [])]).toEqual(Object.entries(members));
  });

  it.each(['a=1;b', 'a=1;b=2;c="d"', 'a=1; b', 'a=1;b=?0'])('leaves parameters out: %j', (field) => {
    expect([...(dictionaryOf(field) ?? [])]).toEqual([['a', { type: 'integer', value: 1 }]]);
  });

  it('lets the last of a name count, in its place', () => {
    expect([...(dictionaryOf('a=1, b, a=2') ?? [])]).toEqual([
      ['b', TRUE],
      ['a', { type: 'integer', value: 2 }],
    ]);
  });

  it.each([
    'A=1',
    'MAX-age=1',
    '1a',
    'a =1',
    'a= 1',
    'a=',
    'a,',
    'a,,b',
    ',a',
    'a b',
    'a; =1',
    'a=1;B',
    'a=1.',
    'a=1.2345',
    'a=1000000000000000',
    'a=1234567890123.1',
    'a=-',
    'a="b',
    'a="b\\c"',
    'a="é"',
    "a='b'",
    'a=?2',
    'a=:a',
    'a=(1 2',
    'a=(1"b")',
    'a=&&&&&',
    'é',
    'a\n',
  ])('is void by one mistake (§4.2): %j', (field) => {
    expect(dictionaryOf(field)).toBeUndefined();
  });

  it('is read, or void, whatever it says', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('aA1=;,"\\ ?:()*-.\t')) }), (field) => {
        const members = dictionaryOf(field);
        for (const [name, { type }] of members ?? [])
          expect([/^[a-z*]/.test(name), typeof type]).toEqual([true, 'string']);
      }),
    );
  });

  it('is read in time, however long it is', () => {
    const from = performance.now();
    for (const part of ['a,', '(', 'a=(', ';a', '"\\', 'a="', '1', ' ']) dictionaryOf(part.repeat(20_000));
    expect(performance.now() - from).toBeLessThan(1000);
  });
});
