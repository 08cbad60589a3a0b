import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@turnpike/test-kit';
import { expect, it } from 'vitest';
import { retrySoon } from './retry-soon.ts';

it('tries again until it does not fail, and then no more', async () => {
  let tries = 0;
  retrySoon(() => (++tries < 2 ? Promise.reject(new Error('not yet')) : Promise.resolve()));
  expect(tries).toBe(0);
  await eventually(() => tries === 2);
  await sleep(50);
  expect(tries).toBe(2);
});

it('lets go of what comes when a thousand wait', async () => {
  let tries = 0;
  for (let n = 0; n < 1500; n += 1) retrySoon(() => Promise.resolve((tries += 1)));
  await eventually(() => tries >= 1000);
  await sleep(50);
  expect(tries).toBe(1000);
});
