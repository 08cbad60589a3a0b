import { expect, test } from 'vitest';
import { withFailedOnceMore } from './once-more.mjs';

/** Runs that come out as told, one after the other. */
function runs(...outcomes) {
  const asked = [];
  const run = async (args) => {
    asked.push(args);
    return { passed: 0, failed: 0, broken: [], ...outcomes[asked.length - 1] };
  };
  return { run, asked };
}

const FIRST = { passed: 8, failed: 2, broken: ['race.test.ts'] };

test('what passes is run once', async () => {
  const { run, asked } = runs({ passed: 10 });
  expect(await withFailedOnceMore(run, ['packages/'])).toMatchObject({ passed: 10, failed: 0, again: [] });
  expect(asked).toEqual([['packages/']]);
});

test('what fails beside others has to pass three times by itself', async () => {
  const { run, asked } = runs(FIRST, {}, {}, {});
  const verdict = await withFailedOnceMore(run, ['packages/']);
  expect(verdict).toMatchObject({ passed: 10, failed: 0, again: ['race.test.ts'] });
  expect(asked).toEqual([['packages/'], ...[1, 2, 3].map(() => ['--maxWorkers=1', 'race.test.ts'])]);
});

test.each([1, 2, 3])('and has failed when it fails by itself, the time being the number %i', async (time) => {
  const alone = Array.from({ length: time }, (_, at) => (at === time - 1 ? { failed: 1 } : {}));
  const { run, asked } = runs(FIRST, ...alone);
  expect(await withFailedOnceMore(run, ['packages/'])).toMatchObject({ passed: 9, failed: 1 });
  expect(asked).toHaveLength(1 + time);
});

test('a run that ended badly and names no file has failed', async () => {
  const { run } = runs({ passed: 10, failed: 1 });
  expect(await withFailedOnceMore(run, ['packages/'])).toMatchObject({ passed: 10, failed: 1 });
});
