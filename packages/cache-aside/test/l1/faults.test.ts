import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, faultProxy, ifClientHas, type FaultProxy } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { Redis, type RedisOptions } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { afterEach, describe, expect, it } from 'vitest';
import { type Cache, type CacheOptions, createCache } from '../../src/index.ts';
import type { L1Options } from '../../src/l1/index.ts';
import { cacheWithTier, never } from './near.ts';

const it_ = setting();
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

type Options = Partial<CacheOptions> & L1Options;

async function near(redis: Redis, more: Options = {}) {
  const made = await cacheWithTier(redis, { prefix: it_.clients.prefix, ...more });
  ending.push(() => made.cache.close());
  return made;
}

const here = (more?: Options) => near(it_.clients.client(), more);

/** A client whose commands go one way, and what its tier hears comes another. */
async function twoWays(Client = Redis) {
  const [commands, changes] = [await proxy(), await proxy()];
  const options = { retryStrategy: () => 20 };
  const redis = new Client(commands.url, options);
  ending.push(() => redis.disconnect());
  redis.duplicate = (override: object = {}) => new Client(changes.url, { ...options, ...override });
  return { redis, commands, changes };
}

async function proxy(): Promise<FaultProxy> {
  const made = await faultProxy(it_.server);
  ending.push(() => made.close());
  return made;
}

const coherenceOf = (cache: Cache) => cache.stats().l1?.coherence;

describe.each([
  ['ioredis', Redis],
  ['ioredis 5', Redis5 as unknown as typeof Redis],
])('a tier over %s whose connection', (_, Client) => {
  it('is cut gives nothing out and keeps nothing, until it hears again', async () => {
    const { redis, changes } = await twoWays(Client);
    const { cache, near: given } = await near(redis);
    const other = await here();
    await cache.getOrLoad('k', () => 'old');
    await given('k', 'old');
    changes.refuse();
    await eventually(() => expect(cache.stats().l1).toMatchObject({ coherence: 'none', entries: 0 }));
    await other.cache.invalidate({ keys: ['k'] });
    expect(await cache.getOrLoad('k', () => 'new')).toBe('new');
    expect(cache.stats().l1).toMatchObject({ entries: 0 });
    changes.pass();
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'));
    await given('k', 'new');
    await other.cache.invalidate({ keys: ['k'] });
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'newest')).toBe('newest'));
  });

  it('is killed by the server forgets what it kept, and hears again under its new name', async () => {
    const { cache, near: given } = await near((await twoWays(Client)).redis);
    const other = await here();
    await cache.getOrLoad('k', () => 'old');
    await given('k', 'old');
    const admin = it_.clients.client();
    for (let n = 1; n <= 3; n += 1) {
      await admin.client('KILL', 'TYPE', 'PUBSUB');
      // At once, while it is away, or just back.
      await other.cache.invalidate({ keys: ['k'] });
      await eventually(async () => expect(await cache.getOrLoad('k', () => `new ${n}`)).toBe(`new ${n}`));
      await eventually(() => expect(coherenceOf(cache)).toBe('tracking'));
      await given('k', `new ${n}`);
    }
  });

  it('says nothing any more never gives out what is older than the tier may keep it, and is replaced', async () => {
    const { redis, changes } = await twoWays(Client);
    const { cache, near: given } = await near(redis, { l1TtlMs: 1000 });
    const other = await here();
    await cache.getOrLoad('k', () => 'old');
    await given('k', 'old');
    changes.blackhole();
    await other.cache.invalidate({ keys: ['k'] });
    await other.cache.getOrLoad('k', () => 'new');
    await other.near('k', 'new');
    const invalidatedAt = performance.now();
    let lastOldAt = invalidatedAt;
    while (performance.now() - invalidatedAt < 1200) {
      const askedAt = performance.now();
      if ((await cache.getOrLoad('k', never)) === 'old') lastOldAt = askedAt;
      await sleep(5);
    }
    expect(lastOldAt - invalidatedAt).toBeGreaterThan(0); // it did not hear
    expect(lastOldAt - invalidatedAt).toBeLessThanOrEqual(1000);
    // Nobody answers its heartbeat: it gives up within two.
    await eventually(() => expect(coherenceOf(cache)).toBe('none'), { withinMs: 3000 });
    changes.pass();
    await eventually(() => expect(coherenceOf(cache)).toBe('tracking'), { withinMs: 3000 });
    await given('k', 'new');
  });
});

