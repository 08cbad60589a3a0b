import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, race, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it, vi } from 'vitest';
import { type CacheOptions, type LoadContext, type WarmEntry, createCache } from '../src/index.ts';

const it_ = setting();

/** One process's cache: a client of its own. */
async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  return createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
}

/** A database that writes down what it is asked for, each time by itself. */
function table(loadMs = 0) {
  const asked: string[] = [];
  let most = 0;
  let running = 0;
  const load = async (key: string): Promise<string> => {
    asked.push(key);
    running += 1;
    most = Math.max(most, running);
    await sleep(loadMs);
    running -= 1;
    return `v ${key}`;
  };
  const entryOf = (key: string): WarmEntry<string> => ({ key, load: () => load(key) });
  return { asked, load, entryOf, most: () => most };
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `k${n}`);
const inRedis = (key: string) => it_.clients.client().pttl(`${it_.clients.prefix}:v1:cache-aside:{${key}}`);

describe('warm', () => {
  it('loads what is not there, leaves alone what is fresh, and has stored it when it resolves', async () => {
    const [one, two] = [await here(), await here()];
    await one.getOrLoad('k1', () => 'there');
    await eventually(() => expect(one.stats().stored).toBe(1));
    const { asked, entryOf } = table();
    expect(await one.warm(numbered(4).map(entryOf))).toEqual({ loaded: 3, present: 1, failed: 0 });
    expect(asked).toEqual(['k0', 'k2', 'k3']);
    expect(one.stats().stored).toBe(4);
    expect([...(await two.getMany(numbered(4), () => [])).values()]).toEqual(['v k0', 'there', 'v k2', 'v k3']);
    expect(await two.warm(numbered(4).map(entryOf))).toEqual({ loaded: 0, present: 4, failed: 0 });
  });

  it('takes tags, freshness, and what a loader says, of each entry', async () => {
    const cache = await here();
    const load = ({ tag, ttlMs, signal }: LoadContext) => {
      tag('said');
      if (!signal.aborted) ttlMs(600_000);
      return 1;
    };
    await cache.warm([
      { key: 'said', load },
      { key: 'given', load: () => 1, ttlMs: 300_000, tags: ['given'] },
    ]);
    expect(await inRedis('said')).toBeGreaterThan(500_000);
    expect(await inRedis('given')).toBeGreaterThan(200_000);
    await cache.invalidate({ tags: ['said', 'given'] });
    expect(await cache.getMany(['said', 'given'], () => [])).toEqual(new Map());
  });

  it('takes entries as they come, so many at a time', async () => {
    const cache = await here();
    const { entryOf, asked, most } = table(5);
    let taken = 0;
    async function* cursor() {
      for (const key of numbered(scale({ quick: 30, full: 10_000 }))) {
        expect(taken - asked.length).toBeLessThanOrEqual(3);
        taken += 1;
        yield entryOf(key);
      }
    }
    const { loaded } = await cache.warm(cursor(), { concurrency: 3 });
    expect(loaded).toBe(taken);
    expect(most()).toBe(3);
  }, 120_000);

  it('loads what comes from one query in one query for each batch', async () => {
    const cache = await here();
    const loadMany = vi.fn<(missing: readonly string[]) => [string, string | undefined][]>((missing) =>
      missing.map((key) => [key, key === 'k7' ? undefined : `v ${key}`]),
    );
    await cache.getOrLoad('k3', () => 'there');
    await eventually(() => expect(cache.stats().stored).toBe(1));
    const batches = [numbered(5), numbered(10).slice(5)].map((keys) => ({ keys, loadMany, tags: ['t'] }));
    expect(await cache.warm(batches)).toEqual({ loaded: 9, present: 1, failed: 0 });
    expect(loadMany.mock.calls.map(([missing]) => missing.join())).toEqual(['k0,k1,k2,k4', 'k5,k6,k7,k8,k9']);
    expect(cache.stats().stored).toBe(9);
  });

  it('by several processes at once loads each key once', async () => {
    const caches = [await here(), await here(), await here()];
    const { asked, entryOf } = table(5);
    const keys = numbered(40);
    const counts = await race(3, (n) => (caches[n] as (typeof caches)[0]).warm(keys.map(entryOf)));
    expect(asked.toSorted()).toEqual(keys.toSorted());
    expect(counts.reduce((sum, { loaded }) => sum + loaded, 0)).toBe(40);
    expect(counts.map(({ loaded, present }) => loaded + present)).toEqual([40, 40, 40]);
  });

  it('does not store what was read before an invalidation', async () => {
    const [one, two] = [await here(), await here()];
    let answer: (value: string) => void = () => undefined;
    const warming = one.warm([{ key: 'k', load: () => new Promise<string>((resolve) => (answer = resolve)) }]);
    await eventually(() => expect(one.stats().load).toBe(1));
    await two.invalidate({ keys: ['k'] });
    answer('old');
    expect(await warming).toEqual({ loaded: 1, present: 0, failed: 0 });
    expect(one.stats()).toMatchObject({ stored: 0, refused: 1 });
    expect(await two.getOrLoad('k', () => 'new')).toBe('new');
  });

  it('loads what is stale, while others are served it', async () => {
    const cache = await here({ ttlMs: 20, staleMs: 60_000 });
    await cache.getOrLoad('k', () => 'old');
    await eventually(() => expect(cache.stats().stored).toBe(1));
    await sleep(40);
    let answer: (value: string) => void = () => undefined;
    const load = () => new Promise<string>((resolve) => (answer = resolve));
    const warming = cache.warm([{ key: 'k', load, ttlMs: 60_000 }]);
    await eventually(() => expect(cache.stats().load).toBe(2));
    expect(await cache.getOrLoad('k', () => 'x')).toBe('old');
    answer('new');
    expect(await warming).toEqual({ loaded: 1, present: 0, failed: 0 });
    expect(await cache.getOrLoad('k', () => 'x')).toBe('new');
  });

  it('counts a loader that fails, also where a kept value is left, and goes on', async () => {
    const cache = await here({ ttlMs: 20, staleIfErrorMs: 60_000 });
    await cache.getOrLoad('kept', () => 'old');
    await eventually(() => expect(cache.stats().stored).toBe(1));
    await sleep(40);
    const failing = (): string => {
      throw new Error('gone');
    };
    const entries = [...['kept', 'none'].map((key) => ({ key, load: failing })), table().entryOf('well')];
    expect(await cache.warm(entries)).toEqual({ loaded: 1, present: 0, failed: 2 });
    expect(cache.stats().failed).toBe(2);
    expect(await inRedis('well')).toBeGreaterThan(0);
  });

  it('without Redis loads nothing, since it could not be stored', async () => {
    const cache = await here({ deadlineMs: 50 });
    await cache.getOrLoad('warm', () => 1);
    await eventually(() => expect(cache.stats().stored).toBe(1));
    it_.server.pause();
    const { asked, entryOf } = table();
    expect(await cache.warm(numbered(30).map(entryOf))).toEqual({ loaded: 0, present: 0, failed: 30 });
    expect(asked).toEqual([]);
  });

  it('takes no more entries once its signal is aborted, and ends with what has begun', async () => {
    const cache = await here();
    const { asked, entryOf } = table(10);
    const stopping = new AbortController();
    let isReturned = false;
    async function* endless() {
      try {
        for (let n = 0; ; n += 1) {
          if (n === 5) stopping.abort();
          yield entryOf(`k${n}`);
        }
      } finally {
        isReturned = true;
      }
    }
    const { loaded } = await cache.warm(endless(), { concurrency: 2, signal: stopping.signal });
    expect(asked).toHaveLength(5);
    expect(loaded).toBe(5);
    expect(isReturned).toBe(true);
  });

  it.each([
    ['no entries', (cache: any) => cache.warm(undefined)],
    ['an object for entries', (cache: any) => cache.warm({ key: 'k', load: () => 1 })],
    ['an entry that is none', (cache: any) => cache.warm([null])],
    ['an entry without a key', (cache: any) => cache.warm([{ load: () => 1 }])],
    ['an entry with a value instead of a loader', (cache: any) => cache.warm([{ key: 'k', value: 1 }])],
    ['an unknown option of an entry', (cache: any) => cache.warm([{ key: 'k', load: () => 1, ttl: 5 }])],
    ['a batch without a loader', (cache: any) => cache.warm([{ keys: ['k'] }])],
    ['an unknown option', (cache: any) => cache.warm([], { parallel: 5 })],
    ['a concurrency of nothing', (cache: any) => cache.warm([], { concurrency: 0 })],
    ['a signal that is none', (cache: any) => cache.warm([], { signal: {} })],
  ])('%s is a coded error', async (_, call) => {
    await expect(call(await here())).rejects.toMatchObject({ code: 'ERR_TURNPIKE_OPTION' });
  });

  it('rejects as its entries do, and for a wrong one among them, when what runs is over', async () => {
    const cache = await here();
    const { entryOf } = table(20);
    async function* breaking() {
      yield entryOf('a');
      throw new RangeError('the cursor broke');
    }
    await expect(cache.warm(breaking())).rejects.toThrow('the cursor broke');
    expect(cache.stats().stored).toBe(1);
    async function* wrong() {
      yield entryOf('b');
      yield { key: '' } as never;
      await sleep(40); // and meanwhile nobody looks at it
      yield entryOf('c');
    }
    await expect(cache.warm(wrong())).rejects.toMatchObject({ code: 'ERR_TURNPIKE_OPTION' });
    expect(cache.stats().stored).toBe(cache.stats().load);
  });
});
