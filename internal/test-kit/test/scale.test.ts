import { afterEach, expect, test, vi } from 'vitest';
import { scale } from '../src/index.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('is quick, and full with TURNPIKE_SCALE=full only', () => {
  vi.stubEnv('TURNPIKE_SCALE', undefined);
  expect(scale({ quick: 5, full: 100 })).toBe(5);
  vi.stubEnv('TURNPIKE_SCALE', 'full');
  expect(scale({ quick: 5, full: 100 })).toBe(100);
});
