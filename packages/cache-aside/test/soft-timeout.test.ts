import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { type CacheOptions, createCache } from '../src/index.ts';

const it_ = setting();

async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  const { prefix } = it_.clients;
  return createCache({ redis, prefix, ttlMs: 40, staleIfErrorMs: 60_000, jitter: 0, deadlineMs: 5000, ...more });
}

/** A loader that answers when it is told to. */
function held() {
  let answer: (value: string) => void = () => undefined;
  const value = new Promise<string>((resolve) => (answer = resolve));
  return { load: () => value, answer };
}

/** A cache that holds `old` for `k`, expired. */
async function expired(more: Partial<CacheOptions> = {}) {
  const cache = await here(more);
  await cache.getOrLoad('k', () => 'old');
  await eventually(() => expect(cache.stats().stored).toBe(1));
  await sleep(50);
  return cache;
}

describe('with a soft timeout', () => {
  it('a caller gets the expired value when the load takes longer, and the load is stored for the next', async () => {
    const cache = await expired({ softTimeoutMs: 30 });
    const { load, answer } = held();
    const askedAt = performance.now();
    expect(await cache.getOrLoad('k', load)).toBe('old');
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(25);
    expect(cache.stats()).toMatchObject({ stale: 1, load: 2 });
    answer('new');
    await eventually(() => expect(cache.stats().stored).toBe(2));
    expect(await cache.getOrLoad('k', () => 'newest', { ttlMs: 40 })).toBe('new');
  });

  it('a caller gets the new value when the load is quicker', async () => {
    const cache = await expired({ softTimeoutMs: 5000 });
    expect(await cache.getOrLoad('k', () => sleep(20, 'new'))).toBe('new');
    expect(cache.stats().stale).toBe(0);
  });

  it('so do those who wait for the load of another process', async () => {
    const [one, two] = [await expired({ softTimeoutMs: 5000 }), await here({ softTimeoutMs: 30 })];
    const { load, answer } = held();
    const first = one.getOrLoad('k', load);
    await eventually(() => expect(one.stats().load).toBe(2));
    expect(await two.getOrLoad('k', load)).toBe('old');
    expect(two.stats()).toMatchObject({ stale: 1, load: 0 });
    answer('new');
    expect(await first).toBe('new');
  });

  it('the wait counts from the call on, whatever it waits for', async () => {
    const cache = await expired({ softTimeoutMs: 0 });
    const { load, answer } = held();
    expect(await cache.getOrLoad('k', load)).toBe('old');
    answer('new');
  });

  it.each([
    ['nothing is kept', { staleIfErrorMs: 0 }],
    ['there is none', {}],
  ])('the caller waits as long as it takes where %s', async (_, more) => {
    const cache = await expired({ softTimeoutMs: Infinity, ...more });
    expect(await cache.getOrLoad('k', () => sleep(60, 'new'), { softTimeoutMs: 10, staleIfErrorMs: 0 })).toBe('new');
  });

  it('a value that was invalidated is nobody’s', async () => {
    const cache = await expired({ softTimeoutMs: 0 });
    await cache.invalidate({ keys: ['k'] });
    expect(await cache.getOrLoad('k', () => sleep(30, 'new'))).toBe('new');
  });

  it('a load that fails after its caller has gone rejects nowhere', async () => {
    const cache = await expired({ softTimeoutMs: 0 });
    const load = async () => {
      await sleep(20);
      throw new Error('the database is away');
    };
    expect(await cache.getOrLoad('k', load)).toBe('old');
    await eventually(() => expect(cache.stats().failed).toBe(1));
  });
});
