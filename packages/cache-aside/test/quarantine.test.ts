import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, race } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { seenOf } from '../src/envelope.ts';
import { type Cache, type CacheOptions, createCache } from '../src/index.ts';

const it_ = setting();

/** Longer than any test. */
const LONG_MS = 60_000;

/** One process's cache: a client of its own. */
async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  return createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
}

const stored = (cache: Cache, count = 1) =>
  eventually(() => expect(cache.stats().stored).toBeGreaterThanOrEqual(count));

/** A load that ends when the test says so. */
function held() {
  let answer: (value: string) => void = () => undefined;
  const value = new Promise<string>((resolve) => (answer = resolve));
  return { loader: () => value, answer };
}

/** By then who asks has looked. */
const LOOK_MS = 30;

const TAGGED = { tags: ['t'] };

/** Whatever concerns the key `k`, which is tagged. */
const INVALIDATIONS: [name: string, invalidate: (cache: Cache, quarantineMs: number) => Promise<unknown>][] = [
  ['a key', (cache, quarantineMs) => cache.invalidate({ keys: ['k'], quarantineMs })],
  ['a tag', (cache, quarantineMs) => cache.invalidate({ tags: ['t'], quarantineMs })],
  ['everything', (cache, quarantineMs) => cache.clear({ quarantineMs })],
];

describe.each(INVALIDATIONS)('within a quarantine of %s', (_, invalidate) => {
  it('4 caches × 20 callers are one load under a lease, then one for each other cache, side by side', async () => {
    const caches = await race(4, () => here());
    const [first] = caches as [Cache];
    await first.getOrLoad('k', () => 'old', TAGGED);
    await stored(first);
    await invalidate(first, LONG_MS);
    const sum = (count: 'load' | 'waited' | 'alone' | 'stored') =>
      caches.reduce((total, cache) => total + cache.stats()[count], 0);
    const before = sum('load');
    const running = caches.map(() => 0);
    const values = await race(80, (n) => {
      const mine = n % caches.length;
      const load = async () => {
        running[mine] = (running[mine] ?? 0) + 1;
        const [isLeased, loads] = [sum('alone') === 0, sum('load') - before];
        // Under the lease until all others wait for it; without one until all of them have looked again.
        if (isLeased)
          await eventually(() => expect(caches.filter((cache) => cache.stats().waited >= 20)).toHaveLength(3));
        else await eventually(() => expect(sum('alone')).toBe(60));
        return `new, of ${loads}`;
      };
      return (caches[mine] as Cache).getOrLoad('k', load, TAGGED);
    });
    expect(new Set(values)).toEqual(new Set(['new, of 1']));
    expect(running).toEqual([1, 1, 1, 1]);
    expect({ load: sum('load'), alone: sum('alone'), stored: sum('stored') }).toEqual({
      load: before + 1,
      alone: 60,
      stored: 1,
    });
  });

  it('who comes while its process loads joins that', async () => {
    const [one, two] = [await here(), await here()];
    await invalidate(two, LONG_MS);
    const load = held();
    const first = one.getOrLoad('k', load.loader, TAGGED);
    await eventually(() => expect(one.stats().load).toBe(1));
    const second = one.getOrLoad('k', () => 'not called', TAGGED);
    await sleep(LOOK_MS);
    load.answer('v');
    expect([await first, await second]).toEqual(['v', 'v']);
  });

  it('who comes while its process loads without a lease joins that, and not what began before the next', async () => {
    const [one, two] = [await here(), await here()];
    await invalidate(two, LONG_MS);
    const entry = async () => String(await it_.clients.client().get(`${it_.clients.prefix}:v1:cache-aside:{k}`));
    await one.getOrLoad('k', () => 'v', TAGGED);
    await eventually(async () => expect(await entry()).toMatch(/^2P/));
    for (const isInvalidated of [false, true]) {
      const { alone } = one.stats();
      const load = held();
      const first = one.getOrLoad('k', load.loader, TAGGED);
      await eventually(() => expect(one.stats().alone).toBe(alone + 1));
      if (isInvalidated) await invalidate(two, LONG_MS);
      const second = one.getOrLoad('k', () => 'new', TAGGED);
      await sleep(LOOK_MS);
      load.answer('old');
      expect([await first, await second]).toEqual(['old', isInvalidated ? 'new' : 'old']);
    }
  });

  it('what was being loaded as it began is neither stored nor joined', async () => {
    const [one, two] = [await here(), await here()];
    const load = held();
    const before = one.getOrLoad('k', load.loader, TAGGED);
    await eventually(() => expect(one.stats().load).toBe(1));
    await invalidate(two, LONG_MS);
    const after = [one, two].map((cache) => cache.getOrLoad('k', () => 'new', TAGGED));
    await sleep(LOOK_MS);
    load.answer('old');
    expect(await before).toBe('old');
    expect(await Promise.all(after)).toEqual(['new', 'new']);
    for (const cache of [one, two]) expect(await cache.getOrLoad('k', () => 'newer', TAGGED)).not.toBe('old');
  });

  it('what began within it is not joined by who asks after the next invalidation, however short that one is', async () => {
    const [one, two] = [await here(), await here()];
    for (const [n, nextMs] of [0, 1000].entries()) {
      await invalidate(two, LONG_MS);
      const load = held();
      const before = one.getOrLoad('k', load.loader, TAGGED);
      await eventually(() => expect(one.stats().load).toBe(2 * n + 1));
      await invalidate(two, nextMs);
      const after = one.getOrLoad('k', () => 'new', TAGGED);
      await sleep(LOOK_MS);
      load.answer('old');
      expect([await before, await after]).toEqual(['old', 'new']);
      await two.invalidate({ keys: ['k'], quarantineMs: 0 });
    }
  });

  it('what began within it is not joined by who asks after it, and what is loaded then stays', async () => {
    const [one, two] = [await here(), await here()];
    await invalidate(two, 100);
    const until = performance.now() + 100;
    const load = held();
    const within = one.getOrLoad('k', load.loader, TAGGED);
    await eventually(() => expect(one.stats().load).toBe(1));
    await sleep(until - performance.now() + 20);
    const after = one.getOrLoad('k', () => 'new', TAGGED);
    await sleep(LOOK_MS);
    load.answer('old');
    expect([await within, await after]).toEqual(['old', 'new']);
    await stored(one);
    for (const cache of [one, two]) expect(await cache.getOrLoad('k', () => 'newer', TAGGED)).toBe('new');
  });

  it('nothing stays that is loaded within it, and everything after it', async () => {
    const cache = await here();
    let count = 0;
    const loader = () => `v ${(count += 1)}`;
    await cache.getOrLoad('k', loader, TAGGED);
    await stored(cache);
    await invalidate(cache, 200);
    const until = performance.now() + 200;
    const first = await cache.getOrLoad('k', loader, TAGGED);
    await eventually(async () => expect(await cache.getOrLoad('k', loader, TAGGED)).not.toBe(first));
    expect(cache.stats().stored).toBe(1);
    await sleep(until - performance.now() + 20);
    await cache.getOrLoad('k', loader, TAGGED);
    await stored(cache, 2);
    const loaded = count;
    await cache.getOrLoad('k', loader, TAGGED);
    expect(count).toBe(loaded);
  });
});

