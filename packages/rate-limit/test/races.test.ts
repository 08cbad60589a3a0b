import { fleet, scale } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { type Algorithm, createRateLimiter } from '../src/index.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const PROCESSES = 4;
const IN_FLIGHT = 200;
const LIMIT = 137;

/** What one round of all processes admitted, for every round; and how long all of it took, in ms. */
async function admittedBy(algorithm: Algorithm, windowMs: number): Promise<{ rounds: number[]; tookMs: number }> {
  const rounds = scale({ quick: 5, full: 100 });
  const startedAt = performance.now();
  await using members = await fleet<number[]>(PROCESSES, new URL('fleet/take.mjs', import.meta.url), {
    args: {
      url: it_.server.url,
      prefix: it_.clients.prefix,
      algorithm,
      limit: LIMIT,
      windowMs,
      inFlight: IN_FLIGHT,
      rounds,
    },
  });
  const admitted = await members.results;
  const totals = Array.from({ length: rounds }, (_, round) =>
    admitted.reduce((sum, mine) => sum + (mine[round] ?? 0), 0),
  );
  return { rounds: totals, tookMs: performance.now() - startedAt };
}

describe(`${PROCESSES} processes × ${IN_FLIGHT} requests in flight on one key`, () => {
  it.each<Algorithm>(['fixed-window', 'sliding-window'])(
    'admit exactly the limit, every time: %s',
    async (algorithm) => {
      const { rounds } = await admittedBy(algorithm, 600_000);
      expect(rounds).toEqual(rounds.map(() => LIMIT));
    },
    300_000,
  );

  it('admit the burst and what flowed in meanwhile: token-bucket', async () => {
    const windowMs = 60_000;
    const { rounds, tookMs } = await admittedBy('token-bucket', windowMs);
    const flowedIn = Math.floor((tookMs * LIMIT) / windowMs);
    for (const admitted of rounds) {
      expect(admitted).toBeGreaterThanOrEqual(LIMIT);
      expect(admitted).toBeLessThanOrEqual(LIMIT + flowedIn);
    }
  }, 300_000);
});

it('after a fuzz of takes, peeks, settles, blocks and resets every key has a TTL', async () => {
  const redis = it_.clients.client();
  const limiters = (['fixed-window', 'sliding-window', 'token-bucket'] as const).flatMap((algorithm) =>
    [1, 3, 50].map((limit) =>
      createRateLimiter({
        redis,
        prefix: it_.clients.prefix,
        algorithm,
        limit,
        windowMs: 1 + limit * 777,
        name: `${algorithm}-${limit}`,
        deadlineMs: 10_000,
        ...(limit === 3 ? { charge: 'failure', block: { afterDenials: 3, durationMs: 50, maxMs: 400 } } : {}),
      }),
    ),
  );
  const operations = Array.from({ length: scale({ quick: 3000, full: 50_000 }) }, async (_, n) => {
    const limiter = limiters[n % limiters.length];
    const subject = `s${(n * 7919) % 23}`;
    if (n % 17 === 0) await limiter?.reset(subject);
    else if (n % 5 === 0) await limiter?.peek(subject, { cost: 1 + (n % 4) });
    else {
      const decision = await limiter?.take(subject, { cost: 1 + (n % 4) });
      if (n % 3 === 0 && decision?.reservation !== undefined) await limiter?.settle(decision.reservation, 'refund');
      if (n % 101 === 0) await limiter?.block(subject, 30);
    }
  });
  await Promise.all(operations);
  await it_.clients.noKeyWithoutTtl();
}, 60_000);
