import { scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { type Mutation, mutantOf } from '../express/mutant.ts';
import { PROCESSES, raced } from '../raced.ts';

const it_ = setting();

const ROUNDS = scale({ quick: 25, full: 250 });
const HEATS = scale({ quick: 1, full: 20 });
const firstSeed = Math.floor(Math.random() * 1e6);

/** Few keys, asked for often: what the tier has is given out. */
const HEAT = { keyCounts: [1, 3], ops: 40, spreadMs: 60, readShare: 0.95, loadMs: [2, 4] };

/** A tier whose time does not come within a heat: only what it hears makes it forget. */
const LONG_MS = 600_000;

describe(`${PROCESSES} processes with a tier each, that read, write and invalidate at random, one of them killed on the way`, () => {
  it.each(
    Array.from({ length: HEATS }, (_, n) => firstSeed + n).flatMap((seed) => [
      [seed, 60],
      [seed, LONG_MS],
    ]),
  )(
    'never read what is older than the tier may keep it, and nothing old once all is quiet: seed %i, %i ms',
    async (seed, l1TtlMs) => {
      const { stale, stats } = await raced(it_, { ...HEAT, rounds: ROUNDS, seed, l1TtlMs });
      expect(stale).toEqual([]);
      for (const name of ['stored', 'refused', 'l1Hit']) expect(stats[name]).toBeGreaterThan(20);
    },
    600_000,
  );
});

interface Mutant extends Mutation {
  readonly without: string;
}

const MUTANTS: Mutant[] = [
  {
    without: 'the drop: what is heard of a key changes nothing',
    file: 'l1/tier.js',
    edits: [['kept.delete(id);', 'void id;']],
  },
];

describe('the same race finds what is old', () => {
  it.each(MUTANTS)(
    'without $without',
    async (mutant) => {
      const { dist, remove } = mutantOf(mutant);
      try {
        const stale: string[] = [];
        for (let seed = 1; stale.length === 0 && seed <= 6; seed += 1) {
          const { stale: found } = await raced(it_, {
            ...HEAT,
            rounds: 40,
            seed,
            l1TtlMs: LONG_MS,
            dist,
            endsAtStale: true,
          });
          stale.push(...found);
        }
        expect(stale).not.toEqual([]);
      } finally {
        remove();
      }
    },
    600_000,
  );
});
