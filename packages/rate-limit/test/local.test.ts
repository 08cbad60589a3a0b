import { eventually, race, scale, settableClock } from '@turnpike/test-kit';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type PolicyOptions, createRateLimiter } from '../src/index.ts';
import { checkedOptions } from '../src/limiter-options.ts';
import { limiterWith } from '../src/limiter.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

describe('the limiter of one process', () => {
  it('decides as Redis does: the same arrivals, settles and blocks, the same answers', async () => {
    const clock = await settableClock(it_.clients.client());
    // Long windows, since keys expire by the server's own clock while the test's stands still.
    const policies: PolicyOptions[] = [
      { name: 'f', limit: 6, windowMs: 70_000, algorithm: 'fixed-window', charge: 'failure' },
      { name: 's', limit: 8, windowMs: 100_000, algorithm: 'sliding-window', charge: 'failure' },
      { name: 't', limit: 20, windowMs: 200_000, algorithm: 'token-bucket', burst: 9 },
    ];
    const block = { afterDenials: 4, durationMs: 30_000, maxMs: 90_000 };
    const step = fc.record({ afterMs: fc.nat(15_000), cost: fc.integer({ min: 1, max: 3 }), settle: fc.nat(3) });
    let run = 0;
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        run += 1;
        await clock.set(Date.UTC(2026, 0, 1));
        const shared = { prefix: it_.clients.prefix, policies, block, deadlineMs: 10_000, denyCacheMs: 0 };
        const ours = limiterWith(checkedOptions('test', shared), () => clock.now());
        const theirs = limiterWith(checkedOptions('test', { ...shared, redis: clock.client }));
        const subject = `run-${run}`;
        for (const { afterMs, cost, settle } of steps) {
          await clock.advance(afterMs);
          const [here, there] = [await ours.take(subject, { cost }), await theirs.take(subject, { cost })];
          const told = ({ allowed, blocked, retryAfterMs, standings }: typeof here) => ({
            allowed,
            blocked,
            retryAfterMs,
            used: standings.map(({ used }) => used),
          });
          expect(told(here)).toEqual(told(there));
          if (settle === 0 && here.reservation !== undefined && there.reservation !== undefined) {
            expect(await ours.settle(here.reservation, 'refund')).toBe(
              await theirs.settle(there.reservation, 'refund'),
            );
          }
        }
      }),
      { numRuns: scale({ quick: 40, full: 1000 }) },
    );
    vi.restoreAllMocks();
  }, 300_000);

  it('serves alone when no redis is given, with one warning', async () => {
    const said = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const limiter = createRateLimiter({ limit: 2, windowMs: 60_000 });
    expect(said.mock.calls.map(([, second]) => (second as { code: string }).code)).toEqual(['TURNPIKE_WARN_NO_REDIS']);
    said.mockRestore();
    const decisions = await race(10, () => limiter.take('ann'));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(2);
    expect(decisions.every(({ degraded }) => !degraded)).toBe(true);
    expect(await limiter.reset('ann')).toBe(true);
    expect(await limiter.reset('ann')).toBe(false);
    expect((await limiter.peek('ann')).remaining).toBe(2);
    await limiter.block('ann', 1000);
    expect((await limiter.take('ann')).blocked).toBe(true);
  });

  it('forgets the subjects unused for longest, beyond 10,000', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const limiter = createRateLimiter({ limit: 1, windowMs: 60_000 });
    vi.restoreAllMocks();
    await limiter.take('first');
    await limiter.take('second');
    for (let n = 0; n < 9_999; n += 1) {
      await limiter.take(`s${n}`);
      if (n % 1000 === 0) await limiter.take('first');
    }
    expect((await limiter.peek('first')).allowed).toBe(false);
    expect((await limiter.peek('second')).allowed).toBe(true);
  });
});

describe("onStoreError 'local'", () => {
  it('takes over while Redis is paused, keeps to its share, and hands back when Redis returns', async () => {
    const INSTANCES = 3;
    const LIMIT = 20;
    const limiters = Array.from({ length: INSTANCES }, () =>
      createRateLimiter({
        redis: it_.clients.client(),
        prefix: it_.clients.prefix,
        limit: LIMIT,
        windowMs: 60_000,
        localShare: 0.25,
        denyCacheMs: 0,
      }),
    );
    const takeOn = (n: number) => limiters[n % INSTANCES]!.take('ann');
    const before = await race(10, takeOn);
    it_.server.pause();
    const during = await race(120, takeOn);
    expect(during.every(({ degraded }) => degraded)).toBe(true);
    const later = await race(60, takeOn);
    it_.server.resume();
    await eventually(async () => {
      for (const limiter of limiters) expect((await limiter.peek('ann')).degraded).toBe(false);
    });
    const after = await race(60, takeOn);
    expect(after.some(({ degraded }) => degraded)).toBe(false);

    const admitted = (decisions: { allowed: boolean }[]) => decisions.filter(({ allowed }) => allowed).length;
    expect(admitted(before)).toBe(10);
    // A quarter of the limit for each instance, and not again later in the same window.
    expect(admitted(during)).toBe(INSTANCES * 5);
    expect(admitted(later)).toBe(0);
    // What was asked of the paused Redis had no effect: all of the limit's rest is there.
    expect(admitted(after)).toBe(LIMIT - 10);
    expect(admitted([...before, ...during, ...later, ...after])).toBeLessThanOrEqual(LIMIT + 0.25 * LIMIT * INSTANCES);
  });

  it('settles there what was charged there', async () => {
    const limiter = createRateLimiter({
      redis: it_.clients.client(),
      prefix: it_.clients.prefix,
      limit: 2,
      windowMs: 60_000,
      localShare: 0.5,
      charge: 'failure',
    });
    await limiter.peek('warm');
    it_.server.pause();
    const taken = await limiter.take('ann');
    expect(taken).toMatchObject({ allowed: true, degraded: true, limit: 1 });
    expect((await limiter.take('ann')).allowed).toBe(false);
    expect(await limiter.settle(taken.reservation!, 'refund')).toBe(true);
    expect((await limiter.take('ann')).allowed).toBe(true);
  });
});
