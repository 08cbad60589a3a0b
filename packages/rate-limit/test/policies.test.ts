import { countCommands, race, settableClock } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { type PolicyOptions, type RateLimiterOptions, createRateLimiter } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

type Settings = Omit<Extract<RateLimiterOptions, { policies: unknown }>, 'policies' | 'redis' | 'prefix'>;

/** A limiter over these policies, whose time the test sets. */
async function clocked(policies: PolicyOptions[], more: Settings = {}) {
  const clock = await settableClock(it_.clients.client());
  await clock.set(Date.UTC(2026, 0, 1));
  const limiter = createRateLimiter({
    redis: clock.client,
    prefix: it_.clients.prefix,
    policies,
    deadlineMs: 5000,
    denyCacheMs: 0,
    ...more,
  });
  return { clock, limiter };
}

const used = ({ standings }: { standings: readonly { used: number }[] }) => standings.map((it) => it.used);

describe('several policies on one subject', () => {
  it('are charged all or none: one denial moves no counter, whatever its algorithm', async () => {
    const { limiter } = await clocked([
      { name: 'a', limit: 100, windowMs: 60_000, algorithm: 'sliding-window' },
      { name: 'b', limit: 2, windowMs: 60_000, algorithm: 'fixed-window' },
      { name: 'c', limit: 50, windowMs: 60_000, algorithm: 'token-bucket' },
    ]);
    expect(used(await limiter.take('ann'))).toEqual([1, 1, 1]);
    expect(used(await limiter.take('ann'))).toEqual([2, 2, 2]);
    for (let denied = 0; denied < 5; denied += 1) {
      const decision = await limiter.take('ann');
      expect(decision).toMatchObject({ allowed: false, policy: 'b', limit: 2, remaining: 0, retryAfterMs: 60_000 });
      expect(used(decision)).toEqual([2, 2, 2]);
      expect(decision.standings.map(({ violated }) => violated)).toEqual([false, true, false]);
    }
  });

  it('wait for the last of those that deny', async () => {
    const { clock, limiter } = await clocked([
      { name: 'short', limit: 1, windowMs: 1000 },
      { name: 'long', limit: 1, windowMs: 30_000 },
    ]);
    await limiter.take('ann');
    expect(await limiter.take('ann')).toMatchObject({ policy: 'long', retryAfterMs: 30_000 });
    await clock.advance(29_999);
    expect((await limiter.take('ann')).allowed).toBe(false);
    await clock.advance(1);
    expect((await limiter.take('ann')).allowed).toBe(true);
  });

  it('cost one command, however many they are', async () => {
    const redis = it_.clients.client();
    const policies = Array.from({ length: 3 }, (_, n) => ({ name: `p${n}`, limit: 100, windowMs: 1000 * (n + 1) }));
    const limiter = createRateLimiter({ redis, prefix: it_.clients.prefix, policies });
    await limiter.take('ann');
    const commands = await countCommands(it_.server, async () => {
      for (let call = 0; call < 10; call += 1) await limiter.take('ann');
    });
    expect(commands.map(([name]) => name?.toLowerCase())).toEqual(Array.from({ length: 10 }, () => 'evalsha'));
  });

  it('stay exact under 500 takes at once: the tightest admits its limit', async () => {
    const { limiter } = await clocked([
      { name: 'a', limit: 70, windowMs: 60_000 },
      { name: 'b', limit: 40, windowMs: 60_000, algorithm: 'fixed-window' },
      { name: 'c', limit: 60, windowMs: 600_000, algorithm: 'token-bucket' },
    ]);
    const decisions = await race(500, () => limiter.take('ann'));
    expect(decisions.filter(({ allowed }) => allowed)).toHaveLength(40);
    expect(used(await limiter.peek('ann'))).toEqual([40, 40, 40]);
  });
});

describe('a token bucket', () => {
  it('admits its burst at once, then limit per window', async () => {
    const { clock, limiter } = await clocked([
      { name: 'api', limit: 60, windowMs: 60_000, algorithm: 'token-bucket', burst: 5 },
    ]);
    expect((await race(20, () => limiter.take('ann'))).filter(({ allowed }) => allowed)).toHaveLength(5);
    let admitted = 0;
    for (let second = 0; second < 30; second += 1) {
      await clock.advance(1000);
      for (let call = 0; call < 3; call += 1) if ((await limiter.take('ann')).allowed) admitted += 1;
    }
    expect(admitted).toBe(30);
  });

  it('never admits a cost above its burst', async () => {
    const { limiter } = await clocked([
      { name: 'api', limit: 60, windowMs: 60_000, algorithm: 'token-bucket', burst: 5 },
      { name: 'day', limit: 1000, windowMs: 86_400_000 },
    ]);
    expect(await limiter.take('ann', { cost: 6 })).toMatchObject({ allowed: false, retryAfterMs: undefined, used: 0 });
  });
});

