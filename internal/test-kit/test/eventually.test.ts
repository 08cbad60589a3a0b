import { expect, test } from 'vitest';
import { eventually } from '../src/index.ts';

test('resolves to the first value that is neither an exception nor false', async () => {
  let calls = 0;
  const value = await eventually(
    () => {
      calls += 1;
      if (calls === 1) throw new Error('not yet');
      return calls > 2 && 'here';
    },
    { everyMs: 1 },
  );
  expect(value).toBe('here');
});

test('zero, null and the empty string are values', async () => {
  expect(await eventually(() => 0)).toBe(0);
  expect(await eventually(async () => null)).toBeNull();
});

test('says what was last wrong when its time is over', async () => {
  const never = eventually(() => Promise.reject(new Error('still 3 keys')), { withinMs: 20, everyMs: 1 });
  await expect(never).rejects.toThrow('Not true within 20 ms. At last: still 3 keys');
  await expect(eventually(() => false, { withinMs: 0 })).rejects.toThrow('it returned false');
});
