import { expect, test } from 'vitest';
import { race } from '../src/index.ts';

test('all calls start before any of them goes on', async () => {
  let started = 0;
  const seen = await race(5, async () => {
    started += 1;
    await Promise.resolve();
    return started;
  });
  expect(seen).toEqual([5, 5, 5, 5, 5]);
});

test('results come in the order of the calls', async () => {
  expect(await race(3, (i) => new Promise((resolve) => setTimeout(() => resolve(i), 6 - 3 * i)))).toEqual([0, 1, 2]);
});

test('waits for every call, and then reports each failure', async () => {
  let ended = 0;
  const failing = race(4, async (i) => {
    await new Promise((resolve) => setTimeout(resolve, i));
    ended += 1;
    if (i % 2 === 0) throw new Error(`no ${i}`);
  });
  await expect(failing).rejects.toThrow('2 of 4 calls failed:\n  0: no 0\n  2: no 2');
  await expect(failing).rejects.toBeInstanceOf(AggregateError);
  expect(ended).toBe(4);
});
