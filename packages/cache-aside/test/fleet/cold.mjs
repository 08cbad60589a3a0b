// One process before a cold key: many callers at once, of which one at most loads.
import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from '@turnpike/cache-aside';
import { runMember } from '@turnpike/test-kit';
import { Redis } from 'ioredis';

const nowMs = () => performance.timeOrigin + performance.now();

await runMember(async ({ index, args, barrier, send }) => {
  const { url, prefix, callers, rounds, loadMs, loadTimeoutMs, fails } = args;
  const redis = new Redis(url);
  const cache = createCache({ redis, prefix, ttlMs: 60_000, deadlineMs: 5000, loadTimeoutMs });
  await cache.getOrLoad(`warm-${index}`, () => 1);
  const told = [];
  for (let round = 0; round < rounds; round += 1) {
    await barrier(`round ${round}`);
    let loads = 0;
    let loadedAt = 0;
    const load = async () => {
      loads += 1;
      send({ loading: index });
      await sleep(loadMs);
      if (fails) throw Object.assign(new RangeError('the password is hunter2'), { code: 'E_DATABASE' });
      loadedAt = nowMs();
      return `${index}`;
    };
    const answers = await Promise.all(
      Array.from({ length: callers }, async () => {
        try {
          const value = await cache.getOrLoad(`cold-${round}`, load);
          return { value, at: nowMs() };
        } catch ({ name, code, message }) {
          return { name, code, message };
        }
      }),
    );
    await barrier(`over ${round}`);
    told.push({ loads, loadedAt, answers });
  }
  return told;
});
