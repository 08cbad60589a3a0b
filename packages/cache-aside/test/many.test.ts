import { setTimeout as sleep } from 'node:timers/promises';
import { countCommands, eventually, faultProxy, race, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it, vi } from 'vitest';
import { type CacheOptions, type ManyLoader, createCache } from '../src/index.ts';
import { cacheWithTier } from './l1/near.ts';

const it_ = setting();

/** One process's cache: a client of its own. */
async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  return createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
}

/** A database with a row for each key, that writes down what it was asked for. */
function rows(name = 'v') {
  return vi.fn<ManyLoader<string>>((missing) => missing.map((key) => [key, `${name} ${key}`] as const));
}

/** A loader that is answered by the test. */
function pending<T>() {
  let answer: (pairs: [string, T][]) => void = () => undefined;
  const loader = vi.fn<ManyLoader<T>>(() => new Promise((resolve) => (answer = resolve)));
  return { loader, answer: (pairs: [string, T][]) => answer(pairs) };
}

const askedOf = (loader: ReturnType<typeof rows>) => loader.mock.calls.map(([missing]) => [...missing]);
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `k${n}`);
const entryOf = (key: string) => `${it_.clients.prefix}:v1:cache-aside:{${key}}`;
const stored = (cache: Awaited<ReturnType<typeof here>>, count = 1) =>
  eventually(() => expect(cache.stats().stored).toBeGreaterThanOrEqual(count));

describe('getMany', () => {
  it('gives the values in the order of their keys, each once, and loads those that nobody has in one call', async () => {
    const [one, two] = [await here(), await here()];
    const loader = rows();
    await one.getOrLoad('b', () => 'own b');
    await stored(one);
    expect([...(await two.getMany(['c', 'b', 'a', 'c'], loader))]).toEqual([
      ['c', 'v c'],
      ['b', 'own b'],
      ['a', 'v a'],
    ]);
    expect(askedOf(loader)).toEqual([['c', 'a']]);
    await stored(two, 2);
    expect((await one.getMany(['a', 'b', 'c'], loader)).size).toBe(3);
    expect(await one.getOrLoad('a', () => 'x')).toBe('v a');
    expect(loader).toHaveBeenCalledOnce();
  });

  it('of no keys asks nobody', async () => {
    const cache = await here();
    const loader = rows();
    expect(await countCommands(it_.server, () => cache.getMany([], loader))).toEqual([]);
    expect(loader).not.toHaveBeenCalled();
  });

  it('leaves out keys that have no value, keeps null for negativeTtlMs, and takes a Map as it takes pairs', async () => {
    const cache = await here({ negativeTtlMs: 1000, jitter: 0 });
    const loader = vi.fn<ManyLoader<string | null | undefined>>(
      async () =>
        new Map<string, string | null | undefined>([
          ['null', null],
          ['undefined', undefined],
          ['there', 'v'],
        ]),
    );
    const values = await cache.getMany(['null', 'undefined', 'nameless', 'there'], loader);
    expect([...values]).toEqual([
      ['null', null],
      ['there', 'v'],
    ]);
    await stored(cache, 2);
    const redis = it_.clients.client();
    expect(await redis.pttl(entryOf('null'))).toBeLessThanOrEqual(1000);
    await cache.getMany(['null', 'undefined', 'nameless', 'there'], loader);
    expect(loader.mock.calls.at(-1)?.[0]).toEqual(['undefined', 'nameless']);
  });

  it('takes tags and a TTL for each key, from its call and from its loader', async () => {
    const cache = await here();
    const loader = rows();
    loader.mockImplementation((missing, { tag, ttlMs }) => {
      for (const key of missing) tag(key, `tag of ${key}`);
      ttlMs('a', 600_000);
      return missing.map((key) => [key, 'v'] as const);
    });
    const get = () => cache.getMany(['a', 'b'], loader, { tags: ['both'], ttlMs: 50_000 });
    await get();
    await stored(cache, 2);
    const redis = it_.clients.client();
    expect(await redis.pttl(entryOf('a'))).toBeGreaterThan(500_000);
    expect(await redis.pttl(entryOf('b'))).toBeLessThanOrEqual(50_000);
    await cache.invalidate({ tags: ['tag of b'] });
    await get();
    await stored(cache, 3);
    await cache.invalidate({ tags: ['both'] });
    await get();
    expect(askedOf(loader)).toEqual([['a', 'b'], ['b'], ['a', 'b']]);
  });

  it('gives each value its version, so that a write may set over it', async () => {
    const cache = await here();
    await cache.getMany(['k'], (_, { version }) => {
      version('k', 1);
      return [['k', 'one']];
    });
    await stored(cache);
    await cache.writeThrough('k', ({ version }) => {
      version(2);
      return 'two';
    });
    expect(await cache.getMany(['k'], rows())).toEqual(new Map([['k', 'two']]));
  });

  it('does not store what is over maxBytes, and stores the others', async () => {
    const cache = await here({ maxBytes: 100 });
    const loader = rows();
    loader.mockImplementation((missing) => missing.map((key) => [key, key === 'b' ? 'x'.repeat(99) : key] as const));
    for (const asked of [['a', 'b'], ['b']]) {
      expect((await cache.getMany(['a', 'b'], loader)).get('b')).toHaveLength(99);
      expect(askedOf(loader).at(-1)).toEqual(asked);
      await stored(cache);
    }
  });

  it('ignores keys that it did not ask for, and says so once', async () => {
    const cache = await here();
    const warnings: Error[] = [];
    const hear = (warning: Error) => void warnings.push(warning);
    process.on('warning', hear);
    for (const key of ['a', 'b']) {
      const values = await cache.getMany([key], (_, { tag }) => {
        tag('other', 't');
        return [
          [key, 1],
          ['other', 2],
        ];
      });
      expect([...values]).toEqual([[key, 1]]);
    }
    expect(await cache.getOrLoad('other', () => 3)).toBe(3);
    await eventually(() => expect(warnings).toHaveLength(1));
    expect(warnings[0]).toMatchObject({ code: 'TURNPIKE_WARN_KEY_NOT_ASKED' });
    process.off('warning', hear);
  });

  it.each([
    ['keys that are none', (cache: any) => cache.getMany('ab', rows())],
    ['an undefined key', (cache: any) => cache.getMany(['a', undefined], rows())],
    ['an empty key', (cache: any) => cache.getMany([''], rows())],
    ['more than 1,000 keys', (cache: any) => cache.getMany(numbered(1001), rows())],
    ['a loader that is none', (cache: any) => cache.getMany(['a'], { load: 1 })],
    ['an unknown option', (cache: any) => cache.getMany(['a'], rows(), { ttl: 5 })],
    ['an empty tag of the loader', (cache: any) => cache.getMany(['a'], (_: any, { tag }: any) => tag('a', ''))],
    ['a loader that gives nothing', (cache: any) => cache.getMany(['a'], () => undefined)],
    ['a loader that gives an object', (cache: any) => cache.getMany(['a'], () => ({ a: 1 }))],
  ])('%s is a coded error', async (_, call) => {
    await expect(call(await here())).rejects.toMatchObject({ code: 'ERR_TURNPIKE_OPTION' });
  });
});

