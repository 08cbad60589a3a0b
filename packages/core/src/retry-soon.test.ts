import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { retrySoon } from './retry-soon.ts';

it('tries again until it does not fail, and then no more', async () => {
  let tries = 0;
  const done = retrySoon(() => (++tries < 2 ? Promise.reject(new Error('not yet')) : Promise.resolve()));
  expect(tries).toBe(0);
  expect(await done).toBe(true);
  expect(tries).toBe(2);
  await sleep(50);
  expect(tries).toBe(2);
});

it('tries again within a second, for half a minute', async () => {
  const triedAt = [performance.now()];
  const done = retrySoon(async () => {
    triedAt.push(performance.now());
    if (triedAt.length < 6) throw new Error('not yet');
  });
  expect(await done).toBe(true);
  const pauses = triedAt.slice(1).map((at, n) => at - (triedAt[n] ?? at));
  expect(Math.max(...pauses)).toBeLessThan(1_200);
});

it('lets go of what comes when a thousand wait', async () => {
  let tries = 0;
  const all = Array.from({ length: 1500 }, () => retrySoon(() => Promise.resolve((tries += 1))));
  expect((await Promise.all(all)).filter((isDone) => !isDone)).toHaveLength(500);
  expect(tries).toBe(1000);
});