describe('a tier', () => {
  it('does not keep what was read before it heard of a change, however late the reply', async () => {
    const { redis, commands } = await twoWays();
    const { cache } = await near(redis);
    const other = await here();
    await other.cache.getOrLoad('k', () => 'old');
    await eventually(() => expect(other.cache.stats().stored).toBe(1));
    expect(await cache.getOrLoad('another', () => 1)).toBe(1); // the clock is known
    commands.delay({ request: 0, reply: 150 });
    const reading = cache.getOrLoad('k', never);
    await sleep(40);
    await other.cache.invalidate({ keys: ['k'] });
    expect(await reading).toBe('old'); // it was asked before
    commands.delay(0);
    expect(await cache.getOrLoad('k', () => 'new')).toBe('new');
  });

  it('does not keep what was read before its own process invalidated it', async () => {
    const { redis, commands } = await twoWays();
    const { cache } = await near(redis);
    const other = await here();
    await other.cache.getOrLoad('k', () => 'old');
    await eventually(() => expect(other.cache.stats().stored).toBe(1));
    await cache.getOrLoad('another', () => 1);
    commands.delay({ request: 0, reply: 60 });
    const reading = cache.getOrLoad('k', never);
    await sleep(10);
    const invalidating = cache.invalidate({ keys: ['k'] });
    expect(await reading).toBe('old');
    await invalidating;
    commands.delay(0);
    expect(await cache.getOrLoad('k', () => 'new')).toBe('new');
  });

  it('gives nothing out while it knows that something was marked, and cannot ask what', async () => {
    const { redis, commands } = await twoWays();
    const { cache, near: given } = await near(redis, { deadlineMs: 100 });
    const other = await here();
    await cache.getOrLoad('k', () => 'old', { tags: ['t'] });
    await given('k', 'old');
    commands.blackhole();
    await other.cache.invalidate({ tags: ['t'] });
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new'));
    commands.pass();
    await eventually(async () => {
      expect(await cache.getOrLoad('k', () => 'newer', { tags: ['t'] })).toMatch(/new/);
      expect(cache.stats().stored).toBeGreaterThan(1);
    });
  });

  it('does not give out what its own process has invalidated while Redis is away', async () => {
    const { redis, commands, changes } = await twoWays();
    const { cache, near: given } = await near(redis, { deadlineMs: 50 });
    for (const invalidation of [{ keys: ['k'] }, { tags: ['t'] }]) {
      await cache.getOrLoad('k', () => 'old', { tags: ['t'] });
      await given('k', 'old');
      commands.blackhole();
      expect(await cache.invalidate(invalidation)).toEqual({ delivered: 0, queued: 1 });
      expect(await cache.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new');
      // Nor once it is delivered, before it is heard of.
      changes.delay(300);
      commands.pass();
      await eventually(() => expect(cache.stats().backlog).toBe(0), { everyMs: 1 });
      expect(await cache.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new');
      changes.delay(0);
      await cache.invalidate({ keys: ['k'] });
    }
  });

  it.each<[string, (cache: Cache) => Promise<unknown>]>([
    ['its key', (cache) => cache.invalidate({ keys: ['k'] })],
    ['a tag of it', (cache) => cache.invalidate({ tags: ['t'] })],
    ['its key and another tag', (cache) => cache.invalidate({ keys: ['k'], tags: ['another'] })],
    ['everything', (cache) => cache.clear()],
    ['a write through', (cache) => cache.writeThrough('k', () => 1)],
  ])('does not give out what its own process has invalidated, before it hears of it: by %s', async (_, invalidate) => {
    const { redis, changes } = await twoWays();
    const { cache, near: given } = await near(redis);
    await cache.getOrLoad('k', () => 'old', { tags: ['t'] });
    await given('k', 'old');
    changes.delay(500);
    await invalidate(cache);
    for (let n = 0; n < 10; n += 1) {
      expect(await cache.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new');
      await sleep(5);
    }
  });

  it('does not give out what another cache of its process has marked late, before it hears of it', async () => {
    const { redis, changes } = await twoWays();
    const first = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000 });
    ending.push(() => first.close());
    const { cache, near: given } = await near(redis);
    await cache.getOrLoad('k', () => 'old', { tags: ['t'] });
    await given('k', 'old');
    const admin = it_.clients.client();
    ending.push(() => admin.config('SET', 'min-replicas-to-write', 0));
    await admin.config('SET', 'min-replicas-to-write', 1);
    expect(await cache.invalidate({ tags: ['t'] })).toEqual({ delivered: 0, queued: 1 });
    // Nor while it waits, though the tier can ask what else was marked.
    for (let n = 0; n < 10; n += 1) {
      expect(await cache.getOrLoad('k', () => 'meanwhile', { tags: ['t'] })).toBe('meanwhile');
      await sleep(5);
    }
    changes.delay(500);
    await admin.config('SET', 'min-replicas-to-write', 0);
    await eventually(() => expect(cache.stats().backlog).toBe(0), { everyMs: 1 });
    expect(await cache.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new');
  });

  it('goes on giving out what it has while Redis hangs, as long as it may, and then loads', async () => {
    const { cache, near: given } = await here({ l1TtlMs: 1000, deadlineMs: 50 });
    await cache.getOrLoad('k', () => 'old');
    await given('k', 'old');
    it_.server.pause();
    const pausedAt = performance.now();
    expect(await cache.getOrLoad('k', () => 'loaded')).toBe('old');
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'loaded')).toBe('loaded'));
    expect(performance.now() - pausedAt).toBeLessThan(1500);
    it_.server.resume();
  });

  it('forgets all when the server does, and hears the next', async () => {
    const { cache, near: given } = await here();
    await cache.getOrLoad('k', () => 'old');
    await given('k', 'old');
    await it_.clients.client().flushall();
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'new')).toBe('new'));
    await given('k', 'new');
  });

  it.each<[string, (redis: Redis, key: string) => Promise<unknown>]>([
    ['deleted', (redis, key) => redis.del(key)],
    ['expired', (redis, key) => redis.pexpire(key, 1)],
    ['changed', (redis, key) => redis.set(key, 'nonsense', 'PX', 1000)],
  ])('hears that a key was %s by somebody else', async (_, change) => {
    const { cache, near: given } = await here();
    await cache.getOrLoad('k', () => 'old');
    await given('k', 'old');
    await change(it_.clients.client(), `${it_.clients.prefix}:v1:cache-aside:{k}`);
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'new')).toBe('new'));
  });

  it('hears with a client that puts a prefix before its keys', async () => {
    const redis = it_.clients.client({ keyPrefix: 'app*[:' });
    const { cache, near: given } = await near(redis);
    const other = await near(it_.clients.client({ keyPrefix: 'app*[:' }));
    await cache.getOrLoad('k', () => 'old');
    await given('k', 'old');
    await other.cache.invalidate({ keys: ['k'] });
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'new')).toBe('new'));
    await it_.clients.client().unlink(...(await it_.clients.client().keys('app*')));
  });
});