describe('with a tier in the process', () => {
  it('takes from it what it has, keeps there what it reads, and takes nothing that was invalidated', async () => {
    const { cache, near } = await cacheWithTier(it_.clients.client(), { prefix: it_.clients.prefix });
    const other = await here();
    await other.getMany(['a', 'b', 'c'], rows());
    await stored(other, 3);
    await near('b', 'v b');
    const ask = () => cache.getMany(['a', 'b', 'c'], rows('new'));
    const commands = await countCommands(it_.server, ask);
    expect(commands[0]?.slice(1, -1)).toEqual(['a', 'c'].map(entryOf));
    expect(await countCommands(it_.server, async () => expect([...(await ask()).values()]).toContain('v a'))).toEqual(
      [],
    );
    await other.invalidate({ keys: ['b'] });
    await eventually(async () => expect([...(await ask()).values()]).toEqual(['v a', 'new b', 'v c']));
    cache.close();
  });
});

describe('commands', () => {
  const names = (commands: string[][]) => commands.map(([name = '']) => name.toLowerCase().replace('evalsha', 'eval'));

  it('are one MGET for any number of hits; beside it one lease and one fill for each miss', async () => {
    const cache = await here();
    await cache.getMany(numbered(20), rows(), { tags: ['t'] });
    await stored(cache, 20);
    expect(names(await countCommands(it_.server, () => cache.getMany(numbered(20), rows())))).toEqual(['mget']);
    let beforeLoad = 0;
    const mixed = await countCommands(it_.server, async () => {
      await cache.getMany(numbered(50), async (missing) => {
        beforeLoad = cache.stats().load;
        return missing.map((key) => [key, 'v'] as const);
      });
      await stored(cache, 50);
    });
    expect(beforeLoad).toBe(50); // all leases of the call are there when it begins
    expect(names(mixed)).toEqual(['mget', ...Array.from({ length: 60 }, () => 'eval')]);
    expect(cache.stats()).toMatchObject({ hit: 40, load: 50, alone: 0 });
  });

  it('are one more for tagged hits after another tag was marked', async () => {
    const [one, two] = [await here(), await here()];
    await one.getMany(numbered(20), rows(), { tags: ['t'] });
    await stored(one, 20);
    await two.invalidate({ tags: ['other'] });
    const commands = await countCommands(it_.server, () => one.getMany(numbered(20), rows()));
    expect(names(commands)).toEqual(['mget', 'eval']);
    expect(one.stats().hit).toBe(20);
  });

  it('are one MGET for every 250 keys; all that are missing are one call all the same', async () => {
    const count = scale({ quick: 300, full: 1000 });
    const cache = await here();
    const loader = rows();
    await cache.getMany(numbered(count), loader);
    await stored(cache, count);
    expect(askedOf(loader)).toEqual([numbered(count)]);
    const commands = await countCommands(it_.server, () => cache.getMany(numbered(count), loader));
    expect(names(commands)).toEqual(Array.from({ length: Math.ceil(count / 250) }, () => 'mget'));
    expect(loader).toHaveBeenCalledOnce();
  });
});

