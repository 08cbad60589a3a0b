import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { type Mutation, mutantOf } from '../express/mutant.ts';
import { raced } from '../raced.ts';
import { HEAT, heats } from './heats.ts';

const it_ = setting();

/** A tier whose time does not come within a heat: only what it hears makes it forget. */
const LONG_MS = 600_000;

heats(it_, LONG_MS);

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
