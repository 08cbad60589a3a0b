// One process that asks for a hot key at a steady rate, past the time at which its value expires.
import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from '@turnpike/cache-aside';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';

await runMember(async ({ index, args, barrier }) => {
  const { url, prefix, requestsPerSecond, ttlMs, loadMs, rounds } = args;
  const redis = new Redis(url);
  const cache = createCache({ redis, prefix, ttlMs, jitter: 0, beta: 1, deadlineMs: 5000 });
  const told = [];
  for (let round = 0; round < rounds; round += 1) {
    const key = `hot-${round}`;
    let loads = 0;
    let running = 0;
    const load = async () => {
      loads += 1;
      running += 1;
      await sleep(loadMs);
      running -= 1;
      return 'v';
    };
    if (index === 0) await cache.getOrLoad(key, load);
    await cache.getOrLoad(`warm-${index}-${round}`, () => 1);
    await barrier(`warm ${round}`);
    loads = 0;
    const tookMs = { calm: [], busy: [] };
    const begunAt = performance.now();
    const asked = [];
    for (let n = 0; performance.now() - begunAt < 1.05 * ttlMs; n += 1) {
      const askedAt = performance.now();
      asked.push(
        cache.getOrLoad(key, load).then(() => {
          tookMs[running > 0 ? 'busy' : 'calm'].push(performance.now() - askedAt);
        }),
      );
      await sleep(Math.max(0, begunAt + ((n + 1) * 1000) / requestsPerSecond - performance.now()));
    }
    await Promise.all(asked);
    told.push({ loads, ...tookMs });
    await barrier(`over ${round}`);
  }
  return told;
});
