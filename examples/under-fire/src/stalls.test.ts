import { expect, it } from 'vitest';
import { runningMs } from './stalls.ts';

it('time in which any process stood still is counted out, once', () => {
  const span = { from: 100, to: 200 };
  expect(runningMs(span, [])).toBe(100);
  expect(runningMs(span, [{ from: 0, to: 110 }])).toBe(90);
  expect(
    runningMs(span, [
      { from: 190, to: 300 },
      { from: 110, to: 120 },
      { from: 115, to: 125 },
    ]),
  ).toBe(75);
  expect(
    runningMs(span, [
      { from: 0, to: 100 },
      { from: 200, to: 300 },
    ]),
  ).toBe(100);
  expect(
    runningMs(span, [
      { from: 0, to: 300 },
      { from: 120, to: 130 },
    ]),
  ).toBe(0);
});
