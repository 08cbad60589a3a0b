import { fleet, scale } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { type Algorithm, createRateLimiter } from '../src/index.ts';
import { setting } from './setting.ts';

const it_ = setting();

const PROCESSES = 4;
const IN_FLIGHT = 200;
const LIMIT = 137;

describe.each<Algorithm>(['fixed-window', 'sliding-window'])('%s', (algorithm) => {
  it(`${PROCESSES} processes × ${IN_FLIGHT} requests in flight on one key admit exactly the limit, every time`, async () => {
    const rounds = scale({ quick: 5, full: 100 });
    await using members = await fleet<number[]>(PROCESSES, new URL('fleet/take.mjs', import.meta.url), {
      args: { url: it_.server.url, prefix: it_.clients.prefix, algorithm, limit: LIMIT, inFlight: IN_FLIGHT, rounds },
    });
    const admitted = await members.results;
    for (let round = 0; round < rounds; round += 1) {
      expect(admitted.reduce((sum, mine) => sum + (mine[round] ?? 0), 0)).toBe(LIMIT);
    }
  }, 300_000);
});

it('after a fuzz of takes, peeks and resets every key has a TTL', async () => {
  const redis = it_.clients.client();
  const limiters = (['fixed-window', 'sliding-window'] as const).flatMap((algorithm) =>
    [1, 3, 50].map((limit) =>
      createRateLimiter({
        redis,
        prefix: it_.clients.prefix,
        algorithm,
        limit,
        windowMs: 1 + limit * 777,
        name: `${algorithm}-${limit}`,
        deadlineMs: 10_000,
      }),
    ),
  );
  const operations = Array.from({ length: scale({ quick: 3000, full: 50_000 }) }, async (_, n) => {
    const limiter = limiters[n % limiters.length];
    const subject = `s${(n * 7919) % 23}`;
    if (n % 17 === 0) await limiter?.reset(subject);
    else if (n % 5 === 0) await limiter?.peek(subject, { cost: 1 + (n % 4) });
    else await limiter?.take(subject, { cost: 1 + (n % 4) });
  });
  await Promise.all(operations);
  await it_.clients.noKeyWithoutTtl();
}, 60_000);