describe('where the server refuses', () => {
  /** A client of a user who may do this, and not what is taken away. */
  async function restricted(options: RedisOptions, ...rules: string[]) {
    const admin = it_.clients.client();
    const user = `u${Math.random().toString(36).slice(2)}`;
    await admin.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', ...rules);
    const redis = it_.clients.client({ ...options, username: user, password: 'secret' });
    // Or it would try again, as nobody.
    ending.push(
      () => admin.call('ACL', 'DELUSER', user),
      () => redis.disconnect(),
    );
    return redis;
  }

  it('client tracking, a tier hears what the cache itself publishes', async () => {
    const redis = await restricted({}, '-client|tracking');
    const { cache, near: given } = await near(redis);
    expect(coherenceOf(cache)).toBe('publish');
    const other = await here();
    await cache.getOrLoad('k', () => 'old', { tags: ['t'] });
    await given('k', 'old');
    await other.cache.invalidate({ keys: ['k'] });
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new'));
    await given('k', 'new');
    await other.cache.invalidate({ tags: ['t'] });
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'newer', { tags: ['t'] })).toBe('newer'));
    // What is gone from Redis, and here, is invalidated all the same.
    await given('k', 'newer');
    await it_.clients.client().del(`${it_.clients.prefix}:v1:cache-aside:{k}`);
    await other.cache.invalidate({ keys: ['k'] });
    await eventually(async () => expect(await cache.getOrLoad('k', () => 'newest')).toBe('newest'));
  });

  it(
    'client tracking, a tier hears with a client that puts a prefix before its keys, and of the next server by tracking',
    ifClientHas('insides'),
    async () => {
      const redis = await restricted({ keyPrefix: 'app[x]*:' }, '-client|tracking');
      const { cache, near: given } = await near(redis);
      expect(coherenceOf(cache)).toBe('publish');
      const other = await near(it_.clients.client({ keyPrefix: 'app[x]*:' }));
      await cache.getOrLoad('k', () => 'old');
      await given('k', 'old');
      await other.cache.invalidate({ keys: ['k'] });
      await eventually(async () => expect(await cache.getOrLoad('k', () => 'new')).toBe('new'));
      await it_.clients.client().call('ACL', 'SETUSER', redis.options.username ?? '', '+client|tracking');
      redis.disconnect(true);
      await eventually(() => expect(coherenceOf(cache)).toBe('tracking'));
      await it_.clients.client().unlink(...(await it_.clients.client().keys('app*')));
    },
  );

  it('to tell at all, nothing is kept, a warning says so once, and the cache works without', async () => {
    const redis = await restricted({}, '-client|tracking', '-psubscribe');
    const warnings: NodeJS.ErrnoException[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    ending.push(() => process.off('warning', onWarning));
    const { l1 } = await import('../../src/l1/index.ts');
    const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, l1: l1() });
    ending.push(() => cache.close());
    await eventually(() => expect(warnings.map(({ code }) => code)).toContain('TURNPIKE_WARN_L1_DEAF'));
    await cache.getOrLoad('k', () => 'v');
    for (let n = 0; n < 5; n += 1) expect(await cache.getOrLoad('k', () => 'w')).toMatch(/[vw]/);
    expect(cache.stats().l1).toMatchObject({ coherence: 'none', hits: 0, entries: 0 });
    expect(warnings.filter(({ code }) => code === 'TURNPIKE_WARN_L1_DEAF')).toHaveLength(1);
  });
});
