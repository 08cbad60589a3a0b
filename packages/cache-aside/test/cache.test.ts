import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { countCommands, eventually, faultProxy, race } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it, vi } from 'vitest';
import { type CacheEvent, type CacheOptions, type LoadContext, createCache } from '../src/index.ts';

const it_ = setting();

/** One process's cache: a client of its own. */
async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  return createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, ...more });
}

/** A loader that counts, and resolves to `<name> <count>`. */
function counting(name = 'v', tags: string[] = []) {
  let count = 0;
  return async ({ tag }: LoadContext) => {
    tag(...tags);
    count += 1;
    return `${name} ${count}`;
  };
}

const entryOf = (key: string) => `${it_.clients.prefix}:v1:cache-aside:{${key}}`;
const stored = (cache: Awaited<ReturnType<typeof here>>, count = 1) =>
  eventually(() => expect(cache.stats().stored).toBeGreaterThanOrEqual(count));

describe('getOrLoad', () => {
  it('loads once, for every process, until the key is invalidated', async () => {
    const [one, two] = [await here(), await here()];
    const loader = counting();
    expect(await one.getOrLoad('product:1', loader)).toBe('v 1');
    expect(await one.getOrLoad('product:1', loader)).toBe('v 1');
    expect(await two.getOrLoad('product:1', loader)).toBe('v 1');
    expect(await two.invalidate({ keys: ['product:1'] })).toEqual({ delivered: 1, queued: 0 });
    expect(await one.getOrLoad('product:1', loader)).toBe('v 2');
  });

  it('does not store what was being loaded when the key was invalidated, and does not join it', async () => {
    const [one, two] = [await here(), await here()];
    let answer: (value: string) => void = () => undefined;
    const before = one.getOrLoad('k', () => new Promise<string>((resolve) => (answer = resolve)));
    await eventually(() => expect(one.stats().load).toBe(1));
    await two.invalidate({ keys: ['k'] });
    expect(await one.getOrLoad('k', () => 'new')).toBe('new');
    answer('old');
    expect(await before).toBe('old'); // it began before
    await eventually(() => expect(one.stats().refused).toBe(1));
    expect(await two.getOrLoad('k', () => 'newer')).toBe('new');
  });

  it('does not join a load by a tag that was invalidated after it began', async () => {
    const [one, two] = [await here(), await here()];
    let answer: (value: string) => void = () => undefined;
    const before = one.getOrLoad('k', () => new Promise<string>((resolve) => (answer = resolve)), { tags: ['t'] });
    await eventually(() => expect(one.stats().load).toBe(1));
    await two.invalidate({ tags: ['t'] });
    const after = one.getOrLoad('k', () => 'new', { tags: ['t'] });
    setTimeout(() => answer('old'), 50);
    expect([await before, await after]).toEqual(['old', 'new']);
  });

  it.each([
    ['null', null],
    ['an object', { a: [1, { b: 'ü' }], c: null }],
    ['an empty string', ''],
    ['false', false],
    ['zero', 0],
    ['a Buffer', Buffer.from([0, 255, 10, 13])],
    ['an empty Buffer', Buffer.alloc(0)],
  ])('stores %s, and gives it back as it was', async (_, value) => {
    const [one, two] = [await here(), await here()];
    const loader = vi.fn<() => unknown>(() => value);
    for (const cache of [one, one, two]) expect(await cache.getOrLoad('k', loader as () => null)).toEqual(value);
    expect(loader).toHaveBeenCalledOnce();
  });

  it('does not store undefined, and lets nobody wait for it', async () => {
    const cache = await here();
    const loader = vi.fn<() => undefined>(() => undefined);
    for (let n = 1; n <= 3; n += 1) {
      expect(await cache.getOrLoad('k', loader)).toBeUndefined();
      expect(loader).toHaveBeenCalledTimes(n);
    }
    expect(cache.stats()).toMatchObject({ stored: 0, refused: 1, waited: 0 });
  });

  it('freezes objects, loaded or read, and gives each caller a Buffer of its own', async () => {
    const cache = await here();
    const own = { a: [{ b: 1 }] };
    for (let n = 0; n < 2; n += 1) {
      const value = await cache.getOrLoad('k', () => own);
      expect(Object.isFrozen(value) && Object.isFrozen(value.a[0])).toBe(true);
      expect(() => (value.a as { b: number }[]).push({ b: 2 })).toThrow(TypeError);
    }
    own.a.push({ b: 2 }); // the loader's own stays its own
    const [one, two] = await race(2, () => cache.getOrLoad('bytes', () => Buffer.from('abc')));
    one?.fill(0);
    expect(two?.toString()).toBe('abc');
  });

  it('takes ttl and tags from its loader', async () => {
    const cache = await here();
    const loader = vi.fn<(context: LoadContext) => number>(({ tag, ttlMs }) => {
      tag('a', 'b');
      ttlMs(600_000);
      return 1;
    });
    await cache.getOrLoad('k', loader, { tags: ['c'] });
    await stored(cache);
    expect(await it_.clients.client().pttl(entryOf('k'))).toBeGreaterThan(500_000);
    for (const [n, tag] of ['a', 'b', 'c'].entries()) {
      await cache.invalidate({ tags: [tag] });
      await cache.getOrLoad('k', loader, { tags: ['c'] });
      expect(loader).toHaveBeenCalledTimes(n + 2);
    }
    await cache.invalidate({ tags: ['d'] });
    await cache.getOrLoad('k', loader, { tags: ['c'] });
    expect(loader).toHaveBeenCalledTimes(4);
  });

  it.each([
    ['its call', { ttlMs: 864_000_000 }, undefined],
    ['its loader', {}, 864_000_000],
  ])('keeps the clock for twice as long as a value lives by the word of %s', async (_, options, saidMs) => {
    const cache = await here({ jitter: 0 });
    await cache.getOrLoad('short', () => 1);
    await stored(cache);
    const redis = it_.clients.client();
    const parts = ['clock', 'marks'].map((part) => `${entryOf('clock')}:${part}`);
    for (const part of parts) expect(await redis.pttl(part)).toBeLessThan(864_000_000);
    await cache.getOrLoad(
      'long',
      ({ ttlMs }) => {
        if (saidMs !== undefined) ttlMs(saidMs);
        return 1;
      },
      options,
    );
    for (const part of parts) {
      await eventually(async () => expect(await redis.pttl(part)).toBeGreaterThan(2 * 864_000_000));
    }
  });

  it('spreads expiries by jitter', async () => {
    const cache = await here({ jitter: 0.5 });
    await race(40, (n) => cache.getOrLoad(`k${n}`, () => n));
    await stored(cache, 40);
    const redis = it_.clients.client();
    const ttls = await race(40, (n) => redis.pttl(entryOf(`k${n}`)));
    expect(Math.min(...ttls)).toBeGreaterThan(25_000);
    expect(Math.max(...ttls) - Math.min(...ttls)).toBeGreaterThan(5000);
  });

  it('keeps null for negativeTtlMs', async () => {
    const cache = await here({ negativeTtlMs: 1000, jitter: 0 });
    await cache.getOrLoad('k', () => null);
    await stored(cache);
    expect(await it_.clients.client().pttl(entryOf('k'))).toBeLessThanOrEqual(1000);
  });

  it('uses another serializer where one is given', async () => {
    const serializer = {
      serialize: (value: unknown) => Buffer.from(String((value as Date).getTime())),
      deserialize: (bytes: Buffer) => new Date(Number(bytes)),
    };
    const redis = it_.clients.client();
    const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, serializer });
    const at = new Date(0);
    for (let n = 0; n < 2; n += 1) expect(await cache.getOrLoad('k', () => at)).toEqual(at);
    expect(cache.stats()).toMatchObject({ load: 1, hit: 1 });
  });
});

