import { describe, expect, it } from 'vitest';
import type { PolicyStanding } from './decision.ts';
import { type HeaderDialect, quotaHeaders, retryAfter } from './headers.ts';

const standing = (name: string, remaining: number, resetInMs: number, limit = 10): PolicyStanding => ({
  policy: {
    name,
    algorithm: 'sliding-window',
    limit,
    windowMs: 60_000,
    burst: limit,
    charge: 'always',
    hidden: name === 'hidden',
  },
  limit,
  used: limit - remaining,
  remaining,
  resetTime: new Date(Date.now() + resetInMs),
  violated: false,
});

/** The headers of a response that met these limiters, each with its policies. */
const headersAfter = (dialects: HeaderDialect[], ...limiters: PolicyStanding[][]): Record<string, string> =>
  Object.assign({}, ...dialects.map((dialect) => quotaHeaders(dialect, limiters.flat(), dialects)));

describe('Retry-After', () => {
  it.each([
    [1, '1'],
    [999, '1'],
    [1000, '1'],
    [1001, '2'],
    [60_000, '60'],
  ])('%i ms is %s s: rounded up, at least one', (ms, seconds) => {
    expect(retryAfter(ms)).toBe(seconds);
  });
});

describe('the draft-11 headers', () => {
  it('tell every policy and what is left of it, as structured fields', () => {
    expect(headersAfter(['draft-11'], [standing('burst', 9, 500), standing('day', 99, 2000, 100)])).toEqual({
      'RateLimit-Policy': '"burst";q=10;w=60, "day";q=100;w=60',
      RateLimit: '"burst";r=9;t=1, "day";r=99;t=2',
    });
  });

  it('quote what a string may not hold bare', () => {
    expect(headersAfter(['draft-11'], [standing('a "b" \\c', 9, 500)])['RateLimit']).toBe('"a \\"b\\" \\\\c";r=9;t=1');
  });

  it('share one list when limiters stand in a row', () => {
    const headers = headersAfter(['draft-11'], [standing('a', 9, 500)], [standing('b', 3, 2000)]);
    expect(headers['RateLimit']).toBe('"a";r=9;t=1, "b";r=3;t=2');
  });

  it('keep quiet about what is hidden', () => {
    expect(headersAfter(['draft-11', 'legacy'], [standing('hidden', 1, 500)])).toEqual({});
    expect(headersAfter(['draft-11'], [standing('hidden', 1, 500), standing('a', 9, 500)])['RateLimit']).toBe(
      '"a";r=9;t=1',
    );
  });
});

describe('the older dialects', () => {
  const three = [[standing('a', 9, 500)], [standing('b', 3, 2000, 5)], [standing('c', 7, 500)]];

  it('let the policy with the least left speak', () => {
    expect(headersAfter(['draft-7'], ...three)).toEqual({
      'RateLimit-Policy': '10;w=60, 5;w=60, 10;w=60',
      RateLimit: 'limit=5, remaining=3, reset=2',
    });
    expect(headersAfter(['draft-6'], ...three)).toEqual({
      'RateLimit-Policy': '10;w=60, 5;w=60, 10;w=60',
      'RateLimit-Limit': '5',
      'RateLimit-Remaining': '3',
      'RateLimit-Reset': '2',
    });
    expect(headersAfter(['legacy'], ...three)).toMatchObject({
      'X-RateLimit-Limit': '5',
      'X-RateLimit-Remaining': '3',
    });
    expect(Number(headersAfter(['legacy'], ...three)['X-RateLimit-Reset'])).toBeGreaterThan(Date.now() / 1000);
  });

  it('stand beside one another, and leave a shared field to the newer', () => {
    expect(headersAfter(['draft-11', 'draft-6', 'legacy'], [standing('a', 9, 500)])).toMatchObject({
      'RateLimit-Policy': '"a";q=10;w=60',
      RateLimit: '"a";r=9;t=1',
      'RateLimit-Remaining': '9',
      'X-RateLimit-Remaining': '9',
    });
  });
});

it('no dialect, no header', () => {
  expect(headersAfter([], [standing('a', 9, 500)])).toEqual({});
});
