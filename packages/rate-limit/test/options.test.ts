import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { OptionError, createRateLimiter, rateLimit } from '../src/index.ts';

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());

const good = { redis, limit: 1, windowMs: 1000 };

describe('a bad option is a TypeError at construction that names option, rule and value', () => {
  it.each<[object, RegExp]>([
    [{ limit: 0 }, /option "limit" must be an integer from 1 to 1000000000, received 0 \(number\)/],
    [{ limit: '5' }, /option "limit" .* received "5"/],
    [{ limit: undefined }, /option "limit" .* received undefined/],
    [{ limit: 1.5 }, /option "limit" .* received 1\.5/],
    [{ windowMs: -1 }, /option "windowMs" must be an integer from 1 to 31622400000, received -1 \(number\)/],
    [{ windowMs: Number.NaN }, /option "windowMs" .* received NaN/],
    [{ algorithm: 'leaky' }, /option "algorithm" must be one of 'fixed-window', 'sliding-window', received "leaky"/],
    [{ name: '' }, /option "name" must be 1 to 64 printable ASCII characters, received ""/],
    [{ name: 'zwölf' }, /option "name" .* received "zwölf"/],
    [{ name: 'a\nb' }, /option "name"/],
    [{ onStoreError: 'open' }, /option "onStoreError" must be one of 'allow', 'deny', received "open"/],
    [{ deadlineMs: 0 }, /option "deadlineMs" must be an integer from 1/],
    [{ prefix: 'a:b' }, /option "prefix" must be 1 to 64 of/],
    [{ pepper: 'short' }, /option "pepper" must be a string of 16 characters or more, received one of 5$/],
    [{ redis: undefined }, /option "redis" must be an ioredis client/],
    [{ limitt: 1 }, /unknown option "limitt": known options are redis, limit/],
    [{ max: 5 }, /unknown option "max": it is called limit here/],
    [{ keyGenerator: () => '' }, /it is called key here/],
  ])('%o', (bad, message) => {
    expect(() => rateLimit({ ...good, ...bad })).toThrow(message);
    expect(() => rateLimit({ ...good, ...bad })).toThrow(TypeError);
    expect(() => rateLimit({ ...good, ...bad })).toThrow(OptionError);
  });

  it.each<[object, RegExp]>([
    [{ key: 'email' }, /option "key" must be a function, received "email"/],
    [{ ipv6Bits: 0 }, /option "ipv6Bits" must be an integer from 1 to 128/],
    [{ headers: 'draft-11' }, /option "headers" must be an array of dialects/],
    [{ headers: ['draft-3'] }, /option "headers" must be one of 'draft-11', 'legacy', received "draft-3"/],
    [{ onProblem: true }, /option "onProblem" must be a function/],
  ])('of the middleware: %o', (bad, message) => {
    expect(() => rateLimit({ ...good, ...bad } as never)).toThrow(message);
  });

  it('a cost that is none is refused when it is asked', async () => {
    const limiter = createRateLimiter(good);
    await expect(limiter.take('a', { cost: 0 })).rejects.toThrow('option "cost" must be an integer from 1');
    await expect(limiter.take(undefined as never)).rejects.toThrow('option "key" must be a string');
  });
});
