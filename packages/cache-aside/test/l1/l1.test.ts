import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import {
  type Clients,
  type RedisCluster,
  canStartCluster,
  clientFactory,
  countCommands,
  eventually,
  fleet,
  scale,
  skipUnless,
  startCluster,
} from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Cache, CacheOptions } from '../../src/index.ts';
import type { L1Options } from '../../src/l1/index.ts';
import { cacheWithTier, never } from './near.ts';
import { cacheOf } from './recipes/near.ts';

const it_ = setting();

const KINDS = ['ioredis', 'ioredis 5', 'Cluster'] as const;

const written = (cache: Cache, key: string) =>
  cache.writeThrough(key, ({ version }) => {
    version(1);
    return 'written';
  });

describe.each(KINDS)('a tier over %s', skipUnless(canStartCluster(), 'there is no redis-server binary'), (kind) => {
  let cluster: RedisCluster | undefined;
  let onCluster: Clients | undefined;
  const opened: Redis[] = [];
  const caches: Cache[] = [];
  beforeAll(async () => {
    if (kind !== 'Cluster') return;
    cluster = await startCluster();
    onCluster = clientFactory(cluster);
  });
  afterEach(() => {
    for (const cache of caches.splice(0)) cache.close();
    for (const redis of opened.splice(0)) redis.disconnect();
  });
  afterAll(async () => {
    await onCluster?.noKeyWithoutTtl();
    await onCluster?.close();
    await cluster?.stop();
  });

  function client(): CacheOptions['redis'] {
    if (onCluster !== undefined) return onCluster.clusterClient();
    const redis = new (kind === 'ioredis' ? Redis : (Redis5 as unknown as typeof Redis))(it_.server.url);
    opened.push(redis);
    return redis;
  }

  async function here(more: Partial<CacheOptions> & L1Options = {}, redis = client()) {
    const { cache, near } = await cacheWithTier(redis, { prefix: it_.clients.prefix, ...more });
    caches.push(cache);
    return { cache, near, redis };
  }

  it('gives a value out without a command, and the same frozen one to all', async () => {
    const { cache, near } = await here();
    await cache.getOrLoad('k', () => ({ a: [1] }));
    await near('k', { a: [1] });
    expect(cache.stats().l1?.coherence).toBe(kind === 'Cluster' ? 'publish' : 'tracking');
    const ask = async () => {
      for (let n = 0; n < 100; n += 1) await cache.getOrLoad('k', never);
    };
    if (kind === 'Cluster') await ask();
    else expect(await countCommands(it_.server, ask)).toEqual([]);
    const [one, two] = [await cache.getOrLoad('k', never), await cache.getOrLoad('k', never)];
    expect(one).toBe(two);
    expect(Object.isFrozen((one as { a: number[] }).a)).toBe(true);
  });

  it.each<[string, (cache: Cache) => Promise<unknown>]>([
    ['its key', (cache) => cache.invalidate({ keys: ['product:1'] })],
    ['a tag of it', (cache) => cache.invalidate({ tags: ['t'] })],
    ['its key, with a quarantine', (cache) => cache.invalidate({ keys: ['product:1'], quarantineMs: 50 })],
    ['everything', (cache) => cache.clear()],
    ['a write through', (cache) => cache.writeThrough('product:1', () => 1)],
    ['a write through of a version, where there was none', (cache) => written(cache, 'product:1')],
    ['a key that is a digest', (cache) => cache.invalidate({ keys: ['ä:{1}'] })],
  ])('does not give out what another process has invalidated: by %s', async (by, invalidate) => {
    const [one, two] = [await here(), await here()];
    const key = by.includes('digest') ? 'ä:{1}' : 'product:1';
    await one.cache.getOrLoad(key, () => 'old', { tags: ['t'] });
    await Promise.all([one.near(key, 'old'), two.near(key, 'old')]);
    await invalidate(two.cache);
    // Nobody else has asked yet, and by that told of a change.
    await eventually(async () => expect(await one.cache.getOrLoad(key, () => 'new', { tags: ['t'] })).toBe('new'));
  });

  it.each<[string, (cache: Cache) => Promise<unknown>]>([
    ['its key', (cache) => cache.invalidate({ keys: ['k'] })],
    ['a tag of it', (cache) => cache.invalidate({ tags: ['t'] })],
    ['everything', (cache) => cache.clear()],
    ['a write through', (cache) => cache.writeThrough('k', () => 1)],
  ])('does not give out what its own process has just invalidated: by %s', async (_, invalidate) => {
    const { cache, near } = await here();
    for (let n = 0; n < 5; n += 1) {
      await cache.getOrLoad('k', () => n, { tags: ['t'] });
      await near('k', n);
      await invalidate(cache);
      expect(await cache.getOrLoad('k', () => n + 1, { tags: ['t'] })).toBe(n + 1);
      await cache.invalidate({ keys: ['k'] });
    }
  });

  it('goes on giving out what a mark does not concern, once it knows which it was', async () => {
    const [one, two] = [await here(), await here()];
    await one.cache.getOrLoad('k', () => 'v', { tags: ['mine'] });
    await one.near('k', 'v');
    await two.cache.invalidate({ tags: ['another'] });
    await one.near('k', 'v');
    expect(one.cache.stats().load).toBe(1);
  });

  it('has what was written over a value of a lower version, here and elsewhere', async () => {
    const [one, two] = [await here(), await here()];
    await one.cache.getOrLoad('k', ({ version }) => {
      version(1);
      return 'old';
    });
    await Promise.all([one.near('k', 'old'), two.near('k', 'old')]);
    await one.cache.writeThrough('k', ({ version }) => {
      version(2);
      return 'new';
    });
    expect(await one.cache.getOrLoad('k', never)).toBe('new');
    await eventually(async () => expect(await two.cache.getOrLoad('k', never)).toBe('new'));
  });

  it('sees at once what another cache of its process has invalidated, whichever has the tier', async () => {
    const redis = client();
    const [one, two] = [await here({}, redis), await here({}, redis)];
    for (const [n, invalidation] of [{ keys: ['k'] }, { tags: ['t'] }].entries()) {
      await one.cache.getOrLoad('k', () => n, { tags: ['t'] });
      await one.near('k', n);
      await two.cache.invalidate(invalidation);
      expect(await one.cache.getOrLoad('k', () => n + 1, { tags: ['t'] })).toBe(n + 1);
      await one.cache.invalidate({ keys: ['k'] });
    }
  });

  it('hands each caller a Buffer of its own, and what its serializer makes', async () => {
    const { cache, near } = await here();
    await cache.getOrLoad('k', () => Buffer.from('abc'));
    await near('k', Buffer.from('abc'));
    const first = (await cache.getOrLoad('k', never)) as Buffer;
    first.fill(0);
    expect(await cache.getOrLoad('k', never)).toEqual(Buffer.from('abc'));

    const dates = { serialize: String, deserialize: (bytes: Buffer) => ({ at: new Date(bytes.toString()) }) };
    const own = await here({ serializer: dates });
    await own.cache.getOrLoad<unknown>('d', () => new Date(0) as never);
    await own.near('d', { at: new Date(0) });
    const given = (await own.cache.getOrLoad('d', never)) as { at: Date };
    given.at.setFullYear(1999);
    expect(await own.cache.getOrLoad('d', never)).toEqual({ at: new Date(0) });
  });

  it('shares nothing that one caller could change, and takes what refers to itself', async () => {
    const shallow = { serialize, deserialize: (bytes: Buffer) => Object.freeze(deserialize(bytes)) as unknown };
    const { cache, near } = await here({ serializer: shallow });
    const itself: Record<string, unknown> = { list: [1] };
    itself['self'] = itself;
    await cache.getOrLoad<unknown>('k', () => itself as never);
    await near('k', itself);
    const given = (await cache.getOrLoad('k', never)) as { list: number[] };
    expect(() => given.list.push(2)).toThrow(TypeError);
    expect(await cache.getOrLoad('k', never)).toEqual(itself);
  });

  it('takes for absent what its serializer can no longer read', async () => {
    let isBroken = false;
    const moody = {
      serialize: String,
      deserialize(bytes: Buffer) {
        if (isBroken) throw new Error('not now');
        return new URL(bytes.toString());
      },
    };
    const { cache, near } = await here({ serializer: moody });
    const load = () => new URL('http://a.example/') as never;
    await cache.getOrLoad<unknown>('k', load);
    await near('k', new URL('http://a.example/'));
    isBroken = true;
    const asked = cache.getOrLoad<unknown>('k', () => 'loaded' as never);
    isBroken = false;
    expect(await asked).toEqual(new URL('http://a.example/'));
  });

  it('gives nothing out after its time, or that of the value', async () => {
    const bound = await here({ l1TtlMs: 60 });
    await bound.cache.getOrLoad('k', () => 'v');
    await bound.near('k', 'v');
    await sleep(70);
    const { hits } = bound.cache.stats().l1 ?? { hits: 0 };
    expect(await bound.cache.getOrLoad('k', never)).toBe('v');
    expect(bound.cache.stats().l1?.hits).toBe(hits);

    const fresh = await here({ ttlMs: 150, jitter: 0 });
    await fresh.cache.getOrLoad('short', () => 'old');
    await fresh.near('short', 'old');
    await sleep(160);
    expect(await fresh.cache.getOrLoad('short', () => 'new')).toBe('new');
  });

  it('gives nothing out after its time to a caller that never lets the turn end either', async () => {
    const { cache, near } = await here({ l1TtlMs: 40 });
    await cache.getOrLoad('k', () => 'v');
    await near('k', 'v');
    const startedAt = performance.now();
    const fromRedis = () => cache.stats().hit - (cache.stats().l1?.hits ?? 0);
    const before = fromRedis();
    while (fromRedis() === before && performance.now() - startedAt < 1000) await cache.getOrLoad('k', never);
    expect(fromRedis()).toBe(before + 1);
  });

  it('ends with its cache', async () => {
    const { cache, near } = await here();
    await cache.getOrLoad('k', () => 'v');
    await near('k', 'v');
    cache.close();
    expect(cache.stats().l1).toMatchObject({ coherence: 'none', entries: 0, bytes: 0 });
    expect(await cache.getOrLoad('k', never)).toBe('v');
  });
});

