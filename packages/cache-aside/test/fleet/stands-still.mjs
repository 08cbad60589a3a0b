// One process that loads: its database answers the first question while it may stand still, and the second never.
import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from '@turnpike/cache-aside';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';

await runMember(async ({ index, args, send }) => {
  const { url, prefix, loadTimeoutMs, questions } = args;
  const cache = createCache({ redis: new Redis(url), prefix, ttlMs: 60_000, deadlineMs: 5000, loadTimeoutMs });
  const load = async () => {
    send({ loading: true });
    await sleep(loadTimeoutMs / 2);
    if (questions[index] > 1) await new Promise(() => undefined);
    return 'by who stood still';
  };
  const end = await cache.getOrLoad(`k${index}`, load).catch(({ code }) => code);
  send({ end });
  await new Promise(() => undefined);
});
