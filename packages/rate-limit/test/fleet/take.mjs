// One process of the race: a round is `inFlight` takes of one key at once, and counts what was admitted.
import { createRateLimiter } from '@turnpike/rate-limit';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';

await runMember(async ({ args, barrier }) => {
  const { url, prefix, algorithm, limit, windowMs, inFlight, rounds } = args;
  const redis = new Redis(url);
  const limiter = createRateLimiter({
    redis,
    prefix,
    algorithm,
    limit,
    windowMs,
    name: 'race',
    deadlineMs: 60_000,
    denyCacheMs: 0,
  });
  await limiter.peek('warm');
  const admitted = [];
  for (let round = 0; round < rounds; round += 1) {
    await barrier(`round ${round}`);
    const decisions = await Promise.all(
      Array.from({ length: inFlight }, () => limiter.take(`round-${algorithm}-${round}`)),
    );
    admitted.push(decisions.filter(({ allowed }) => allowed).length);
  }
  redis.disconnect();
  return admitted;
});
