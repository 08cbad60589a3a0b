import { OptionError } from '@turnpike/core';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { cacheResponse, invalidates } from '../../src/express/index.ts';
import { createCache } from '../../src/index.ts';

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());

const YEAR_AND_DAY = 366 * 86_400_000;
const cache = createCache({ redis, ttlMs: 1000 });

/** The message of the coded error that these options are refused with. */
function refusalOf(factory: (options: never) => unknown, options: unknown): string {
  try {
    factory(options as never);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(OptionError);
    expect(thrown).toBeInstanceOf(TypeError);
    expect(thrown).toMatchObject({ code: 'ERR_TURNPIKE_OPTION', name: 'OptionError' });
    return (thrown as Error).message;
  }
  return 'not refused';
}

const must = (option: string, rule: string, received: string): string =>
  `option "${option}" must be ${rule}, received ${received}`;

const integer = (option: string, min: number, max: number, received: string): string =>
  must(option, `an integer from ${min} to ${max}`, received);

describe('an option of cacheResponse that breaks its rule', () => {
  it.each<[options: object, message: string]>([
    [{ ttlMs: undefined }, must('ttlMs', 'given with redis, in ms', 'undefined')],
    [{ ttlMs: 0 }, integer('ttlMs', 1, YEAR_AND_DAY, '0 (number)')],
    [{ ttlMs: -1 }, integer('ttlMs', 1, YEAR_AND_DAY, '-1 (number)')],
    [{ ttlMs: 1.5 }, integer('ttlMs', 1, YEAR_AND_DAY, '1.5 (number)')],
    [{ ttlMs: '60' }, integer('ttlMs', 1, YEAR_AND_DAY, '"60"')],
    [{ ttlMs: null }, integer('ttlMs', 1, YEAR_AND_DAY, 'null')],
    [{ ttlMs: Number.NaN }, integer('ttlMs', 1, YEAR_AND_DAY, 'NaN (number)')],
    [{ ttlMs: Infinity }, integer('ttlMs', 1, YEAR_AND_DAY, 'Infinity (number)')],
    [{ ttlMs: YEAR_AND_DAY + 1 }, integer('ttlMs', 1, YEAR_AND_DAY, `${YEAR_AND_DAY + 1} (number)`)],
    [{ staleMs: -1 }, integer('staleMs', 0, YEAR_AND_DAY, '-1 (number)')],
    [{ staleMs: true }, integer('staleMs', 0, YEAR_AND_DAY, 'true (boolean)')],
    [{ staleIfErrorMs: '1' }, integer('staleIfErrorMs', 0, YEAR_AND_DAY, '"1"')],
    [{ scope: 'private' }, must('scope', "'public', or a function that gives the user's id", '"private"')],
    [{ scope: null }, must('scope', "'public', or a function that gives the user's id", 'null')],
    [{ scope: ['public'] }, must('scope', "'public', or a function that gives the user's id", 'an array of 1')],
    [{ tags: ['a'] }, must('tags', 'a function', 'an array of 1')],
    [{ tags: null }, must('tags', 'a function', 'null')],
    [{ query: 'page' }, must('query', 'an array of names', '"page"')],
    [{ query: null }, must('query', 'an array of names', 'null')],
    [{ query: [1] }, must('query', 'an array of names', 'an array of 1')],
    [{ query: () => [] }, must('query', 'an array of names', 'a function')],
    [{ negative: 404 }, must('negative', 'an object of TTLs by status', '404 (number)')],
    [{ negative: null }, must('negative', 'an object of TTLs by status', 'null')],
    [{ negative: [404] }, must('negative', 'an object of TTLs by status', 'an array of 1')],
    [{ negative: new Map([[404, 1]]) }, must('negative', 'an object of TTLs by status', 'an object')],
    [{ negative: { 200: 1 } }, must('negative', 'of statuses from 300 to 599, and not 304', '"200"')],
    [{ negative: { 206: 1 } }, must('negative', 'of statuses from 300 to 599, and not 304', '"206"')],
    [{ negative: { 304: 1 } }, must('negative', 'of statuses from 300 to 599, and not 304', '"304"')],
    [{ negative: { 600: 1 } }, must('negative', 'of statuses from 300 to 599, and not 304', '"600"')],
    [{ negative: { '4xx': 1 } }, must('negative', 'of statuses from 300 to 599, and not 304', '"4xx"')],
    [{ negative: { 404: 0 } }, integer('negative[404]', 1, YEAR_AND_DAY, '0 (number)')],
    [{ negative: { 404: '5s' } }, integer('negative[404]', 1, YEAR_AND_DAY, '"5s"')],
    [{ negative: { 404: undefined } }, integer('negative[404]', 1, YEAR_AND_DAY, 'undefined')],
    [{ prefix: 'a:b' }, 'option "prefix"'],
    [{ prefix: '' }, 'option "prefix"'],
    [{ deadlineMs: 0 }, integer('deadlineMs', 1, 60_000, '0 (number)')],
    [{ maxBytes: 0 }, integer('maxBytes', 1, 500_000_000, '0 (number)')],
    [{ maxBytes: '1mb' }, integer('maxBytes', 1, 500_000_000, '"1mb"')],
    [{ loadTimeoutMs: 0 }, integer('loadTimeoutMs', 1, 3_600_000, '0 (number)')],
  ])('is refused with redis: %j', (options, message) => {
    const refusal = refusalOf(cacheResponse, { redis, ttlMs: 60_000, ...options });
    expect(refusal).toContain(message);
  });

  it.each<[options: object, message: string]>([
    [{ ttlMs: 0 }, integer('ttlMs', 1, YEAR_AND_DAY, '0 (number)')],
    [{ staleMs: -1 }, integer('staleMs', 0, YEAR_AND_DAY, '-1 (number)')],
    [{ staleIfErrorMs: 0.5 }, integer('staleIfErrorMs', 0, YEAR_AND_DAY, '0.5 (number)')],
    [{ scope: 'all' }, must('scope', "'public', or a function that gives the user's id", '"all"')],
    [{ prefix: 'a' }, must('prefix', 'left to createCache where "cache" is given', '"a"')],
    [{ deadlineMs: 5 }, must('deadlineMs', 'left to createCache where "cache" is given', '5 (number)')],
    [{ maxBytes: 5 }, must('maxBytes', 'left to createCache where "cache" is given', '5 (number)')],
    [{ loadTimeoutMs: 5 }, must('loadTimeoutMs', 'left to createCache where "cache" is given', '5 (number)')],
  ])('is refused with a cache: %j', (options, message) => {
    expect(refusalOf(cacheResponse, { cache, ...options })).toContain(message);
  });

  it.each<[what: string, options: object]>([
    ['redis', { redis, ttlMs: 0 }],
    ['redis that takes too little', { redis, ttlMs: 1, deadlineMs: 0 }],
    ['a cache', { cache, ttlMs: 0 }],
    ['a cache and another scope', { cache, scope: 'all' }],
  ])('is told by the name of what was called, or of what that calls: with %s', (_what, options) => {
    expect(refusalOf(cacheResponse, options)).toMatch(/^(cacheResponse|createCache): /);
  });
});