describe('a quarantine', () => {
  it('leaves alone what it does not concern', async () => {
    const [one, two] = [await here(), await here()];
    await two.invalidate({ keys: ['other'], tags: ['other'], quarantineMs: LONG_MS });
    expect(await one.getOrLoad('k', () => 'v', TAGGED)).toBe('v');
    await stored(one);
    expect(await two.getOrLoad('k', () => 'w', TAGGED)).toBe('v');
  });

  it('hides a value that another process has stored all the same', async () => {
    const [one, two] = [await here(), await here()];
    await two.invalidate({ tags: ['t'], quarantineMs: LONG_MS });
    await one.getOrLoad('k', () => 'v', { tags: ['u'] });
    await stored(one);
    const redis = it_.clients.client();
    const entryKey = `${it_.clients.prefix}:v1:cache-aside:{k}`;
    const entry = await redis.getBuffer(entryKey);
    await redis.setrange(entryKey, seenOf(entry).length - 1, 't');
    for (const cache of [one, two]) expect(await cache.getOrLoad('k', () => 'new')).toBe('new');
  });

  it('of which is forgotten when it began lets nobody join what may have begun before', async () => {
    const [one, two] = [await here(), await here()];
    await two.invalidate({ tags: ['t'], quarantineMs: LONG_MS });
    const load = held();
    const before = one.getOrLoad('k', load.loader, TAGGED);
    await eventually(() => expect(one.stats().load).toBe(1));
    await two.invalidate({ tags: ['t'], quarantineMs: LONG_MS });
    await it_.clients.client().del(`${it_.clients.prefix}:v1:cache-aside:{clock}:made`);
    const after = one.getOrLoad('k', () => 'new', TAGGED);
    await sleep(LOOK_MS);
    load.answer('old');
    expect([await before, await after]).toEqual(['old', 'new']);
  });
});
