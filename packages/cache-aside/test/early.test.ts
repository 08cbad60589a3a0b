import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, fleet, race, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { parsedEntry } from '../src/envelope.ts';
import { type CacheOptions, createCache } from '../src/index.ts';

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

const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;

describe('a value that soon expires', () => {
  it('is loaded anew as often as XFetch says, by the time its own load took', async () => {
    const cache = await here({ ttlMs: 250, beta: 1 });
    const redis = it_.clients.client();
    let expected = 0;
    let variance = 0;
    const count = scale({ quick: 300, full: 5000 });
    let begun = 0;
    for (let from = 0; from < count; from += 50) {
      await race(50, async (n) => {
        const key = `k${from + n}`;
        await cache.getOrLoad(key, async () => {
          await sleep(30 + (n % 50));
          return 'v';
        });
        await sleep((n * 7) % 160);
        const entry = parsedEntry((await redis.getBuffer(`${it_.clients.prefix}:v1:cache-aside:{${key}}`)) as Buffer);
        const [seconds, micros] = await redis.time();
        const gapMs = (entry?.freshUntilMs ?? 0) - (Number(seconds) * 1000 + Number(micros) / 1000);
        if (entry === undefined || gapMs < 20) return;
        expect(entry.loadMs).toBeGreaterThanOrEqual(30 + (n % 50));
        const before = cache.stats().hit;
        const loaded: string[] = [];
        await cache.getOrLoad(key, () => {
          loaded.push(key);
          return 'new';
        });
        expect(cache.stats().hit).toBeGreaterThan(before);
        const share = Math.exp(-gapMs / (entry.loadMs ?? 0));
        expected += share;
        variance += share * (1 - share);
        // The lease is a round trip away.
        for (let wait = 0; wait < 4 && loaded.length === 0; wait += 1) await sleep(5);
        begun += loaded.length;
      });
    }
    expect(expected).toBeGreaterThan(20);
    // Of draws that are not alike the count is nearly normal: four standard deviations, and what a reading may be late by.
    expect(Math.abs(begun - expected)).toBeLessThan(4 * Math.sqrt(variance) + 0.15 * expected);
    expect(cache.stats().early).toBe(begun);
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
    // A load takes 100 ms: nobody waited for it.
    expect(percentile(busy, 0.99)).toBeLessThan(Math.max(50, 3 * percentile(calm, 0.99)));
  });
});