describe('an option of invalidates that breaks its rule', () => {
  it.each<[options: object, message: string]>([
    [{ tags: 'a' }, must('tags', 'non-empty strings, or a function that gives them', '"a"')],
    [{ tags: null }, must('tags', 'non-empty strings, or a function that gives them', 'null')],
    [{ tags: [1] }, must('tags', 'non-empty strings, or a function that gives them', 'an array of 1')],
    [{ tags: [''] }, must('tags', 'non-empty strings, or a function that gives them', 'an array of 1')],
    [{ ttlMs: 1 }, 'unknown option "ttlMs": known options are redis, cache, tags'],
    [{ scope: 'public' }, 'unknown option "scope"'],
  ])('is refused: %j', (options, message) => {
    expect(refusalOf(invalidates, { cache, ...options })).toContain(message);
    expect(refusalOf(invalidates, { redis, ...options })).toContain(message);
  });

  it.each<[options: object, message: string]>([
    [{ redis, deadlineMs: 0 }, integer('deadlineMs', 1, 60_000, '0 (number)')],
    [{ redis, prefix: 'a:b' }, 'option "prefix"'],
    [{ cache, prefix: 'a' }, must('prefix', 'left to createCache where "cache" is given', '"a"')],
    [{ cache, deadlineMs: 5 }, must('deadlineMs', 'left to createCache where "cache" is given', '5 (number)')],
  ])('is refused by where it stands: %#', (options, message) => {
    expect(refusalOf(invalidates, options)).toContain(message);
  });

  it('is told by the name of what was called, or of what that calls', () => {
    expect(refusalOf(invalidates, { redis, deadlineMs: 0 })).toMatch(/^(invalidates|createCache): /);
    expect(refusalOf(invalidates, { cache, tags: [''] })).toMatch(/^(invalidates|createCache): /);
  });

  it('is not called by the name of one that it does not have', () => {
    const known = refusalOf(invalidates, { cache, nonsense: 1 });
    for (const theirs of ['ttl', 'stale', 'statusCodes', 'appendKey', 'groups', 'keyPrefix', 'client']) {
      const ours = /it is called (\w+)/.exec(refusalOf(invalidates, { cache, [theirs]: 1 }))?.[1] ?? 'redis';
      expect(known).toContain(ours);
    }
  });
});

