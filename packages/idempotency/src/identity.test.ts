import fc from 'fast-check';
import type { HttpRequest } from '@turnpike/core';
import { expect, it } from 'vitest';
import { digest } from './digest.ts';
import { identityOf, named } from './identity.ts';

const request = (method: string, originalUrl: string): HttpRequest => ({ method, originalUrl }) as HttpRequest;

it('is another for another prefix, scope, method, path or key, and the same for another query', () => {
  const of = (method: string, url: string, scope: string | undefined, key: string, prefix = 'p'): string =>
    identityOf(request(method, url), { prefix, scope, key });
  const one = of('POST', '/orders/1/pay', 'ann', 'k');
  expect(one).toMatch(/^[\w-]{43}$/);
  expect(of('POST', '/orders/1/pay?try=2', 'ann', 'k')).toBe(one);
  const others = [
    of('POST', '/orders/2/pay', 'ann', 'k'),
    of('PATCH', '/orders/1/pay', 'ann', 'k'),
    of('POST', '/orders/1/pay', 'bob', 'k'),
    of('POST', '/orders/1/pay', undefined, 'k'),
    of('POST', '/orders/1/pay', 'public', 'k'),
    of('POST', '/orders/1/pay', 'ann', 'K'),
    of('POST', '/orders/1/pay', 'ann', 'k', 'q'),
  ];
  expect(new Set([one, ...others]).size).toBe(others.length + 1);
});

it('comes of parts that cannot be cut in another way', () => {
  const parts = fc.array(fc.string({ unit: 'binary', maxLength: 5 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      expect(digest(one) === digest(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
    }),
    { numRuns: 2000 },
  );
  expect(digest(['1:a', 'b'])).not.toBe(digest(['1:ab']));
  expect(digest(['\ud800'])).not.toBe(digest(['\ud801']));
});

it.each([undefined, null, '', Number.NaN, {}, ['ann'], true, 'undefined', 'null', 'NaN', '[object Object]'])(
  'is refused where the scope is %j',
  (given) => {
    expect(() => named('scope', given, 'ERR_TURNPIKE_SCOPE')).toThrow(
      expect.objectContaining({
        code: 'ERR_TURNPIKE_SCOPE',
        message: expect.stringContaining('option "scope" must give'),
      }),
    );
  },
);

it('takes strings and numbers for names', () => {
  expect(named('scope', 'ann', 'ERR_TURNPIKE_SCOPE')).toBe('ann');
  expect(named('scope', 7, 'ERR_TURNPIKE_SCOPE')).toBe('7');
});