describe('two processes with a tier each', () => {
  it('the one sees soon what the other has invalidated', async () => {
    const rounds = scale({ quick: 60, full: 2000 });
    await using members = await fleet<number[]>(2, new URL('../fleet/near.mjs', import.meta.url), {
      args: { url: it_.server.url, prefix: it_.clients.prefix, rounds },
      timeoutMs: 120_000,
    });
    const [invalidatedAt = [], seenAt = []] = await members.results;
    const delays = seenAt.map((at, n) => at - (invalidatedAt[n] ?? 0)).toSorted((a, b) => a - b);
    expect(delays).toHaveLength(rounds);
    const [median = 0, p99 = 0] = [0.5, 0.99].map((share) => delays[Math.floor(rounds * share)]);
    expect(median).toBeLessThan(20);
    expect(p99).toBeLessThan(scale({ quick: 250, full: 50 }));
  });
});

it('docs/caching.md shows what is tested here', async () => {
  const [page, recipe] = ['../../../../docs/caching.md', 'recipes/near.ts'].map((file) =>
    readFileSync(join(import.meta.dirname, file), 'utf8'),
  );
  expect(page).toContain(recipe?.trim());
  const redis = it_.clients.client({ keyPrefix: `${it_.clients.prefix}:` });
  const cache = cacheOf(redis);
  await eventually(() => expect(cache.stats().l1?.coherence).toBe('tracking'));
  expect(await cache.getOrLoad('k', () => 'v')).toBe('v');
  cache.close();
});