describe.each([
  ['cacheResponse', cacheResponse, { ttlMs: 1000 }],
  ['invalidates', invalidates, {}],
] as const)('%s', (name, factory, more) => {
  it.each([[undefined], [null], ['options'], [1]])('wants options, and not %j', (options) => {
    expect(refusalOf(factory, options)).toBe(
      `${name}: options must be an object, received ${typeof options === 'string' ? '"options"' : options === 1 ? '1 (number)' : String(options)}`,
    );
  });

  it('wants redis or a cache, and not both', () => {
    for (const options of [{}, { redis: undefined, cache: undefined }, { redis, cache }]) {
      expect(refusalOf(factory, { ...more, ...options })).toMatch(/"redis".*"cache"/);
    }
  });

  it.each<[what: string, redis: unknown]>([
    ['null', null],
    ['a URL', 'redis://localhost'],
    ['an object', {}],
    ['a cache', cache],
  ])('refuses %s as redis', (_what, given) => {
    expect(refusalOf(factory, { ...more, redis: given })).toMatch(/redis" must be an ioredis client/);
  });

  it.each<[what: string, cache: unknown, shown: string]>([
    ['null', null, 'null'],
    ['text', 'cache', '"cache"'],
    ['a number', 0, '0 (number)'],
    ['an object', {}, 'an object'],
    ['one that looks like a cache', { ...cache }, 'an object'],
    ['one that stands on a cache', Object.create(cache), 'an object'],
    ['a client', redis, 'an object'],
    ['a function', () => cache, 'a function'],
  ])('refuses %s as a cache', (_what, given, shown) => {
    expect(refusalOf(factory, { cache: given })).toBe(`${name}: ${must('cache', 'made by createCache', shown)}`);
  });

  it.each([['toString'], ['constructor'], ['hasOwnProperty'], ['nonsense'], ['']])(
    'refuses an option that nobody knows: %j',
    (option) => {
      const refusal = refusalOf(factory, { cache, [option]: 1 });
      expect(refusal).toContain(`${name}: unknown option "${option}": known options are redis, cache, `);
    },
  );
});

describe('options are called otherwise elsewhere', () => {
  it.each([
    ['ttl', 'ttlMs, in ms,'],
    ['duration', 'ttlMs, in ms,'],
    ['maxAge', 'ttlMs, in ms,'],
    ['expire', 'ttlMs, in ms,'],
    ['defaultDuration', 'ttlMs, in ms,'],
    ['stale', 'staleMs, in ms,'],
    ['staleWhileRevalidate', 'staleMs, in ms,'],
    ['staleIfError', 'staleIfErrorMs, in ms,'],
    ['redisClient', 'redis'],
    ['client', 'redis'],
    ['store', 'redis'],
    ['host', 'redis'],
    ['statusCodes', 'negative'],
    ['appendKey', 'scope'],
    ['private', 'scope'],
    ['userId', 'scope'],
    ['key', 'scope, or query,'],
    ['cacheKey', 'scope, or query,'],
    ['groups', 'tags'],
    ['tag', 'tags'],
    ['keyPrefix', 'prefix'],
  ])('knows what others call our options: %s is %s', (theirs, ours) => {
    const refusal = refusalOf(cacheResponse, { cache, [theirs]: 1 });
    expect(refusal).toBe(`cacheResponse: unknown option "${theirs}": it is called ${ours} here`);
  });
});

describe('options are taken', () => {
  it.each<[what: string, options: object]>([
    ['of redis', { redis, ttlMs: 1000 }],
    ['of a cache', { cache }],
    ['of a cache, with a time to live of its own', { cache, ttlMs: 5 }],
    ['that are there and undefined', { cache, redis: undefined, ttlMs: undefined, scope: undefined, query: undefined }],
    ['that are there and undefined, of a cache that has them', { cache, prefix: undefined, maxBytes: undefined }],
    [
      'all of them',
      {
        redis,
        ttlMs: 1,
        staleMs: 0,
        staleIfErrorMs: 0,
        scope: () => 1,
        tags: () => [],
        query: [],
        negative: { 300: 1, 404: 5000, 599: YEAR_AND_DAY },
        prefix: 'a',
        deadlineMs: 1,
        maxBytes: 1,
        loadTimeoutMs: 1,
      },
    ],
  ])('%s', (_what, options) => {
    const made = cacheResponse(options as { cache: typeof cache });
    expect(made).toBeTypeOf('function');
    expect(made).toHaveLength(3);
    if ('cache' in options && options.cache !== undefined) expect(made.cache).toBe(cache);
    expect(invalidates({ cache: made.cache }).cache).toBe(made.cache);
  });
});
