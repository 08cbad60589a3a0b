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
    [
      { algorithm: 'leaky' },
      /option "algorithm" must be one of 'fixed-window', 'sliding-window', 'token-bucket', received "leaky"/,
    ],
    [{ name: '' }, /option "name" must be 1 to 64 printable ASCII characters, received ""/],
    [{ name: 'zwölf' }, /option "name" .* received "zwölf"/],
    [{ name: 'a\nb' }, /option "name"/],
    [{ onStoreError: 'open' }, /option "onStoreError" must be one of 'local', 'allow', 'deny', received "open"/],
    [{ deadlineMs: 0 }, /option "deadlineMs" must be an integer from 1/],
    [{ prefix: 'a:b' }, /option "prefix" must be 1 to 64 of/],
    [{ pepper: 'short' }, /option "pepper" must be a string of 16 characters or more, received one of 5$/],
    [{ redis: undefined }, /option "redis" must be an ioredis client/],
    [{ limitt: 1 }, /unknown option "limitt": known options are redis, block, .*limit, windowMs/],
    [{ max: 5 }, /unknown option "max": it is called limit here/],
    [{ keyGenerator: () => '' }, /it is called key here/],
    [{ skipSuccessfulRequests: true }, /it is called charge: 'failure' here/],
    [{ burst: 5 }, /option "burst" must be absent unless algorithm is 'token-bucket', received 5/],
    [{ algorithm: 'token-bucket', burst: 0 }, /option "burst" must be an integer from 1/],
    [{ charge: 'success' }, /option "charge" must be one of 'always', 'failure', received "success"/],
    [{ hidden: 1 }, /option "hidden" must be true or false/],
    [{ limit: () => 5 }, /option "name" must be given where limit or windowMs is a function, received undefined/],
    [{ localShare: 0 }, /option "localShare" must be above 0 and at most 1, received 0/],
    [{ denyCacheMs: -1 }, /option "denyCacheMs" must be an integer from 0/],
    [{ dryRun: 'yes' }, /option "dryRun" must be true or false/],
    [{ block: { afterDenials: 0, durationMs: 1, maxMs: 1 } }, /option "block.afterDenials" must be an integer from 1/],
    [{ block: { afterDenials: 1, durationMs: 10, maxMs: 1 } }, /option "block.maxMs" must be an integer from 10/],
    [{ policies: [] }, /unknown option "limit"/],
  ])('%o', (bad, message) => {
    expect(() => rateLimit({ ...good, ...bad })).toThrow(message);
    expect(() => rateLimit({ ...good, ...bad })).toThrow(TypeError);
    expect(() => rateLimit({ ...good, ...bad })).toThrow(OptionError);
  });

  it.each<[object, RegExp]>([
    [{ key: 'email' }, /option "key" must be a function, received "email"/],
    [{ ipv6Bits: 0 }, /option "ipv6Bits" must be an integer from 1 to 128/],
    [{ headers: 'draft-11' }, /option "headers" must be an array of dialects/],
    [
      { headers: ['draft-3'] },
      /option "headers" must be one of 'draft-11', 'draft-7', 'draft-6', 'legacy', received "draft-3"/,
    ],
    [{ headers: ['draft-11', 'draft-7'] }, /'draft-11' and 'draft-7', which share a field/],
    [{ onProblem: true }, /option "onProblem" must be a function/],
    [{ cost: 3 }, /option "cost" must be a function, received 3/],
    [{ skip: true }, /option "skip" must be a function/],
  ])('of the middleware: %o', (bad, message) => {
    expect(() => rateLimit({ ...good, ...bad })).toThrow(message);
  });

  it.each<[object[], RegExp]>([
    [[], /option "policies" must be 1 to 16 policies, received an array of 0/],
    [
      [
        { limit: 1, windowMs: 1 },
        { limit: 1, windowMs: 1 },
      ],
      /option "policies" must be policies with a name each/,
    ],
    [[{ limit: 0, windowMs: 1 }], /option "limit"/],
  ])('of several policies: %j', (policies, message) => {
    expect(() => createRateLimiter({ redis, policies } as never)).toThrow(message);
  });

  it('a cost that is none is refused when it is asked', async () => {
    const limiter = createRateLimiter(good);
    await expect(limiter.take('a', { cost: 0 })).rejects.toThrow('option "cost" must be an integer from 1');
    await expect(limiter.take(undefined as never)).rejects.toThrow('option "key" must be a string');
  });
});
