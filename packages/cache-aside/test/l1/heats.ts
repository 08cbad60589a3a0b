import { scale } from '@turnpike/test-kit';
import type { Setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { PROCESSES, raced } from '../raced.ts';

const ROUNDS = scale({ quick: 25, full: 250 });
const HEATS = scale({ quick: 1, full: 20 });

/** Few keys, asked for often: what the tier has is given out. */
export const HEAT = { keyCounts: [1, 3], ops: 40, spreadMs: 60, readShare: 0.95, loadMs: [2, 4] };

export function heats(setting: Setting, l1TtlMs: number): void {
  const firstSeed = Math.floor(Math.random() * 1e6);
  describe(`${PROCESSES} processes with a tier of ${l1TtlMs} ms each, that read, write and invalidate at random, one of them killed on the way`, () => {
    it.each(Array.from({ length: HEATS }, (_, n) => firstSeed + n))(
      'never read what is older than the tier may keep it, and nothing old once all is quiet: seed %i',
      async (seed) => {
        const { stale, stats } = await raced(setting, { ...HEAT, rounds: ROUNDS, seed, l1TtlMs });
        expect(stale).toEqual([]);
        for (const name of ['stored', 'refused', 'l1Hit']) expect(stats[name]).toBeGreaterThan(20);
      },
      600_000,
    );
  });
}
