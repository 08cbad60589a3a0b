import { ServerResponse, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { retryAfter, writeQuota } from './headers.ts';
import type { Decision } from './limiter.ts';
import type { Policy } from './policy.ts';

const response = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()));

const policy = (name: string, limit = 10, windowMs = 60_000): Policy => ({ name, algorithm: 'sliding-window', limit, windowMs });

const decision = (remaining: number, resetInMs: number, limit = 10): Decision => ({
  allowed: true,
  policy: '',
  limit,
  used: limit - remaining,
  remaining,
  resetTime: new Date(Date.now() + resetInMs),
  retryAfterMs: undefined,
  degraded: false,
});

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
  it('tell policy and what is left, as structured fields', () => {
    const res = response();
    writeQuota(res, ['draft-11'], policy('burst'), decision(9, 500));
    expect(res.getHeader('RateLimit-Policy')).toBe('"burst";q=10;w=60');
    expect(res.getHeader('RateLimit')).toBe('"burst";r=9;t=1');
  });

  it('quote what a string may not hold bare', () => {
    const res = response();
    writeQuota(res, ['draft-11'], policy('a "b" \\c'), decision(9, 500));
    expect(res.getHeader('RateLimit')).toBe('"a \\"b\\" \\\\c";r=9;t=1');
  });

  it('share one list when limiters stand in a row', () => {
    const res = response();
    writeQuota(res, ['draft-11'], policy('a'), decision(9, 500));
    writeQuota(res, ['draft-11'], policy('b'), decision(3, 2000));
    expect(res.getHeader('RateLimit')).toBe('"a";r=9;t=1, "b";r=3;t=2');
  });
});

describe('the legacy headers', () => {
  it('let the limiter with the least left speak', () => {
    const res = response();
    writeQuota(res, ['legacy'], policy('a'), decision(9, 500));
    writeQuota(res, ['legacy'], policy('b', 5), decision(3, 2000, 5));
    writeQuota(res, ['legacy'], policy('c'), decision(7, 500));
    expect(res.getHeader('X-RateLimit-Limit')).toBe('5');
    expect(res.getHeader('X-RateLimit-Remaining')).toBe('3');
    expect(Number(res.getHeader('X-RateLimit-Reset'))).toBeGreaterThan(Date.now() / 1000);
  });
});

it('no dialect, no header', () => {
  const res = response();
  writeQuota(res, [], policy('a'), decision(9, 500));
  expect(res.getHeaderNames()).toEqual([]);
});
