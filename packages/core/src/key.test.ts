import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyspace, pseudonym } from './key.ts';

const key = keyspace('rate-limit', 'turnpike');

describe('a key', () => {
  it('shows plain ids as they are, in one hash tag', () => {
    expect(key(['login', 'ann.b-c_d'])).toBe('turnpike:v1:rate-limit:{login:ann.b-c_d}');
    expect(key(['login', 'ann'], 'waiters')).toBe('turnpike:v1:rate-limit:{login:ann}:waiters');
  });

  it('lets nothing through that is not plain: braces, globs, NUL, spaces, unicode, emptiness, megabytes', () => {
    for (const odd of [
      '*',
      '{}',
      '}{',
      '\0',
      'a b',
      'ü',
      '',
      ':',
      '~',
      'x'.repeat(65),
      'x'.repeat(1 << 20),
      '\ud800',
    ]) {
      expect(key([odd])).toMatch(/^turnpike:v1:rate-limit:\{~[A-Za-z0-9_-]{32}\}$/);
    }
  });

  it('is never shared by distinct ids', () => {
    const segment = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('a', ':', '~', '{', '}', '\ud800', '\ufffd', '\0') }),
    );
    const ids = fc.array(segment, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        expect(key(one) === key(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 5000 },
    );
  });

  it('of one package or prefix is never that of another, whatever its id says', () => {
    const piece = fc.constantFrom('idempotency', 'rate-limit', 'shop', 'turnpike', 'v1', ':', '{', '}', '~', 'a');
    const ids = fc.array(
      fc.array(piece).map((pieces) => pieces.join('')),
      { minLength: 1, maxLength: 4 },
    );
    const others = [keyspace('idempotency', 'turnpike'), keyspace('rate-limit', 'shop')];
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        for (const keyOf of others) expect(keyOf(other)).not.toBe(key(one));
      }),
      { numRuns: 1000 },
    );
  });

  it('cannot be met by writing down another one’s digest', () => {
    const digest = /\{(.+)\}/.exec(key(['a b']))?.[1] ?? '';
    expect(key([digest])).not.toBe(key(['a b']));
  });

  it('has a prefix of plain characters only', () => {
    for (const prefix of ['', 'a:b', 'a{b}', 'ü']) {
      expect(() => keyspace('rate-limit', prefix)).toThrow(/rate-limit: option "prefix" must be 1 to 64 of/);
    }
  });
});

describe('a pseudonym', () => {
  it('is the same for the same value and pepper, another for another, and plain', () => {
    const ann = pseudonym('ann@example.com', 'a pepper');
    expect(ann).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(pseudonym('ann@example.com', 'a pepper')).toBe(ann);
    expect(pseudonym('ann@example.com', 'another')).not.toBe(ann);
    expect(pseudonym('bob@example.com', 'a pepper')).not.toBe(ann);
  });
});