describe('stale values', () => {
  it('are served while one caller loads anew', async () => {
    const cache = await here({ ttlMs: 20, staleMs: 60_000 });
    const loader = counting();
    await cache.getOrLoad('k', loader);
    await stored(cache);
    await sleep(40);
    expect(await race(20, () => cache.getOrLoad('k', loader))).toEqual(Array.from({ length: 20 }, () => 'v 1'));
    await eventually(async () => expect(await cache.getOrLoad('k', loader)).not.toBe('v 1'));
    expect(cache.stats().stale).toBeGreaterThan(0);
  });

  it('are served in place of an error, for staleIfErrorMs, and the loader is left alone for a while', async () => {
    const [one, two] = [
      await here({ ttlMs: 20, staleIfErrorMs: 60_000 }),
      await here({ ttlMs: 20, staleIfErrorMs: 60_000 }),
    ];
    await one.getOrLoad('k', () => 'v');
    await stored(one);
    await sleep(40);
    const failing = vi.fn<() => string>(() => {
      throw new Error('the database is away');
    });
    for (const cache of [one, one, two, two]) expect(await cache.getOrLoad('k', failing)).toBe('v');
    expect(failing).toHaveBeenCalledOnce();
  });

  it('are absent for every purpose once invalidated', async () => {
    const cache = await here({ ttlMs: 20, staleMs: 60_000, staleIfErrorMs: 60_000 });
    let storedSoFar = 0;
    for (const invalidation of [{ keys: ['k'] }, { tags: ['t'] }]) {
      await cache.getOrLoad('k', () => 'old', { tags: ['t'] });
      await stored(cache, (storedSoFar += 1));
      await sleep(40);
      await cache.invalidate(invalidation);
      const failing = cache.getOrLoad('k', (): string => {
        throw new RangeError('no');
      });
      await expect(failing).rejects.toThrow(RangeError);
      await cache.invalidate({ keys: ['k'] });
    }
  });
});

