// One process that takes when it is told to, says what was decided, and settles nothing.
import { createRateLimiter } from '@turnpike/rate-limit';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';

await runMember(async ({ index, args, send, onMessage }) => {
  const { url, prefix, limit } = args;
  const limiter = createRateLimiter({
    redis: new Redis(url),
    prefix,
    limit,
    windowMs: 60_000,
    charge: 'failure',
    deadlineMs: 5000,
  });
  onMessage(async ({ to }) => {
    if (to !== index) return;
    const { allowed, used } = await limiter.take('ann');
    send({ allowed, used });
  });
  await new Promise(() => undefined);
});
