import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { gathering } from './gathering.ts';

/** Doubles, and keeps what it was asked at once. */
function doubling() {
  const together: (readonly number[])[] = [];
  const ask = gathering((asked: readonly number[]) => {
    together.push(asked);
    return asked.map(async (one) => 2 * one);
  });
  return { together, ask };
}

it('asks at once for what comes first in a turn, together for all that comes later in it, and answers each', async () => {
  const { together, ask } = doubling();
  const first = [ask(1), ask(2)];
  expect(await Promise.all(first)).toEqual([2, 4]);
  const later = ask(3);
  await Promise.resolve();
  expect(await Promise.all([later, ask(4)])).toEqual([6, 8]);
  await setImmediate();
  expect(await ask(5)).toBe(10);
  expect(together).toEqual([[1, 2], [3, 4], [5]]);
});

it('asks for no more than 8 at a time', async () => {
  const { together, ask } = doubling();
  const many = Array.from({ length: 20 }, (_, n) => n);
  expect(await Promise.all(many.map(ask))).toEqual(many.map((n) => 2 * n));
  expect(together.map(({ length }) => length)).toEqual([8, 8, 4]);
});

it('asks for the others where it cannot ask for some', async () => {
  const ask = gathering((asked: readonly number[]) => {
    if (asked.includes(0)) throw new Error('it cannot');
    return asked.map(async (one) => one);
  });
  const ends = await Promise.allSettled(Array.from({ length: 12 }, (_, n) => ask(n)));
  expect(ends.map(({ status }) => status)).toEqual([
    ...Array.from({ length: 8 }, () => 'rejected'),
    ...Array.from({ length: 4 }, () => 'fulfilled'),
  ]);
});

it('rejects for those whose answer fails, for all where it cannot ask, and goes on', async () => {
  const ask = gathering((asked: readonly number[]) => {
    if (asked.includes(0)) throw new Error('it cannot');
    return asked.map(async (one) => {
      if (one < 0) throw new Error(`not ${one}`);
      return one;
    });
  });
  const ends = await Promise.allSettled([ask(1), ask(-1)]);
  expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  const none = await Promise.allSettled([ask(0), ask(1)]);
  expect(none.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await ask(2)).toBe(2);
});