describe('invalidation', () => {
  it('of one tag drops 100,000 entries by one command', async () => {
    const cache = await here();
    const COUNT = 2000;
    await race(COUNT, (n) => cache.getOrLoad(`k${n}`, () => n, { tags: ['all'] }));
    await stored(cache, COUNT);
    // The others, as if they had been loaded: the mark does not know how many there are.
    const redis = it_.clients.client();
    const copies = `for n = tonumber(ARGV[2]), ARGV[2] + 9799 do
      redis.call('SET', ARGV[1] .. n .. '}', redis.call('GET', KEYS[1]), 'PX', 60000) end`;
    for (let n = 0; n < 98_000; n += 9800) await redis.eval(copies, 1, entryOf('k0'), entryOf('x').slice(0, -1), n);
    expect(await cache.getOrLoad('x97999', () => -1, { tags: ['all'] })).toBe(0);
    const commands = await countCommands(it_.server, () => cache.invalidate({ tags: ['all'] }));
    expect(commands).toHaveLength(1);
    const reads = await race(100, (n) => cache.getOrLoad(`x${n * 977}`, () => -1, { tags: ['all'] }));
    expect(new Set(reads)).toEqual(new Set([-1]));
  });

  it('of everything is one command, and concerns what has no tags', async () => {
    const [one, two] = [await here(), await here()];
    const loader = counting();
    await one.getOrLoad('k', loader);
    await stored(one);
    expect(await countCommands(it_.server, () => two.clear())).toHaveLength(1);
    expect(await one.getOrLoad('k', loader)).toBe('v 2');
  });

  it('leaves no old value when the clock or its marks are deleted: all is absent', async () => {
    for (const part of ['clock', 'marks']) {
      const [one, two] = [await here(), await here()];
      await one.getOrLoad('k', () => 'old', { tags: ['t'] });
      await eventually(async () => expect(await two.getOrLoad('k', () => 'other', { tags: ['t'] })).toBe('old'));
      await two.invalidate({ tags: ['t'] });
      await it_.clients.client().del(`${entryOf('clock')}:${part}`);
      for (const cache of [await here(), two, one]) {
        expect(await cache.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new');
      }
      await one.clear();
    }
  });

  it('that a server has lost, by a failover or an old snapshot, is noticed by who had seen it by its tag', async () => {
    const [one, two] = [await here(), await here()];
    await one.getOrLoad('k', () => 'old', { tags: ['t'] });
    await stored(one);
    const redis = it_.clients.client();
    const clock = await redis.get(`${entryOf('clock')}:clock`);
    await two.invalidate({ tags: ['t'] });
    const entry = await redis.getBuffer(entryOf('k'));
    await one.getOrLoad('other', () => 1, { tags: ['t'] });
    await stored(one, 2);
    await two.invalidate({ tags: ['u'] });
    await one.getOrLoad('other', () => 1, { tags: ['t'] });
    // As it was before the invalidations, marks and all.
    await redis.set(`${entryOf('clock')}:clock`, clock as string, 'PX', 60_000);
    await redis.zrem(`${entryOf('clock')}:marks`, 't', 'u');
    expect(await redis.getBuffer(entryOf('k'))).toEqual(entry);
    expect(await one.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new');
  });

  it('that a server has lost is noticed by who made the mark that was lost, too', async () => {
    const [one, two] = [await here(), await here()];
    await one.getOrLoad('k', () => 'old', { tags: ['t'] });
    await stored(one);
    const redis = it_.clients.client();
    const clock = await redis.get(`${entryOf('clock')}:clock`);
    expect(await two.getOrLoad('k', () => 'other', { tags: ['t'] })).toBe('old');
    await two.invalidate({ tags: ['t'] });
    await redis.set(`${entryOf('clock')}:clock`, clock as string, 'PX', 60_000);
    await redis.zrem(`${entryOf('clock')}:marks`, 't');
    expect(await two.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new');
  });

  it('marks first, and forgets keys only when Redis has said that it has', async () => {
    await using proxy = await faultProxy(it_.server);
    const redis = it_.clients.client({ host: proxy.host, port: proxy.port });
    await redis.ping();
    const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000 });
    await cache.getOrLoad('k', () => 'old');
    await stored(cache);
    const beside = it_.clients.client();
    const look = () =>
      beside.eval(`return { redis.call('GET', KEYS[1]), redis.call('EXISTS', KEYS[2]) }`, 2, clockKey, entryOf('k'));
    const clockKey = `${entryOf('clock')}:clock`;
    const [clock] = (await look()) as [string, number];
    proxy.delay({ reply: 100 });
    const invalidated = cache.invalidate({ keys: ['k'], tags: ['t'] });
    await eventually(async () => {
      const [now, entries] = (await look()) as [string, number];
      if (now === clock) expect(entries).toBe(1);
      expect(now).not.toBe(clock);
    });
    expect(await look()).toEqual([expect.any(String), 1]);
    expect(await invalidated).toEqual({ delivered: 2, queued: 0 });
    expect(await look()).toEqual([expect.any(String), 0]);
  });

  it('takes thousands of marks in one call, and delivers them', async () => {
    const cache = await here({ deadlineMs: 2000 });
    await cache.getOrLoad('k', () => 'old', { tags: ['t4999'] });
    await stored(cache);
    const tags = Array.from({ length: 5000 }, (_, n) => `t${n}`);
    expect(await cache.invalidate({ tags })).toEqual({ delivered: 5000, queued: 0 });
    expect(await cache.getOrLoad('k', () => 'new', { tags: ['t4999'] })).toBe('new');
  });

  it('is the same for a process whose Date is five minutes off, either way', async () => {
    for (const skewMs of [-300_000, 300_000]) {
      const now = Date.now.bind(Date);
      const skewed = vi.spyOn(Date, 'now').mockImplementation(() => now() + skewMs);
      try {
        const cache = await here();
        const loader = counting();
        await cache.getOrLoad(`k${skewMs}`, loader, { tags: ['t'] });
        await stored(cache);
        expect(await cache.getOrLoad(`k${skewMs}`, loader, { tags: ['t'] })).toBe('v 1');
        await cache.invalidate({ tags: ['t'] });
        expect(await cache.getOrLoad(`k${skewMs}`, loader, { tags: ['t'] })).toBe('v 2');
      } finally {
        skewed.mockRestore();
      }
    }
  });
});

describe('writeThrough', () => {
  it('invalidates after the write, and resolves as it does', async () => {
    const cache = await here();
    const loader = counting();
    await cache.getOrLoad('k', loader);
    expect(await cache.writeThrough('k', () => 'written')).toBe('written');
    expect(await cache.getOrLoad('k', loader)).toBe('v 2');
  });

  it('invalidates also after a write that threw, which may have been committed', async () => {
    const cache = await here();
    const loader = counting();
    await cache.getOrLoad('k', loader);
    const written = cache.writeThrough('k', () => {
      throw new RangeError('the reply was lost');
    });
    await expect(written).rejects.toThrow(RangeError);
    expect(await cache.getOrLoad('k', loader)).toBe('v 2');
  });

  it('sets a versioned value over a lower version, and never over a higher one', async () => {
    const cache = await here();
    const loader = vi.fn<(context: LoadContext) => string>(({ version }) => {
      version(1);
      return 'v1';
    });
    await cache.getOrLoad('k', loader);
    await stored(cache);
    for (const n of [3, 2]) {
      await cache.writeThrough('k', ({ version }) => {
        version(n);
        return `v${n}`;
      });
      expect(await cache.getOrLoad('k', loader)).toBe('v3');
    }
    expect(loader).toHaveBeenCalledOnce();
  });

  it('invalidates a versioned value that is given tags: those of the one before may be others', async () => {
    const cache = await here();
    await cache.getOrLoad('k', ({ version, tag }) => {
      version(1);
      tag('cat:1');
      return 'in 1';
    });
    await stored(cache);
    await cache.writeThrough(
      'k',
      ({ version }) => {
        version(2);
        return 'in 2';
      },
      { tags: ['cat:1', 'cat:2'] },
    );
    expect(await cache.getOrLoad('k', () => 'loaded', { tags: ['cat:2'] })).toBe('loaded');
  });
});

describe('commands', () => {
  const names = (commands: string[][]) => commands.map(([name]) => name?.toLowerCase());

  it('of a hit are one MGET, tagged or not', async () => {
    const cache = await here();
    await cache.getOrLoad('plain', () => 1);
    await cache.getOrLoad('tagged', () => 1, { tags: ['t'] });
    await stored(cache, 2);
    for (const [key, tags] of [
      ['plain', []],
      ['tagged', ['t']],
    ] as const) {
      const commands = await countCommands(it_.server, () => cache.getOrLoad(key, () => 2, { tags }));
      expect(names(commands)).toEqual(['mget']);
    }
  });

  it('of a miss are two before the load and one after, of an invalidation one a key and one for all tags', async () => {
    const cache = await here();
    await cache.getOrLoad('warm', () => 1);
    await stored(cache);
    let before: string[][] = [];
    const all = await countCommands(it_.server, async () => {
      await cache.getOrLoad('k', async () => {
        before = [[]];
        await sleep(20);
        return 1;
      });
      await stored(cache, 2);
    });
    expect(before).toHaveLength(1);
    expect(all.map(([name]) => name?.toLowerCase().slice(0, 4))).toEqual(['mget', 'eval', 'eval']);
    const invalidation = await countCommands(it_.server, () =>
      cache.invalidate({ keys: ['a', 'b'], tags: ['c', 'd'] }),
    );
    expect(invalidation).toHaveLength(3);
  });

  it('of a tagged hit after another tag was marked are one round trip more, once for all who ask', async () => {
    const [one, two] = [await here(), await here()];
    await race(20, (n) => one.getOrLoad(`k${n}`, () => n, { tags: ['t'] }));
    await stored(one, 20);
    await two.invalidate({ tags: ['other'] });
    const commands = await countCommands(it_.server, () =>
      race(20, (n) => one.getOrLoad(`k${n}`, () => -1, { tags: ['t'] })),
    );
    expect(commands.map(([name]) => name?.toLowerCase().slice(0, 4))).toEqual(['mget', 'mget', 'mget', 'eval']);
    expect(one.stats().hit).toBe(20);
  });

  it('include no KEYS, SCAN or FLUSH', async () => {
    const cache = await here();
    const commands = await countCommands(it_.server, async () => {
      await cache.getOrLoad('k', () => 1, { tags: ['t'] });
      await cache.invalidate({ keys: ['k'], tags: ['t'] });
      await cache.clear();
    });
    expect(JSON.stringify(commands)).not.toMatch(/'(KEYS|SCAN|FLUSH\w+|SMEMBERS)'|"(keys|scan|flush\w+|smembers)"/i);
  });
});

describe('bad input', () => {
  it('an undefined key is loaded each time, and shared with nobody', async () => {
    const cache = await here();
    const warnings: Error[] = [];
    const hear = (warning: Error) => void warnings.push(warning);
    process.on('warning', hear);
    const values = await race(3, async (n) => cache.getOrLoad(undefined, async () => n));
    expect(values).toEqual([0, 1, 2]);
    await eventually(() => expect(warnings).toHaveLength(1));
    expect(warnings[0]).toMatchObject({ code: 'TURNPIKE_WARN_NO_KEY' });
    process.off('warning', hear);
  });

  it.each([
    ['an empty key', (cache: any) => cache.getOrLoad('', () => 1)],
    ['a number for a key', (cache: any) => cache.getOrLoad(7, () => 1)],
    ['an empty tag', (cache: any) => cache.getOrLoad('k', () => 1, { tags: [''] })],
    ['an undefined tag', (cache: any) => cache.getOrLoad('k', () => 1, { tags: [undefined] })],
    ['an empty tag of the loader', (cache: any) => cache.getOrLoad('k', ({ tag }: any) => tag(''))],
    ['a ttl of the loader that is none', (cache: any) => cache.getOrLoad('k', ({ ttlMs }: any) => ttlMs(0))],
    ['an unknown option', (cache: any) => cache.getOrLoad('k', () => 1, { ttl: 5 })],
    ['a ttl of nothing', (cache: any) => cache.getOrLoad('k', () => 1, { ttlMs: 0 })],
    ['an undefined key to invalidate', (cache: any) => cache.invalidate({ keys: [undefined] })],
    ['an empty tag to invalidate', (cache: any) => cache.invalidate({ tags: [''] })],
    ['nothing to invalidate', (cache: any) => cache.invalidate({})],
    ['a string to invalidate', (cache: any) => cache.invalidate({ keys: 'k' })],
    ['a loader that is none', (cache: any) => cache.getOrLoad('k', undefined)],
    ['a write that is none', (cache: any) => cache.writeThrough('k', undefined)],
    ['an unknown option of a write', (cache: any) => cache.writeThrough('k', () => 1, { tag: 'x' })],
    ['an unknown option to clear', (cache: any) => cache.clear({ quarantine: 5 })],
    ['a version that is none', (cache: any) => cache.writeThrough('k', ({ version }: any) => version(1.5))],
  ])('%s is a coded error', async (_, call) => {
    await expect(call(await here())).rejects.toMatchObject({ code: 'ERR_TURNPIKE_OPTION' });
  });

  it('a value over maxBytes is returned and not stored, and its callers do not queue', async () => {
    const cache = await here({ maxBytes: 100 });
    const loader = vi.fn<() => string>(() => 'x'.repeat(99));
    for (let n = 0; n < 3; n += 1) expect(await cache.getOrLoad('k', loader)).toHaveLength(99);
    expect(loader).toHaveBeenCalledTimes(3);
    expect(await cache.getOrLoad('fits', () => 'x'.repeat(98))).toHaveLength(98);
    await stored(cache);
  });

  it('a value that has no JSON is returned and not stored', async () => {
    const cache = await here();
    const circular: { self?: unknown } = {};
    circular.self = circular;
    expect(await cache.getOrLoad('k', () => circular as unknown as null)).toBe(circular);
    expect(cache.stats()).toMatchObject({ stored: 0, refused: 1 });
  });

  it.each([
    ['nonsense', 'nonsense'],
    ['of the layout before', `1${'-'.repeat(13)}${'0'.repeat(26)}J00009a 1 - 0 t1`],
    ['of the layout after', `3${'-'.repeat(60)}`],
    ['an empty string', ''],
  ])('an entry that is %s is a miss, and is replaced', async (_, text) => {
    const cache = await here();
    await it_.clients.client().set(entryOf('k'), text, 'PX', 60_000);
    expect(await cache.getOrLoad('k', () => 'v')).toBe('v');
    await stored(cache);
    expect(await cache.getOrLoad('k', () => 'w')).toBe('v');
  });

  it('an option of a call that is there and undefined is not there', async () => {
    const cache = await here({ staleMs: 60_000, ttlMs: 40, jitter: 0 });
    await cache.getOrLoad('k', () => 'v', { ttlMs: undefined, staleMs: undefined } as never);
    await stored(cache);
    await sleep(60);
    expect(await cache.getOrLoad('k', () => 'w')).toBe('v');
  });

  it('an error that cannot be read is a miss', async () => {
    const cache = await here();
    await expect(cache.getOrLoad('k', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
    const redis = it_.clients.client();
    await eventually(async () => expect(String(await redis.getBuffer(entryOf('k')))).toContain('"Error"'));
    await redis.setrange(entryOf('k'), (await redis.strlen(entryOf('k'))) - 3, '{{{');
    const other = await here();
    expect(await other.getOrLoad('k', () => 'v')).toBe('v');
    expect(other.stats().corrupt).toBe(1);
  });

  it('works with clients that gather commands, prefix keys, and hand on numbers as text', async () => {
    for (const options of [{ enableAutoPipelining: true }, { keyPrefix: 'app:' }, { stringNumbers: true }]) {
      const redis = it_.clients.client(options);
      await redis.ping();
      const prefix = `${it_.clients.prefix}-${Object.keys(options)[0]}`;
      const cache = createCache({ redis, prefix, ttlMs: 60_000, deadlineMs: 5000 });
      const loader = counting('v', ['t']);
      expect(await cache.getOrLoad('k', loader)).toBe('v 1');
      await stored(cache);
      expect(await cache.getOrLoad('k', loader)).toBe('v 1');
      await cache.invalidate({ tags: ['t'] });
      expect(await cache.getOrLoad('k', loader)).toBe('v 2');
      expect(cache.stats()).toMatchObject({ alone: 0, hit: 1 });
    }
  });

  it('a payload that cannot be read is a miss, and is replaced', async () => {
    const cache = await here();
    await cache.getOrLoad('k', () => 'v');
    await stored(cache);
    const redis = it_.clients.client();
    await redis.setrange(entryOf('k'), (await redis.strlen(entryOf('k'))) - 3, '{{{');
    expect(await cache.getOrLoad('k', () => 'w')).toBe('w');
    expect(cache.stats().corrupt).toBe(1);
  });

  it('keys and tags of any kind stay apart, and reach Redis as plain text', async () => {
    const cache = await here();
    const odd = [
      'a:b',
      'a',
      'b',
      '{a}',
      'a b',
      '*',
      '\0',
      'ü',
      ':'.repeat(5000),
      'x'.repeat(1e6),
      'clock',
      '~a',
      '-',
      '.',
      '_',
      '\ud800',
    ];
    for (const key of odd) expect(await cache.getOrLoad(key, () => key, { tags: [key] })).toBe(key);
    for (const key of odd) {
      expect(await cache.getOrLoad(key, () => 'other', { tags: [key] })).toBe(key);
      await cache.invalidate({ tags: [key] });
      expect(await cache.getOrLoad(key, () => 'new', { tags: [key] })).toBe('new');
    }
    for (const key of await it_.clients.scan()) expect(key).toMatch(/^[\w.:{}~-]{1,400}$/);
  });
});

describe('events and stats', () => {
  it('tell what happened, without keys or values', async () => {
    const events: CacheEvent[] = [];
    const hear = (event: unknown) => void events.push(event as CacheEvent);
    subscribe('turnpike:cache-aside', hear);
    const cache = await here();
    await cache.getOrLoad('secret', () => 'value', { tags: ['hidden'] });
    await stored(cache);
    await cache.getOrLoad('secret', () => 'value');
    await cache.invalidate({ keys: ['secret'] });
    await expect(cache.getOrLoad('other', () => Promise.reject(new Error('quoted')))).rejects.toThrow('quoted');
    unsubscribe('turnpike:cache-aside', hear);
    expect(events.map(({ type }) => type)).toEqual(['load', 'stored', 'hit', 'invalidated', 'load', 'failed']);
    expect(JSON.stringify(events)).not.toMatch(/secret|hidden|value|quoted/);
    expect(cache.stats()).toMatchObject({ load: 2, stored: 1, hit: 1, invalidated: 1, failed: 1, backlog: 0 });
  });
});

it('what a serializer has frozen on the outside only is frozen through and through for those who join its load', async () => {
  const shallow = {
    serialize: JSON.stringify,
    deserialize(bytes: Buffer) {
      const value = JSON.parse(bytes.toString()) as { part: object; self?: unknown };
      value.self = value;
      return Object.freeze(value);
    },
  };
  const cache = await here({ serializer: shallow });
  const load = () => sleep(20, { part: { price: 1 } });
  const [one, two] = await Promise.all([cache.getOrLoad('k', load), cache.getOrLoad('k', load)]);
  expect(one.part).toBe(two.part);
  expect(Object.isFrozen(one.part)).toBe(true);
});