describe('keys that another loads', () => {
  it.each([
    ['of its own process', true],
    ['of another', false],
  ])('%s do not hold back the rest, and are not loaded', async (_, isOwn) => {
    const one = await here();
    const two = isOwn ? one : await here();
    let answer: (value: string) => void = () => undefined;
    const theirs = one.getOrLoad('held', () => new Promise<string>((resolve) => (answer = resolve)));
    await eventually(() => expect(one.stats().load).toBe(1));
    const loader = rows();
    const ours = two.getMany(['a', 'held', 'b'], loader);
    await stored(two, 2);
    expect(askedOf(loader)).toEqual([['a', 'b']]);
    answer('theirs');
    expect(await theirs).toBe('theirs');
    expect([...(await ours).values()]).toEqual(['v a', 'theirs', 'v b']);
    expect(loader).toHaveBeenCalledOnce();
  });

  it('whose lease is asked for by another call of the same moment do not hold back the rest either', async () => {
    await using proxy = await faultProxy(it_.server);
    const redis = it_.clients.client({ host: proxy.host, port: proxy.port });
    await redis.ping();
    const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000 });
    await cache.getMany(['warm'], rows());
    await stored(cache);
    proxy.delay({ reply: 20 }); // both have looked before the lease is there
    const { loader, answer } = pending<string>();
    const own = rows('own');
    const [first, second] = [cache.getMany(['x'], loader), cache.getMany(['x', 'y'], own)];
    await eventually(() => expect(askedOf(own)).toEqual([['y']]));
    answer([['x', 'v']]);
    expect([...(await first).values(), ...(await second).values()]).toEqual(['v', 'v', 'own y']);
    expect(cache.stats().joined).toBe(1);
  });

  it('and for which that brings nothing to store are loaded after all, together', async () => {
    const [one, two] = [await here(), await here()];
    const { loader, answer } = pending<string>();
    const theirs = one.getMany(['x', 'y'], loader);
    await eventually(() => expect(one.stats().load).toBe(2));
    const own = rows();
    const ours = two.getMany(['a', 'x', 'y'], own);
    await stored(two);
    await eventually(() => expect(two.stats().waited).toBeGreaterThanOrEqual(2));
    answer([]);
    expect((await theirs).size).toBe(0);
    expect([...(await ours).keys()]).toEqual(['a', 'x', 'y']);
    expect(askedOf(own)[0]).toEqual(['a']);
    expect(askedOf(own).slice(1).flat().toSorted()).toEqual(['x', 'y']);
  });

  it('are joined by getOrLoad and by other calls: many at once, with overlapping keys, load each key once', async () => {
    const caches = [await here(), await here(), await here()];
    const loaded: string[] = [];
    const loader: ManyLoader<string> = async (missing) => {
      loaded.push(...missing);
      await sleep(20);
      return missing.map((key) => [key, `v ${key}`] as const);
    };
    const keys = numbered(60);
    await race(24, async (n) => {
      const cache = caches[n % 3] as Awaited<ReturnType<typeof here>>;
      const some = keys.filter((_, k) => (k * 7 + n) % 3 !== 0);
      const [first = ''] = some;
      if (n % 4 === 3) {
        const load = async () => {
          loaded.push(first);
          return `v ${first}`;
        };
        expect(await cache.getOrLoad(first, load)).toBe(`v ${first}`);
      } else {
        const values = await cache.getMany(some, loader);
        expect([...values]).toEqual(some.map((key) => [key, `v ${key}`]));
      }
    });
    expect(loaded.toSorted()).toEqual([...new Set(loaded)].toSorted());
    expect(loaded).toHaveLength(60);
  });
});

