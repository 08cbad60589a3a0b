import { describe, expect, it } from 'vitest';
import { createServerClock } from './server-clock.ts';

describe('the server clock', () => {
  it('answers 0 while nothing is known, so that a grant asks before it grants', () => {
    expect(createServerClock().microsecondsAt(1234)).toBe(0);
  });

  it('is never ahead of the server, however long the reply was on its way', () => {
    const clock = createServerClock();
    // The server read 5,000,000 µs at our 1000 ms; its reply took 40 ms to us.
    clock.learn(5_000_000, 1040);
    const trulyAt = (local: number): number => 5_000_000 + (local - 1000) * 1000;
    expect(clock.microsecondsAt(1100)).toBeLessThanOrEqual(trulyAt(1100));
    expect(clock.microsecondsAt(1100)).toBeGreaterThan(trulyAt(1100) - 40_100);
  });

  it('counts all drift since against us: 500 ppm', () => {
    const clock = createServerClock();
    clock.learn(5_000_000, 1000);
    expect(clock.microsecondsAt(1000 + 3_600_000)).toBe(5_000_000 + 3_600_000_000 - 1_800_000);
  });

  it('is due for renewal after 30 s, and unknown after a new connection', () => {
    const clock = createServerClock();
    clock.learn(5_000_000, 1000);
    expect(clock.isDue(31_000)).toBe(false);
    expect(clock.isDue(31_001)).toBe(true);
    clock.forget();
    expect(clock.microsecondsAt(2000)).toBe(0);
    expect(clock.isDue(99_000)).toBe(false);
  });
});
