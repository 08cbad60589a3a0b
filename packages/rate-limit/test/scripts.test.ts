import { createHash } from 'node:crypto';
import { race, settableClock } from '@turnpike/test-kit';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { takeLua } from '../src/lua.gen.ts';
import { type Algorithm, createRateLimiter } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const START = Date.UTC(2026, 0, 1);
const ALGORITHMS: Algorithm[] = ['fixed-window', 'sliding-window', 'token-bucket'];

/** A limiter whose time the test sets. */
async function clocked(algorithm: Algorithm, limit: number, windowMs: number) {
  const clock = await settableClock(it_.clients.client());
  await clock.set(START);
  const limiter = createRateLimiter({
    redis: clock.client,
    prefix: it_.clients.prefix,
    algorithm,
    limit,
    windowMs,
    deadlineMs: 5000,
    denyCacheMs: 0, // it goes by this process's clock
  });
  return { clock, limiter };
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  const policies = (limit: number, windowMs: number): string =>
    JSON.stringify([{ algorithm, limit, windowMs, burst: limit, settles: false }]);

  /** How long a caller waits for one more when all of `limit` was just charged. */
  const waitOfOne = (limit: number): number => (algorithm === 'token-bucket' ? 60_000 / limit : 60_000);

  it('admits up to the limit, then denies, and says what is left', async () => {
    const { limiter } = await clocked(algorithm, 3, 60_000);
    for (const used of [1, 2, 3]) {
      expect(await limiter.take('ann')).toMatchObject({
        allowed: true,
        used,
        remaining: 3 - used,
        limit: 3,
        policy: '3-in-60s',
        retryAfterMs: undefined,
        degraded: false,
      });
    }
    expect(await limiter.take('ann')).toMatchObject({
      allowed: false,
      used: 3,
      remaining: 0,
      retryAfterMs: waitOfOne(3),
    });
    expect(await limiter.take('bob')).toMatchObject({ allowed: true, used: 1 });
  });

  it('waits truly: denied at t − 1 ms, allowed at t', async () => {
    const { clock, limiter } = await clocked(algorithm, 10, 60_000);
    for (const cost of [4, 3, 3]) {
      expect((await limiter.take('ann', { cost })).allowed).toBe(true);
      await clock.advance(7000);
    }
    for (const cost of algorithm === 'token-bucket' ? [4, 5, 8, 10] : [1, 4, 5, 8, 10]) {
      const { allowed, retryAfterMs = 0 } = await limiter.take('ann', { cost });
      expect(allowed).toBe(false);
      await clock.advance(retryAfterMs - 1);
      expect((await limiter.take('ann', { cost })).allowed).toBe(false);
      await clock.advance(1);
      expect((await limiter.peek('ann', { cost })).allowed).toBe(true);
      await clock.advance(-retryAfterMs);
    }
  });

  it('never waits for a cost above the limit, since no wait helps', async () => {
    const { limiter } = await clocked(algorithm, 3, 60_000);
    expect(await limiter.take('ann', { cost: 4 })).toMatchObject({ allowed: false, retryAfterMs: undefined, used: 0 });
    expect(await limiter.take('ann', { cost: 3 })).toMatchObject({ allowed: true, used: 3 });
    expect(await limiter.take('ann', { cost: 4 })).toMatchObject({ allowed: false, retryAfterMs: undefined, used: 3 });
  });

  it('changes nothing when it denies', async () => {
    const redis = it_.clients.client();
    const { limiter } = await clocked(algorithm, 2, 60_000);
    await limiter.take('ann', { cost: 2 });
    const [key = ''] = await it_.clients.scan();
    const before = await redis.getBuffer(key);
    const ttl = await redis.pttl(key);
    for (let call = 0; call < 10; call += 1) await limiter.take('ann');
    expect(await redis.getBuffer(key)).toEqual(before);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(ttl);
  });

  it('peeks without writing, also where nothing is', async () => {
    const { limiter } = await clocked(algorithm, 2, 60_000);
    expect(await limiter.peek('ann')).toMatchObject({ allowed: true, used: 0, remaining: 2 });
    expect(await it_.clients.scan()).toEqual([]);
    await limiter.take('ann', { cost: 2 });
    expect(await limiter.peek('ann')).toMatchObject({
      allowed: false,
      used: 2,
      remaining: 0,
      retryAfterMs: waitOfOne(2),
    });
  });

  it('forgets on reset, and says whether there was anything', async () => {
    const { limiter } = await clocked(algorithm, 2, 60_000);
    await limiter.take('ann', { cost: 2 });
    expect(await limiter.reset('ann')).toBe(true);
    expect(await limiter.reset('ann')).toBe(false);
    expect((await limiter.take('ann')).allowed).toBe(true);
  });

  it('blocks nobody longer than a window when the clock steps back an hour', async () => {
    const { clock, limiter } = await clocked(algorithm, 5, 60_000);
    await limiter.take('ann', { cost: 5 });
    await clock.advance(-3_600_000);
    const { allowed, retryAfterMs = 0 } = await limiter.take('ann');
    expect(allowed).toBe(false);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    await clock.advance(retryAfterMs - 1);
    expect((await limiter.take('ann')).allowed).toBe(false);
    await clock.advance(1);
    expect((await limiter.take('ann')).allowed).toBe(true);
  });

  it('gives a key without a TTL one, also when it denies', async () => {
    const redis = it_.clients.client();
    const { limiter } = await clocked(algorithm, 1, 60_000);
    await limiter.take('ann');
    const [key = ''] = await it_.clients.scan();
    await redis.persist(key);
    expect((await limiter.take('ann')).allowed).toBe(false);
    expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  it('charges a command once that is sent twice', async () => {
    const redis = it_.clients.client();
    const key = `${it_.clients.prefix}:twice`;
    const send = (id: string) => redis.eval(takeLua, 1, key, Date.now() * 1000 + 1e9, id, 2, policies(10, 60_000), '');
    expect(await send('one')).toEqual(['allow', [[2, expect.any(Number), 0]]]);
    expect(await send('one')).toEqual(['allow', [[2, expect.any(Number), 0]]]);
    expect(await send('two')).toEqual(['allow', [[4, expect.any(Number), 0]]]);
    expect(await send('one')).toEqual(['allow', [[4, expect.any(Number), 0]]]);
  });

  it('remembers a charge for as long as its command can come again, whatever came between', async () => {
    const redis = it_.clients.client();
    const key = `${it_.clients.prefix}:remembered`;
    const send = (id: string, withinMs: number) =>
      redis.eval(takeLua, 1, key, (Date.now() + withinMs) * 1000, id, 1, policies(1000, 600_000), '');
    const used = async (id: string, withinMs: number) => ((await send(id, withinMs)) as [string, [[number]]])[1][0][0];
    await send('brief', 30);
    await send('long', 5000);
    for (let n = 0; n < 20; n += 1) {
      await send(`other-${n}`, 30);
      await new Promise((resolve) => setTimeout(resolve, 8));
    }
    const before = await used('new', 30);
    expect(await used('long', 5000)).toBe(before);
    expect(await used('other-19', 1000)).toBe(before);
  });

  it('does nothing once its time has passed', async () => {
    const redis = it_.clients.client();
    const key = `${it_.clients.prefix}:late`;
    const send = (notAfterUs: number) => redis.eval(takeLua, 1, key, notAfterUs, 'id', 2, policies(10, 60_000), '');
    expect(await send(Date.now() * 1000 - 1_000_000)).toEqual(['late', expect.any(Number)]);
    expect(await send(0)).toEqual(['late', expect.any(Number)]);
    expect(await redis.exists(key)).toBe(0);
  });

  it('keeps what it charged for as long as it counts', async () => {
    const redis = it_.clients.client();
    const { clock, limiter } = await clocked(algorithm, 10, 60_000);
    for (let take = 1; take <= 4; take += 1) {
      const { resetTime } = await limiter.take('ann');
      const [key = ''] = await it_.clients.scan();
      const ttl = await redis.pttl(key);
      expect(Math.abs(ttl - (resetTime.getTime() - Date.now()))).toBeLessThan(100);
      const perTake = algorithm === 'token-bucket' ? 6000 : 60_000;
      expect(ttl).toBeGreaterThan(
        (algorithm === 'token-bucket' ? take * perTake : perTake) - 10_000 * (take - 1) - 200,
      );
      await clock.advance(algorithm === 'fixed-window' ? 10_000 : 0);
    }
  });

  it('counts apart what one name has counted under another algorithm or window', async () => {
    const redis = it_.clients.client();
    const shared = { redis, prefix: it_.clients.prefix, limit: 3, name: 'same', denyCacheMs: 0, algorithm };
    const long = createRateLimiter({ ...shared, windowMs: 60_000 });
    const short = createRateLimiter({ ...shared, windowMs: 100 });
    const other = createRateLimiter({
      ...shared,
      windowMs: 60_000,
      algorithm: ALGORITHMS.find((one) => one !== algorithm)!,
    });
    for (let n = 0; n < 20; n += 1) {
      const decisions = [await long.take('ann'), await short.take('ann'), await other.take('ann')];
      expect(decisions.map(({ allowed }) => allowed)).toEqual([n < 3, n < 3 || expect.any(Boolean), n < 3]);
    }
    expect((await long.peek('ann')).used).toBe(3);
  });

  it('begins anew when the policy of a name changes its algorithm', async () => {
    const redis = it_.clients.client();
    const options = { redis, prefix: it_.clients.prefix, limit: 1, windowMs: 60_000, name: 'same' };
    const other = ALGORITHMS.find((one) => one !== algorithm) as Algorithm;
    expect((await createRateLimiter({ ...options, algorithm }).take('ann')).allowed).toBe(true);
    expect((await createRateLimiter({ ...options, algorithm: other }).take('ann')).allowed).toBe(true);
    expect((await createRateLimiter({ ...options, algorithm: other }).take('ann')).allowed).toBe(false);
  });

  it('keeps strange subjects apart: globs, braces, NUL, spaces, unicode, a megabyte', async () => {
    const { limiter } = await clocked(algorithm, 1, 60_000);
    const subjects = [
      '*',
      '{}',
      '{a}',
      '}{',
      '\0',
      ' ',
      'a b',
      'ü',
      'u\u0308',
      '',
      ':',
      '~',
      'x'.repeat(1 << 20),
      '\ud800',
    ];
    const decisions = await race(subjects.length, (index) => limiter.take(subjects[index] ?? ''));
    expect(decisions.every(({ allowed }) => allowed)).toBe(true);
    const again = await race(subjects.length, (index) => limiter.take(subjects[index] ?? ''));
    expect(again.some(({ allowed }) => allowed)).toBe(false);
    expect(await it_.clients.scan()).toHaveLength(subjects.length);
  });
});

it.each(['fixed-window', 'token-bucket'] as const)(
  'of a %s, a caller’s value fits the block of 32 bytes',
  async (algorithm) => {
    const { limiter } = await clocked(algorithm, 1000, 60_000);
    await limiter.take('203.0.113.100', { cost: 300 });
    const [key = ''] = await it_.clients.scan();
    // What Redis adds to these depends on its version and its allocator.
    expect(await it_.clients.client().strlen(key)).toBeLessThanOrEqual(28);
  },
);

describe('a fixed window', () => {
  it('starts with its first charge and ends as a whole', async () => {
    const { clock, limiter } = await clocked('fixed-window', 2, 10_000);
    await clock.advance(4321);
    await limiter.take('ann');
    await clock.advance(9000);
    expect(await limiter.take('ann')).toMatchObject({ allowed: true, used: 2 });
    expect(await limiter.take('ann')).toMatchObject({ allowed: false, retryAfterMs: 1000 });
    await clock.advance(1000);
    expect(await limiter.take('ann')).toMatchObject({ allowed: true, used: 1 });
  });
});

describe('a sliding window', () => {
  it('gives back charges one by one, as they leave it', async () => {
    const { clock, limiter } = await clocked('sliding-window', 3, 60_000);
    for (let charge = 0; charge < 3; charge += 1) {
      await limiter.take('ann');
      await clock.advance(10_000);
    }
    // charged at 0, 10 and 20 s; it is 30 s
    expect(await limiter.take('ann')).toMatchObject({ allowed: false, retryAfterMs: 30_000 });
    expect(await limiter.take('ann', { cost: 2 })).toMatchObject({ allowed: false, retryAfterMs: 40_000 });
    await clock.advance(30_000);
    expect(await limiter.take('ann')).toMatchObject({ allowed: true, used: 3 });
  });

  it('takes the same memory whatever its limit, at most 22 entries', async () => {
    const redis: Redis = it_.clients.client();
    const { clock, limiter } = await clocked('sliding-window', 1_000_000, 60_000);
    for (let charge = 0; charge < 300; charge += 1) {
      await limiter.take('ann', { cost: 100 });
      await clock.advance(411);
    }
    const [key = ''] = await it_.clients.scan();
    expect(await redis.strlen(key)).toBeLessThanOrEqual(22 * 10 + 60);
  });
});

it('the scripts are known to Redis by the hash of what is shipped', async () => {
  const redis = it_.clients.client();
  const limiter = createRateLimiter({ redis, prefix: it_.clients.prefix, limit: 1, windowMs: 1000 });
  await limiter.take('ann');
  const sha = createHash('sha1').update(takeLua).digest('hex');
  expect(await redis.script('EXISTS', sha)).toEqual([1]);
});
