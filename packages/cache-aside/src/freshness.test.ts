import { describe, expect, it } from 'vitest';
import { earlyMs } from './freshness.ts';

/** Numbers from 0 to 1, the same in every run (Numerical Recipes' LCG). */
function* randoms(seed: number, count: number): Generator<number> {
  let state = seed;
  for (let n = 0; n < count; n += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

describe('how long before it expires a value is loaded anew', () => {
  it.each([
    { loadMs: 40, beta: 1 },
    { loadMs: 250, beta: 0.5 },
    { loadMs: 3, beta: 4 },
  ])('is exponentially distributed: %o', ({ loadMs, beta }) => {
    const count = 200_000;
    const drawn = [...randoms(20261125, count)].map((random) => earlyMs(loadMs, beta, random));
    for (const gap of [0.05, 0.5, 1, 2, 4]) {
      // XFetch: P(early by more than g) = exp(−g ÷ βΔ). Four standard deviations.
      const share = Math.exp(-gap);
      const early = drawn.filter((ms) => ms > gap * beta * loadMs).length;
      expect(Math.abs(early - count * share)).toBeLessThan(4 * Math.sqrt(count * share * (1 - share)));
    }
  });

  it.each([
    ['without β', earlyMs(100, 0, 0.999)],
    ['of a load whose length is not known', earlyMs(0, 1, 0.999)],
    ['for the lowest draw', earlyMs(100, 1, 0)],
  ])('is no time at all %s', (_, ms) => expect(Math.abs(ms)).toBe(0));
});