describe('limits that are the caller’s own', () => {
  it('hold for the call they are given with, and a window of another length counts apart', async () => {
    const { limiter } = await clocked([{ name: 'plan', limit: () => 1, windowMs: () => 1000 }]);
    const pro = { limits: { plan: { limit: 3, windowMs: 60_000 } } };
    const free = { limits: { plan: { limit: 1, windowMs: 60_000 } } };
    for (const n of [1, 2, 3])
      expect(await limiter.take('ann', pro)).toMatchObject({ allowed: true, used: n, limit: 3 });
    expect((await limiter.take('ann', pro)).allowed).toBe(false);
    expect((await limiter.take('ann', free)).allowed).toBe(false);
    expect((await limiter.take('ann', { limits: { plan: { limit: 1, windowMs: 1000 } } })).allowed).toBe(true);
    expect(await limiter.reset('ann', pro)).toBe(true);
    expect((await limiter.take('ann', free)).allowed).toBe(true);
  });

  it('are checked when they come, and belong to a policy there is', async () => {
    const { limiter } = await clocked([{ name: 'plan', limit: () => 1, windowMs: 1000 }]);
    await expect(limiter.take('ann', { limits: { plan: { limit: 0 } } })).rejects.toThrow(
      'option "limit" must be an integer',
    );
    await expect(limiter.take('ann', { limits: { plam: { limit: 1 } } })).rejects.toThrow(
      `option "limits" must be one of 'plan'`,
    );
  });
});

describe('limits that depend on a request', () => {
  it('have to be given to the engine, also to block and to reset', async () => {
    const { limiter } = await clocked([{ name: 'plan', limit: () => 5, windowMs: () => 1000 }]);
    for (const call of [
      limiter.take('ann'),
      limiter.peek('ann'),
      limiter.block('ann', 1000),
      limiter.reset('ann'),
      limiter.take('ann', { limits: { plan: { limit: 5 } } }),
    ]) {
      await expect(call).rejects.toThrow(/option "(limit|windowMs)" must be an integer .*, received undefined/);
    }
  });

  it('of a token bucket have a bucket each: a better plan does not begin in debt', async () => {
    const { limiter } = await clocked([{ name: 'plan', limit: () => 5, windowMs: 60_000, algorithm: 'token-bucket' }]);
    const [free, pro] = [{ limits: { plan: { limit: 10 } } }, { limits: { plan: { limit: 1000 } } }];
    for (let n = 0; n < 10; n += 1) await limiter.take('ann', free);
    expect(await limiter.take('ann', pro)).toMatchObject({ allowed: true, used: 1, remaining: 999 });
    expect((await limiter.take('ann', free)).allowed).toBe(false);
  });
});

describe('a block', () => {
  const rule = { afterDenials: 3, durationMs: 10_000, maxMs: 35_000 };

  it('comes after so many denials in a row, and each time twice as long, up to its cap', async () => {
    const { clock, limiter } = await clocked([{ limit: 1, windowMs: 100 }], { block: rule });
    const lengths: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      while (!(await limiter.take('ann')).allowed) await clock.advance(100);
      for (const kind of [false, false, true]) expect((await limiter.take('ann')).blocked).toBe(kind);
      const { retryAfterMs = 0, blocked } = await limiter.take('ann');
      expect(blocked).toBe(true);
      lengths.push(retryAfterMs);
      await clock.advance(retryAfterMs - 1);
      expect(await limiter.peek('ann')).toMatchObject({ blocked: true, retryAfterMs: 1 });
      await clock.advance(1);
    }
    expect(lengths).toEqual([10_000, 20_000, 35_000, 35_000, 35_000]);
  });

  it('counts denials in a row only, is not prolonged by knocking, and is forgotten after maxMs', async () => {
    const { clock, limiter } = await clocked([{ limit: 1, windowMs: 100 }], { block: rule });
    for (let n = 0; n < 10; n += 1) {
      expect((await limiter.take('ann')).allowed).toBe(true);
      expect((await limiter.take('ann')).blocked).toBe(false);
      expect((await limiter.take('ann')).blocked).toBe(false);
      await clock.advance(100);
    }
    await limiter.take('ann');
    for (let n = 0; n < 3; n += 1) await limiter.take('ann');
    await clock.advance(4000);
    for (let n = 0; n < 20; n += 1) expect((await limiter.take('ann')).retryAfterMs).toBe(6000);
    await clock.advance(6000 + rule.maxMs);
    await limiter.take('ann');
    for (let n = 0; n < 3; n += 1) await limiter.take('ann');
    expect((await limiter.peek('ann')).retryAfterMs).toBe(10_000);
  });

  it('lasts no longer than itself when the clock steps back an hour', async () => {
    const { clock, limiter } = await clocked([{ limit: 1, windowMs: 100 }], { block: rule });
    for (let n = 0; n < 4; n += 1) await limiter.take('ann');
    await clock.advance(-3_600_000);
    expect(await limiter.take('ann')).toMatchObject({ blocked: true, retryAfterMs: 10_000 });
    await clock.advance(10_000);
    expect((await limiter.take('ann')).allowed).toBe(true);
  });

  it('is remembered after it ended, also in Redis: its key outlives the window', async () => {
    const { limiter } = await clocked([{ limit: 1, windowMs: 100 }], { block: rule });
    for (let n = 0; n < 4; n += 1) await limiter.take('ann');
    const [key = ''] = await it_.clients.scan();
    expect(await it_.clients.client().pttl(key)).toBeGreaterThan(rule.durationMs + rule.maxMs - 1000);
  });

  it('may be set by hand, and lifted by reset', async () => {
    const { clock, limiter } = await clocked([{ limit: 5, windowMs: 1000 }]);
    await limiter.take('ann');
    await limiter.block('ann', 60_000);
    expect(await limiter.take('ann')).toMatchObject({ allowed: false, blocked: true, used: 1, retryAfterMs: 60_000 });
    await clock.advance(59_999);
    expect((await limiter.take('ann')).blocked).toBe(true);
    await clock.advance(1);
    expect((await limiter.take('ann')).allowed).toBe(true);
    await limiter.block('ann', 60_000);
    await limiter.reset('ann');
    expect(await limiter.take('ann')).toMatchObject({ allowed: true, used: 1 });
  });
});
