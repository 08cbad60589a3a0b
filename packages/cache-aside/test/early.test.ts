import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, fleet, race, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parsedEntry } from '../src/envelope.ts';
import { type Cache, type CacheOptions, type CacheStats, createCache } from '../src/index.ts';
import { cacheWithTier } from './l1/near.ts';

const it_ = setting();

async function here(more: Partial<CacheOptions> = {}) {
  const redis = it_.clients.client();
  await redis.ping();
  return createCache({ redis, prefix: it_.clients.prefix, ttlMs: 60_000, deadlineMs: 5000, jitter: 0, ...more });
}

interface Told {
  readonly loads: number;
  /** ms each request took: while its value was fresh and none was loading it, and while one was. */
  readonly calm: number[];
  readonly busy: number[];
}

/** Once nothing changes any more. */
async function settledStats(cache: Cache): Promise<CacheStats> {
  let last = cache.stats();
  await eventually(
    () => {
      const now = cache.stats();
      const isSettled = JSON.stringify(now) === JSON.stringify(last);
      last = now;
      return isSettled;
    },
    { everyMs: 100 },
  );
  return last;
}

const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;

/** So far a process may take the server's clock to be behind: by what its reply took, and 500 ppm of the 30 s until it asks again. */
const BEHIND_MS = 15 + 15;

describe('a value that soon expires', () => {
  it('is loaded anew as often as XFetch says, by the time its own load took', async () => {
    const cache = await here({ ttlMs: 250, beta: 1 });
    const redis = it_.clients.client();
    const serverMs = async () => {
      const [seconds, micros] = await redis.time();
      return Number(seconds) * 1000 + Number(micros) / 1000;
    };
    /** How many are to be expected, by the gap before each was asked for, and by that after it. */
    const expected = { least: 0, most: 0 };
    let asked = 0;
    const count = scale({ quick: 200, full: 5000 });
    for (let from = 0; from < count; from += 50) {
      await race(50, async (n) => {
        const key = `k${from + n}`;
        await cache.getOrLoad(key, () => sleep(30 + (n % 50), 'v'));
        await sleep((n * 7) % 160);
        const bytes = await redis.getBuffer(`${it_.clients.prefix}:v1:cache-aside:{${key}}`);
        if (bytes === null) return; // expired meanwhile
        const { freshUntilMs = 0, loadMs = 0 } = parsedEntry(bytes) ?? {};
        const shareAt = (nowMs: number) => Math.exp((nowMs - freshUntilMs) / loadMs);
        const askedMs = await serverMs();
        const value = await cache.getOrLoad(key, () => 'new');
        const [least, most] = [shareAt(askedMs - BEHIND_MS), shareAt(await serverMs())];
        if (most >= 1 || value !== 'v') return;
        expect(loadMs).toBeGreaterThanOrEqual(30 + (n % 50));
        asked += 1;
        expected.least += least;
        expected.most += most;
      });
    }
    const { early } = await settledStats(cache);
    expect(asked).toBeGreaterThan(count / 4);
    // Four standard deviations of as many draws.
    const slack = 4 * Math.sqrt(expected.most);
    expect(early).toBeGreaterThan(expected.least - slack);
    expect(early).toBeLessThan(expected.most + slack);
  });

  it('is served as it is meanwhile, and by nobody loaded twice', async () => {
    const [one, two] = [await here({ ttlMs: 5000, beta: 100 }), await here({ ttlMs: 5000, beta: 100 })];
    await one.getOrLoad('k', () => sleep(40, 'old'));
    await eventually(() => expect(one.stats().stored).toBe(1));
    let loads = 0;
    let answer: (value: string) => void = () => undefined;
    const load = () => {
      loads += 1;
      return new Promise<string>((resolve) => (answer = resolve));
    };
    await eventually(async () => {
      expect(await one.getOrLoad('k', load)).toBe('old');
      expect(loads).toBe(1);
    });
    expect(await Promise.all([one.getOrLoad('k', load), two.getOrLoad('k', load)])).toEqual(['old', 'old']);
    expect(loads).toBe(1);
    answer('new');
    await eventually(async () => expect(await two.getOrLoad('k', load)).toBe('new'));
  });

  it('is, behind a tier of its process, loaded anew as early as its callers ask for', async () => {
    const { cache } = await cacheWithTier(it_.clients.client(), { prefix: it_.clients.prefix, jitter: 0 });
    onTestFinished(() => cache.close());
    const ask = (key: string) => cache.getOrLoad(key, () => sleep(20, 'v'), { ttlMs: 400, beta: 4 });
    // A machine that stands still lets a value expire.
    for (let n = 0; n < 25 && cache.stats().early === 0; n += 1) {
      const endAt = performance.now() + 400;
      while (performance.now() < endAt && cache.stats().early === 0) {
        await ask(`k${n}`);
        await sleep(2);
      }
    }
    expect(cache.stats().l1?.hits).toBeGreaterThan(0);
    expect(cache.stats().early).toBeGreaterThan(0);
  });

  it('hot, at 1,000 requests a second over 4 processes, is loaded once or twice, and nobody waits for it', async () => {
    const rounds = scale({ quick: 1, full: 20 });
    await using members = await fleet<Told[]>(4, new URL('fleet/hot.mjs', import.meta.url), {
      args: {
        url: it_.server.url,
        prefix: it_.clients.prefix,
        requestsPerSecond: 250,
        ttlMs: 1000,
        loadMs: 100,
        rounds,
      },
    });
    const told = await members.results;
    for (let round = 0; round < rounds; round += 1) {
      const loads = told.reduce((sum, member) => sum + (member[round]?.loads ?? 0), 0);
      expect([1, 2]).toContain(loads);
    }
    const calm = told.flat().flatMap((one) => one.calm);
    const busy = told.flat().flatMap((one) => one.busy);
    expect(busy.length).toBeGreaterThan(5 * rounds);
    // A load takes 100 ms: nobody waited for it. With few of them the 99th of 100 is the slowest, and that the machine's.
    const share = scale({ quick: 0.5, full: 0.99 });
    expect(percentile(busy, share)).toBeLessThan(Math.max(50, 3 * percentile(calm, share)));
  });
});
