import { expect, it } from 'vitest';
import { recoveryBoundMs } from './allowance.ts';
import type { Fault, FaultKind } from './schedule.ts';

const fault = (kind: FaultKind, forMs: number): Fault => ({
  kind,
  forMs,
  atMs: 0,
  slot: undefined,
  policy: undefined,
  degree: 0,
});

it('allows a second where connections are kept, and half a second more where clients have to connect', () => {
  expect(recoveryBoundMs([fault('redis pause', 1_000)])).toBe(1_000);
  expect(recoveryBoundMs([fault('network delay', 4_000), fault('redis script flush', 10)])).toBe(1_000);
  expect(recoveryBoundMs([fault('redis pause', 2_001)])).toBe(1_500);
  expect(recoveryBoundMs([fault('redis pause', 800), fault('network blackhole', 800)])).toBe(1_500);
  expect(recoveryBoundMs([fault('redis script flush', 10), fault('network cut', 10)])).toBe(1_500);
});