describe('an invalidation while a batch is being loaded', () => {
  it('keeps what it concerns from being stored, and from being joined; the rest is stored', async () => {
    const [one, two] = [await here(), await here()];
    const { loader, answer } = pending<string>();
    const before = one.getMany(['a', 'b', 'c'], loader, { tags: ['t'] });
    await eventually(() => expect(one.stats().load).toBe(3));
    await two.invalidate({ keys: ['b'] });
    const after = one.getMany(['b'], rows('new'));
    expect([...(await after).values()]).toEqual(['new b']);
    answer(['a', 'b', 'c'].map((key) => [key, 'old']));
    expect([...(await before).values()]).toEqual(['old', 'old', 'old']); // it began before
    await stored(one, 3);
    expect([...(await two.getMany(['a', 'b', 'c'], rows())).values()]).toEqual(['old', 'new b', 'old']);
  });

  it('by tag does so for all that carry it', async () => {
    const [one, two] = [await here(), await here()];
    const { loader, answer } = pending<string>();
    const before = one.getMany(['a', 'b'], loader, { tags: ['t'] });
    await eventually(() => expect(one.stats().load).toBe(2));
    await two.invalidate({ tags: ['t'] });
    const after = two.getMany(['a', 'b'], rows('new'));
    answer(['a', 'b'].map((key) => [key, 'old']));
    expect([...(await before).values()]).toEqual(['old', 'old']);
    expect([...(await after).values()]).toEqual(['new a', 'new b']);
  });
});

describe('a batch that fails', () => {
  it('rejects with just what it threw, is one failure for all its keys, elsewhere by name and code', async () => {
    const [one, two] = [await here(), await here()];
    const error = Object.assign(new RangeError('hunter2'), { code: 'E_DATABASE' });
    const failing = rows();
    failing.mockImplementation(() => Promise.reject(error));
    await one.getOrLoad('there', () => 'v');
    await stored(one);
    expect(await one.getMany(['there', 'a', 'b'], failing).catch((thrown: unknown) => thrown)).toBe(error);
    expect(one.stats()).toMatchObject({ failed: 2 });
    for (const key of ['a', 'b']) {
      await eventually(async () => expect(String(await it_.clients.client().get(entryOf(key)))).toMatch(/^2F/));
      const shared: unknown = await two.getOrLoad(key, () => 'x').catch((thrown: unknown) => thrown);
      expect(shared).toMatchObject({ name: 'RangeError', code: 'E_DATABASE' });
      expect(String(shared)).not.toContain('hunter2');
    }
    expect([...(await two.getMany(['there'], failing)).values()]).toEqual(['v']);
    expect(failing).toHaveBeenCalledOnce();
  });

  it('is passed over where a kept value takes its place, for each key by itself', async () => {
    const cache = await here({ ttlMs: 20, staleIfErrorMs: 60_000 });
    await cache.getMany(['a', 'b'], rows());
    await stored(cache, 2);
    await sleep(40);
    const failing: ManyLoader<string> = () => Promise.reject(new Error('gone'));
    expect([...(await cache.getMany(['a', 'b'], failing)).values()]).toEqual(['v a', 'v b']);
    await expect(cache.getMany(['a', 'c'], failing)).rejects.toThrow('gone');
  });

  it('never settling has failed after loadTimeoutMs, and what it brings late is stored', async () => {
    const cache = await here({ loadTimeoutMs: 60 });
    let signal: AbortSignal | undefined;
    let answer: (pairs: [string, string][]) => void = () => undefined;
    const loading = cache.getMany(['a', 'b'], (_, context) => {
      ({ signal } = context);
      return new Promise<[string, string][]>((resolve) => (answer = resolve));
    });
    await expect(loading).rejects.toMatchObject({ code: 'ERR_TURNPIKE_LOAD_TIMEOUT' });
    await eventually(() => expect(signal?.aborted).toBe(true));
    answer([
      ['a', 'late'],
      ['b', 'late'],
    ]);
    await stored(cache, 2);
  });
});

