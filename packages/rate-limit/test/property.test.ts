import { scale, settableClock } from '@turnpike/test-kit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { algorithms } from '../src/algorithms.ts';
import { createRateLimiter } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

/** Every charge that was admitted, and when: what the sliding window approximates from above. */
function exactLog() {
  const charges: { at: number; cost: number }[] = [];
  return {
    add: (at: number, cost: number): void => void charges.push({ at, cost }),
    within: (now: number, windowMs: number): number =>
      charges.filter(({ at }) => at > now - windowMs && at <= now).reduce((sum, { cost }) => sum + cost, 0),
  };
}

const arrivals = fc.array(fc.record({ after: fc.nat(400), cost: fc.integer({ min: 1, max: 3 }) }), {
  minLength: 1,
  maxLength: 60,
});

it('sliding window: no trailing window ever holds more than the limit, none is denied for long, and waits are true', async () => {
  const clock = await settableClock(it_.clients.client());
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      arrivals,
      fc.integer({ min: 3, max: 12 }),
      // Long ones, since keys expire by the server's own clock while the test's stands still.
      fc.constantFrom(100_000, 199_999, 7_000_000),
      async (steps, limit, windowMs) => {
        run += 1;
        const limiter = createRateLimiter({
          redis: clock.client,
          prefix: it_.clients.prefix,
          name: `run-${run}`,
          limit,
          windowMs,
          deadlineMs: 10_000,
          denyCacheMs: 0,
        });
        const log = exactLog();
        const entryMs = Math.ceil(windowMs / 20);
        await clock.set(Date.UTC(2026, 0, 1));
        for (const { after, cost } of steps) {
          const now = (await clock.advance(Math.floor((after * windowMs) / 1000)), clock.now());
          const { allowed, retryAfterMs = 0 } = await limiter.take('ann', { cost });
          if (allowed) {
            log.add(now, cost);
            expect(log.within(now, windowMs)).toBeLessThanOrEqual(limit);
          } else {
            // Denied only if an exact log over a window one entry longer would deny too.
            expect(log.within(now, windowMs + entryMs) + cost).toBeGreaterThan(limit);
            await clock.set(now + retryAfterMs - 1);
            expect((await limiter.peek('ann', { cost })).allowed).toBe(false);
            await clock.set(now + retryAfterMs);
            expect((await limiter.peek('ann', { cost })).allowed).toBe(true);
            await clock.set(now);
          }
        }
      },
    ),
    { numRuns: scale({ quick: 60, full: 2000 }) },
  );
}, 600_000);

it('sliding window: with a clock that steps back at random, still no real window holds more than the limit', async () => {
  const clock = await settableClock(it_.clients.client());
  const steps = fc.array(
    fc.record({ afterMs: fc.nat(30_000), skewMs: fc.oneof(fc.constant(0), fc.integer({ min: -500_000, max: 0 })) }),
    { minLength: 1, maxLength: 80 },
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (moves) => {
      run += 1;
      const [limit, windowMs] = [5, 100_000];
      const limiter = createRateLimiter({
        redis: clock.client,
        prefix: it_.clients.prefix,
        name: `skew-${run}`,
        limit,
        windowMs,
        deadlineMs: 10_000,
        denyCacheMs: 0,
      });
      const log = exactLog();
      let real = Date.UTC(2026, 0, 1);
      let offset = 0;
      for (const { afterMs, skewMs } of moves) {
        real += afterMs;
        offset += skewMs;
        await clock.set(real + offset);
        if ((await limiter.take('ann')).allowed) {
          log.add(real, 1);
          expect(log.within(real, windowMs)).toBeLessThanOrEqual(limit);
        }
      }
    }),
    { numRuns: scale({ quick: 60, full: 2000 }) },
  );
}, 600_000);

it('sliding window, in this process: windows of 1 to 25 ms too', () => {
  const step = fc.record({ afterMs: fc.nat(9), cost: fc.integer({ min: 1, max: 3 }) });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 25 }),
      fc.integer({ min: 1, max: 8 }),
      (steps, windowMs, limit) => {
        const policy = {
          name: '',
          algorithm: 'sliding-window',
          limit,
          windowMs,
          burst: limit,
          charge: 'always',
          hidden: false,
        } as const;
        const log = exactLog();
        let now = 1_000_000;
        let state: readonly number[] | undefined;
        for (const { afterMs, cost } of steps) {
          now += afterMs;
          const { charged, waitMs } = algorithms['sliding-window'](state, policy, cost, now);
          if (waitMs > 0 || cost > limit) continue;
          state = charged;
          log.add(now, cost);
          expect(log.within(now, windowMs)).toBeLessThanOrEqual(limit);
        }
      },
    ),
    { numRuns: scale({ quick: 2000, full: 50_000 }) },
  );
}, 300_000);
