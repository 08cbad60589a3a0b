import { describe, expect, it } from 'vitest';
import { ratioOf, spreadOf } from './statistics.ts';

describe('a spread', () => {
  it('is the median and the quartiles, whatever the order, between two neighbours in proportion', () => {
    expect(spreadOf([5, 1, 3, 2, 4])).toEqual({ median: 3, low: 2, high: 4 });
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, low: 1.75, high: 3.25 });
    expect(spreadOf([7])).toEqual({ median: 7, low: 7, high: 7 });
  });

  it('of a ratio is taken round by round: what slows both down changes nothing', () => {
    expect(ratioOf([10, 300, 20], [5, 150, 10])).toEqual({ median: 2, low: 2, high: 2 });
  });
});
