// Two processes with a tier each: the one invalidates, and the other says when it no longer gave the old value out.
import { setImmediate as turn } from 'node:timers/promises';
import { createCache } from '@turnpike/cache-aside';
import { l1 } from '@turnpike/cache-aside/l1';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';

const nowMs = () => performance.timeOrigin + performance.now();

await runMember(async ({ index, args, barrier }) => {
  const { url, prefix, rounds } = args;
  const redis = new Redis(url);
  const cache = createCache({ redis, prefix, ttlMs: 600_000, deadlineMs: 5000, l1: l1({ l1TtlMs: 600_000 }) });
  const never = () => new Promise(() => undefined);
  const hits = () => cache.stats().l1.hits;
  const at = [];
  for (let round = 0; round < rounds; round += 1) {
    const key = `k${round}`;
    if (index === 0) await cache.getOrLoad(key, () => 'old', { tags: ['t'] });
    await barrier(`loaded ${round}`);
    if (index === 1) for (const before = hits(); hits() === before; await turn()) await cache.getOrLoad(key, never);
    await barrier(`near ${round}`);
    if (index === 0) {
      await cache.invalidate(round % 2 === 0 ? { keys: [key] } : { tags: ['t'] });
      at.push(nowMs());
    } else {
      while ((await cache.getOrLoad(key, () => 'new', { tags: ['t'] })) === 'old') await turn();
      at.push(nowMs());
    }
    await barrier(`over ${round}`);
  }
  return at;
});