describe('stale values', () => {
  it('are served at once, and loaded anew in one batch behind them', async () => {
    const cache = await here({ ttlMs: 20, staleMs: 60_000 });
    const stale = numbered(20);
    await cache.getMany([...stale, 'fresh'], (missing, { ttlMs }) => {
      ttlMs('fresh', 60_000);
      return missing.map((key) => [key, 'old'] as const);
    });
    await stored(cache, 21);
    await sleep(40);
    const loader = rows('new');
    const values = await cache.getMany(['missing', ...stale, 'fresh'], loader);
    expect([...values.values()]).toEqual(['new missing', ...stale.map(() => 'old'), 'old']);
    await stored(cache, 42);
    expect(new Set(askedOf(loader).map(String))).toEqual(new Set([String(stale), 'missing']));
    expect(loader).toHaveBeenCalledTimes(2);
    expect(cache.stats().stale).toBe(20);
  });
});

describe('a lease that is answered later than the others', () => {
  it.each([
    ['what is missing', false],
    ['what is stale', true],
  ])('belongs to the one batch all the same: of %s', async (_, isStale) => {
    await using proxy = await faultProxy(it_.server);
    const redis = it_.clients.client({ host: proxy.host, port: proxy.port, retryStrategy: () => 1 });
    await redis.ping();
    const freshness = { ttlMs: isStale ? 20 : 60_000, staleMs: 60_000 };
    const cache = createCache({ redis, prefix: it_.clients.prefix, deadlineMs: 5000, ...freshness });
    await cache.getMany(isStale ? ['a', 'b', 'c'] : ['warm'], rows());
    await stored(cache, isStale ? 3 : 1);
    await sleep(40);
    const lost = proxy.dropNextReply((command) => /^eval/i.test(command[0] ?? '') && command[3] === entryOf('b'));
    const loader = rows('new');
    await cache.getMany(['a', 'b', 'c'], loader);
    await lost;
    await stored(cache, isStale ? 6 : 4);
    expect(askedOf(loader)).toEqual([['a', 'b', 'c']]);
  });
});

describe('without Redis', () => {
  it('one batch loads all, and is joined by those who ask meanwhile', async () => {
    const cache = await here({ deadlineMs: 50 });
    await cache.getMany(['warm'], rows());
    await stored(cache);
    it_.server.pause();
    const { loader, answer } = pending<string>();
    const own = rows('own');
    const first = cache.getMany(['a', 'b', 'c'], loader);
    await eventually(() => expect(loader).toHaveBeenCalledOnce());
    const second = cache.getMany(['b', 'd', 'c'], own);
    const third = cache.getOrLoad('a', () => 'own a');
    await eventually(() => expect(own).toHaveBeenCalledOnce());
    await eventually(() => expect(cache.stats().alone).toBe(7));
    answer(['a', 'b', 'c'].map((key) => [key, 'v']));
    expect(loader.mock.calls[0]?.[0]).toEqual(['a', 'b', 'c']);
    expect(askedOf(own)).toEqual([['d']]);
    expect([...(await first).values()]).toEqual(['v', 'v', 'v']);
    expect([...(await second).values()]).toEqual(['v', 'own d', 'v']);
    expect(await third).toBe('v');
    it_.server.resume();
    const redis = it_.clients.client();
    for (const key of ['a', 'b', 'c', 'd']) expect(await redis.exists(entryOf(key))).toBe(0);
  });

  it('killed on the way, no call fails, and what was invalidated meanwhile is not read', async () => {
    const redis = it_.clients.client();
    await redis.ping();
    const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000 });
    await cache.getMany(['a', 'b'], rows('old'));
    await stored(cache, 2);
    it_.server.pause();
    expect(await cache.invalidate({ keys: ['b'] })).toEqual({ delivered: 0, queued: 1 });
    await it_.server.kill();
    expect([...(await cache.getMany(['a', 'b'], rows('new'))).values()]).toEqual(['new a', 'new b']);
    await it_.server.restart();
    await eventually(async () => {
      expect(cache.stats().backlog).toBe(0);
      await cache.getMany(['a', 'b'], rows('newer'));
      expect((await cache.getMany(['a', 'b'], rows('hit'))).get('b')).toBe('newer b');
    });
  });

  it('a key whose invalidation waits is never read as it was, and the others are as soon as it is back', async () => {
    const one = await here({ deadlineMs: 300 });
    await one.getMany(['a', 'b'], rows('old'));
    await stored(one, 2);
    it_.server.pause();
    await one.invalidate({ keys: ['b'] });
    it_.server.resume();
    const seen: unknown[] = [];
    await eventually(async () => {
      const values = await one.getMany(['a', 'b'], rows('new'));
      seen.push(values.get('b'));
      expect(values.get('a')).toBe('old a');
    });
    expect(new Set(seen)).toEqual(new Set(['new b']));
  });
});
