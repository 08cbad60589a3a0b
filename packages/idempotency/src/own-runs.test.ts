import { expect, it } from 'vitest';
import { createOwnRuns } from './own-runs.ts';

it('a run is found until it is settled', () => {
  const runs = createOwnRuns();
  const settled = runs.begin('order', 'print');
  expect(runs.find('order')).toMatchObject({ print: 'print' });
  settled();
  expect(runs.find('order')).toBeUndefined();
});

it('a run that is settled late does not end its successor', () => {
  const runs = createOwnRuns();
  const settled = runs.begin('order', 'one');
  runs.begin('order', 'other');
  settled();
  expect(runs.find('order')).toMatchObject({ print: 'other' });
});
