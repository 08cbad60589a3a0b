import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { createCache } from '../src/index.ts';

const redis = new Redis({ lazyConnect: true });
afterAll(() => redis.disconnect());

describe('options', () => {
  it.each([
    [{}, '"ttlMs" must be an integer from 1'],
    [{ ttlMs: 0 }, '"ttlMs"'],
    [{ ttlMs: 1.5 }, '"ttlMs"'],
    [{ ttlMs: 1, staleMs: -1 }, '"staleMs"'],
    [{ ttlMs: 1, staleIfErrorMs: '1' }, '"staleIfErrorMs"'],
    [{ ttlMs: 1, negativeTtlMs: 0 }, '"negativeTtlMs"'],
    [{ ttlMs: 1, beta: -1 }, '"beta" must be a number from 0 to 100, received -1'],
    [{ ttlMs: 1, softTimeoutMs: 0.5 }, '"softTimeoutMs" must be an integer from 0 to 2147483647, received 0.5'],
    [{ ttlMs: 1, jitter: 2 }, '"jitter" must be a number from 0 to 1, received 2'],
    [{ ttlMs: 1, loadTimeoutMs: 0 }, '"loadTimeoutMs"'],
    [{ ttlMs: 1, deadlineMs: 0 }, '"deadlineMs"'],
    [{ ttlMs: 1, maxBytes: 0 }, '"maxBytes"'],
    [{ ttlMs: 1, quarantineMs: -1 }, '"quarantineMs"'],
    [{ ttlMs: 1, serializer: { serialize: String } }, '"serializer" must be an object with serialize and deserialize'],
    [{ ttlMs: 1, prefix: 'a:b' }, '"prefix"'],
    [{ ttl: 60 }, 'unknown option "ttl": it is called ttlMs, in ms, here'],
    [{ ttlMs: 1, namespace: 'x' }, 'it is called prefix here'],
    [{ ttlMs: 1, nonsense: 1 }, 'known options are redis, loadTimeoutMs'],
  ])('%j is refused: %s', (options, message) => {
    expect(() => createCache({ redis, ...(options as { ttlMs: number }) })).toThrow(message);
  });

  it('a client that is none is refused', () => {
    expect(() => createCache({ redis: {} as never, ttlMs: 1 })).toThrow('must be an ioredis client');
    expect(() => createCache(undefined as never)).toThrow('options must be an object');
  });
});
