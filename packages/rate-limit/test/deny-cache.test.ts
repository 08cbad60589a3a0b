import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { countCommands, eventually, scale, settableClock } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { createDenyCache } from '../src/deny-cache.ts';
import { type RateLimiterOptions, createRateLimiter } from '../src/index.ts';
import { checkedOptions } from '../src/limiter-options.ts';
import { limiterWith } from '../src/limiter.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

/** A linear congruential generator: the same arrivals in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** What the heap holds, in bytes, without what only waits to be collected. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

const ARRIVALS = scale({ quick: 3_000, full: 10_000 });

describe('the deny cache', () => {
  it.each(['fixed-window', 'sliding-window', 'token-bucket'] as const)(
    `changes nothing of who is admitted: %s, ${ARRIVALS} random arrivals with it and without`,
    async (algorithm) => {
      const clock = await settableClock(it_.clients.client());
      await clock.set(Date.UTC(2026, 0, 1));
      const limiter = (denyCacheMs: number) =>
        limiterWith(
          checkedOptions('test', {
            redis: clock.client,
            prefix: it_.clients.prefix,
            name: `cache-${denyCacheMs}`,
            algorithm,
            limit: 10,
            windowMs: 2000,
            denyCacheMs,
            deadlineMs: 10_000,
          }),
          () => clock.now(),
        );
      const [cached, plain] = [limiter(1000), limiter(0)];
      const random = randomFrom(20261120);
      let denied = 0;
      for (let arrival = 0; arrival < ARRIVALS; arrival += 1) {
        if (random(3) === 0) await clock.advance(random(120));
        const [key, cost] = [`k${random(4)}`, 1 + random(2)];
        const [one, other] = [await cached.take(key, { cost }), await plain.take(key, { cost })];
        expect([arrival, one.allowed, one.retryAfterMs]).toEqual([arrival, other.allowed, other.retryAfterMs]);
        if (!one.allowed) denied += 1;
      }
      expect(denied).toBeGreaterThan(ARRIVALS / 10);
    },
    120_000,
  );

  it('spares Redis a flood on a denied key: at most one call in twenty requests', async () => {
    const redis = it_.clients.client();
    const limiter = createRateLimiter({ redis, prefix: it_.clients.prefix, limit: 5, windowMs: 60_000 });
    const requests = 4000;
    const commands = await countCommands(it_.server, async () => {
      for (let n = 0; n < requests; n += 1) await limiter.take('ann');
    });
    expect(commands.length).toBeLessThan(requests / 20);
    expect(commands.length).toBeGreaterThanOrEqual(6);
  });

  it.each<[string, Partial<RateLimiterOptions>]>([
    ['a charge that may be settled', { charge: 'failure' }],
    ['denials that count towards a block', { block: { afterDenials: 1000, durationMs: 1000, maxMs: 1000 } }],
    ['a limit of the caller’s own', { limit: () => 1, name: 'own' }],
    ['denyCacheMs: 0', { denyCacheMs: 0 }],
  ])('is not used where time alone does not end a denial: %s', async (_why, more) => {
    const redis = it_.clients.client();
    const options = { redis, prefix: it_.clients.prefix, limit: 1, windowMs: 60_000, ...more } as RateLimiterOptions;
    const limiter = createRateLimiter(options);
    const ask = 'name' in options ? { limits: { own: { limit: 1 } } } : {};
    await limiter.take('ann', ask);
    const commands = await countCommands(it_.server, async () => {
      for (let n = 0; n < 50; n += 1) expect((await limiter.take('ann', ask)).allowed).toBe(false);
    });
    expect(commands).toHaveLength(50);
  });

  it('answers only for the cost it was told of, so that every wait is true', async () => {
    const redis = it_.clients.client();
    const limiter = createRateLimiter({ redis, prefix: it_.clients.prefix, limit: 3, windowMs: 60_000 });
    await limiter.take('ann', { cost: 2 });
    expect((await limiter.take('ann', { cost: 2 })).allowed).toBe(false);
    expect((await limiter.take('ann', { cost: 1 })).allowed).toBe(true);
  });

  it('forgets with a reset here at once, and with a reset elsewhere within denyCacheMs', async () => {
    const redis = it_.clients.client();
    const options = { redis, prefix: it_.clients.prefix, limit: 1, windowMs: 60_000, denyCacheMs: 200 };
    const [here, elsewhere] = [createRateLimiter(options), createRateLimiter(options)];
    await here.take('ann');
    expect((await here.take('ann')).allowed).toBe(false);
    await here.reset('ann');
    expect((await here.take('ann')).allowed).toBe(true);
    expect((await here.take('ann')).allowed).toBe(false);
    const resetAt = performance.now();
    await elsewhere.reset('ann');
    await eventually(async () => expect((await here.take('ann')).allowed).toBe(true));
    expect(performance.now() - resetAt).toBeLessThan(300);
  });

  it('holds 10,000 denials and forgets the oldest: the heap is flat after a million keys', () => {
    const cache = createDenyCache(60_000, () => 0);
    const verdict = { kind: 'deny', waitMs: 60_000, quotas: [{ used: 1, resetMs: 1, waitMs: 1 }] } as const;
    const add = (from: number, count: number): void => {
      for (let n = from; n < from + count; n += 1) cache.add(`key-${n}`, 1, verdict, 0);
    };
    add(0, 20_000);
    const before = heapUsed();
    add(20_000, scale({ quick: 300_000, full: 1_000_000 }));
    expect(heapUsed() - before).toBeLessThan(10 * 1024 * 1024);
    expect(cache.find('key-0', 1)).toBeUndefined();
    expect(cache.find(`key-${20_000 + scale({ quick: 300_000, full: 1_000_000 }) - 1}`, 1)).toBeDefined();
  });
});
