import { once } from 'node:events';
import {
  type Clients,
  type RedisCluster,
  canStartCluster,
  clientFactory,
  eventually,
  race,
  skipUnless,
  startCluster,
} from '@turnpike/test-kit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CacheOptions, createCache } from '../src/index.ts';

describe('a Cluster of three masters', skipUnless(canStartCluster(), 'there is no redis-server binary'), () => {
  let cluster: RedisCluster;
  let clients: Clients;
  beforeAll(async () => {
    cluster = await startCluster();
    clients = clientFactory(cluster);
  });
  afterAll(async () => {
    await clients.noKeyWithoutTtl();
    await clients.close();
    await cluster.stop();
  });

  async function here(more: Partial<CacheOptions> = {}) {
    const redis = clients.clusterClient();
    if (redis.status !== 'ready') await once(redis, 'ready');
    return createCache({ redis, prefix: clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
  }
  const nodeOf = (id: string) => cluster.nodeOf(`${clients.prefix}:v1:cache-aside:{${id}}`);

  it('invalidates by tag what is on every master, by key, and altogether', async () => {
    const [one, two] = [await here(), await here()];
    const keys = Array.from({ length: 30 }, (_, n) => `all-${n}`);
    expect(new Set(keys.map(nodeOf)).size).toBe(3);
    const readAll = (cache: typeof one, value: string) =>
      Promise.all(keys.map((key) => cache.getOrLoad(key, () => value, { tags: ['all'] })));
    await readAll(one, 'a');
    await eventually(() => expect(one.stats().stored).toBe(30));
    expect(new Set(await readAll(two, 'b'))).toEqual(new Set(['a']));
    expect(await two.invalidate({ tags: ['all'] })).toEqual({ delivered: 1, queued: 0 });
    expect(new Set(await readAll(one, 'c'))).toEqual(new Set(['c']));
    await eventually(() => expect(one.stats().stored).toBe(60));
    expect(await two.invalidate({ keys })).toEqual({ delivered: 30, queued: 0 });
    expect(new Set(await readAll(one, 'd'))).toEqual(new Set(['d']));
    await two.clear();
    expect(new Set(await readAll(one, 'e'))).toEqual(new Set(['e']));
  });

  it('loads once for two processes, and wakes the one by the other, on every master', async () => {
    const [one, two] = [await here(), await here()];
    const loader = vi.fn<() => Promise<string>>(async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return 'v';
    });
    const keys = Array.from({ length: 9 }, (_, n) => `once-${n}`);
    await Promise.all(
      keys.flatMap((key) => [race(20, () => one.getOrLoad(key, loader)), race(20, () => two.getOrLoad(key, loader))]),
    );
    expect(loader).toHaveBeenCalledTimes(9);
  });

  it('gives many keys of every master at once, loads in one batch what nobody has, each key once for all processes', async () => {
    const [one, two] = [await here(), await here()];
    const keys = Array.from({ length: 30 }, (_, n) => `many-${n}`);
    expect(new Set(keys.map(nodeOf)).size).toBe(3);
    const loaded: string[][] = [];
    const loader = async (missing: readonly string[]) => {
      loaded.push([...missing]);
      await new Promise((resolve) => setTimeout(resolve, 30));
      return missing.map((key) => [key, `v ${key}`] as const);
    };
    const [first, second] = await Promise.all([
      one.getMany(keys.slice(0, 20), loader),
      two.getMany(keys.slice(10), loader),
    ]);
    expect([...first]).toEqual(keys.slice(0, 20).map((key) => [key, `v ${key}`]));
    expect([...second]).toEqual(keys.slice(10).map((key) => [key, `v ${key}`]));
    expect(loaded.flat().toSorted()).toEqual(keys.toSorted());
    expect(loaded.length).toBeLessThanOrEqual(2);
    await eventually(() => expect(one.stats().stored + two.stats().stored).toBe(30));
    expect((await one.getMany(keys, loader)).size).toBe(30);
    expect(loaded.flat()).toHaveLength(30);
  });

  it('with a master hung loads what is there without it, and queues what concerns it; the rest goes on', async () => {
    const cache = await here({ deadlineMs: 250 });
    const clockNode = nodeOf('clock');
    const hung = cluster.masters.find((master) => master !== clockNode) as RedisCluster['masters'][number];
    const keys = Array.from({ length: 30 }, (_, n) => `hung-${n}`);
    const [lost, well] = [keys.filter((key) => nodeOf(key) === hung), keys.filter((key) => nodeOf(key) !== hung)];
    await Promise.all(keys.map((key) => cache.getOrLoad(key, () => 'old')));
    await eventually(() => expect(cache.stats().stored).toBe(30));
    hung.pause();
    try {
      const partly = await cache.invalidate({ keys: [lost[0] as string, well[0] as string] });
      expect(partly).toEqual({ delivered: 1, queued: 1 });
      for (const key of lost) expect(await cache.getOrLoad(key, () => 'loaded')).toBe('loaded');
      for (const key of well.slice(1)) expect(await cache.getOrLoad(key, () => 'loaded')).toBe('old');
      const many = await cache.getMany([...lost, ...well.slice(1)], (missing) => missing.map((key) => [key, 'loaded']));
      expect([...many].filter(([, value]) => value === 'loaded').map(([key]) => key)).toEqual(lost);
    } finally {
      hung.resume();
    }
    await eventually(() => expect(cache.stats().backlog).toBe(0));
    await eventually(async () => expect(await cache.getOrLoad(lost[1] as string, () => 'x')).toBe('old'));
    expect(await cache.getOrLoad(lost[0] as string, () => 'new')).not.toBe('old');
  });
});
