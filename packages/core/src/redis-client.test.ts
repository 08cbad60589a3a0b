import { type Cluster as ClusterType, Redis } from 'ioredis';
import { Redis as Redis5, Cluster as Cluster5 } from 'ioredis5';
import { Cluster } from 'ioredis';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type RedisClient, assertRedisClient, connectionOf, keyPrefixOf, slotOf } from './redis-client.ts';

describe('a Redis client', () => {
  it('is ioredis 5 or 6, single or Cluster, as it is', () => {
    expectTypeOf<Redis>().toExtend<RedisClient>();
    expectTypeOf<ClusterType>().toExtend<RedisClient>();
    expectTypeOf<Redis5>().toExtend<RedisClient>();
    expectTypeOf<Cluster5>().toExtend<RedisClient>();
  });

  it('is refused with the names of what it lacks', () => {
    expect(() => assertRedisClient('rateLimit', undefined)).toThrow('option "redis" must be an ioredis client');
    expect(() => assertRedisClient('rateLimit', { evalsha() {} })).toThrow(
      'without eval, evalshaBuffer, evalBuffer, mgetBuffer',
    );
  });

  it.each(['slave', 'all', () => 'x'])('is refused when it reads from replicas: scaleReads %s', (scaleReads) => {
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], {
      lazyConnect: true,
      scaleReads: scaleReads as 'all',
    });
    expect(() => assertRedisClient('rateLimit', cluster)).toThrow("reads from its masters (scaleReads: 'master')");
    cluster.disconnect();
  });

  it('prefixes keys by its own option, which channels have to be given by hand', () => {
    const single = new Redis({ lazyConnect: true, keyPrefix: 'app:' });
    const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], {
      lazyConnect: true,
      redisOptions: { keyPrefix: 'other:' },
    });
    expect(keyPrefixOf(single)).toBe('app:');
    expect(keyPrefixOf(cluster)).toBe('other:');
    single.disconnect();
    cluster.disconnect();
  });
});

describe('a slot', () => {
  // The first is the specification's own test vector; the others are what CLUSTER KEYSLOT of Redis 7 answers.
  it.each([
    ['123456789', 0x31c3],
    ['foo', 12182],
    ['{foo}bar', 12182],
    ['x{foo}{bar}', 12182],
    ['{}foo', 9500],
    ['é', 10180],
  ])('of %s is %i', (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });

  it('names the master its keys travel to', () => {
    const slots: string[][] = [];
    slots[12182] = ['10.0.0.1:6379', '10.0.0.2:6379'];
    const cluster = { slots, options: {} } as unknown as RedisClient;
    expect(connectionOf(cluster, 'a:{foo}')).toBe('10.0.0.1:6379');
    expect(connectionOf(cluster, 'elsewhere')).toBe('unknown');
    expect(connectionOf({ options: {} } as unknown as RedisClient, 'foo')).toBe('only');
  });
});
