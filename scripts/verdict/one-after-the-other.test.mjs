import { expect, test } from 'vitest';
import { Stop } from '../setup/task.mjs';
import { oneAfterTheOther } from './one-after-the-other.mjs';

/** What is said by steps that come out so, without the seconds; and the code of all of them. */
async function verdict(works) {
  const said = [];
  const steps = Object.entries(works).map(([name, work]) => ({ name, work }));
  const code = await oneAfterTheOther(steps, (text) => said.push(String(text).replaceAll(/ +[\d.]+ s {2}/g, ' ')));
  return { code, said: said.join('\n') };
}

test('all of it is green when each step is', async () => {
  const { code, said } = await verdict({ check: async () => 0, postgres: async () => undefined });
  expect(code).toBe(0);
  expect(said).toBe('\n▶ check\n✓ check\n\n▶ postgres\n✓ postgres\n\n✓ check\n✓ postgres\n\nAll of it is green.');
});

test.each([
  ['ends with a code', async () => 2, ''],
  ['says why it cannot go on', () => Promise.reject(new Stop('no browser')), 'no browser\n'],
  ['is broken', () => Promise.reject(new TypeError('oh')), 'TypeError: oh\n'],
])('a step that %s is named at the end, and the next one is run all the same', async (_how, work, why) => {
  const { code, said } = await verdict({ test: work, matrix: async () => 0 });
  expect(code).toBe(1);
  expect(said).toBe(`\n▶ test\n${why}✗ test\n\n▶ matrix\n✓ matrix\n\n✗ test\n✓ matrix\n\nFailed: test`);
});
