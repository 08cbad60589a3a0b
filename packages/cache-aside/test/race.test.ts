import { scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { type Mutation, mutantOf } from './express/mutant.ts';
import { type Heat, PROCESSES, raced } from './raced.ts';

const it_ = setting();

describe(`${PROCESSES} processes that read, write and invalidate at random, one of them killed on the way`, () => {
  const ROUNDS_A_HEAT = scale({ quick: 70, full: 250 });
  const heats = scale({ quick: 1, full: 40 });
  const firstSeed = Math.floor(Math.random() * 1e6);

  it.each(Array.from({ length: heats }, (_, n) => firstSeed + n))(
    'never read what was settled before as it was earlier, and leave no entry that differs: seed %i',
    async (seed) => {
      const { stale, stats } = await raced(it_, { rounds: ROUNDS_A_HEAT, seed });
      expect(stale).toEqual([]);
      // It was a race: values were refused, and loads shared.
      for (const name of ['stored', 'refused', 'joined', 'waited', 'hit']) expect(stats[name]).toBeGreaterThan(20);
    },
    600_000,
  );
});

interface Mutant extends Mutation {
  readonly without: string;
  /** A race in which it shows soon. */
  readonly heat: Pick<Heat, 'keyCounts' | 'loadMs'>;
}

const MUTANTS: Mutant[] = [
  {
    without: 'the token compare: a fill is stored whoever holds the entry',
    heat: { keyCounts: [12], loadMs: [25] },
    file: 'lua.gen.js',
    edits: [["if not holds(entryKey, token) then\n  return { 'refused' }", "if false then\n  return { 'refused' }"]],
  },
  {
    without: 'the joining rule: a miss joins whatever this process is loading of its key',
    heat: { keyCounts: [2], loadMs: [25] },
    file: 'loads.js',
    edits: [
      ['running.set(token, load);', 'running.set(token, load); load.key = given.place.entryKey;'],
      [
        'const others = asking.get(entryKey);',
        `const joined = [...running.values()].find((one) => one.key === entryKey);
         if (joined !== undefined) return { kind: 'load', load: joined, isOwn: false };
         const others = asking.get(entryKey);`,
      ],
    ],
  },
  {
    without: 'the floor: nothing is absent for being stamped below it',
    heat: { keyCounts: [8], loadMs: [8] },
    file: 'mark-table.js',
    edits: [['isPast(judged, floorUs, floorMadeUs)', 'true']],
  },
];

describe('the same race finds what is stale', () => {
  const HEATS = 6;

  it.each(MUTANTS)(
    'without $without',
    async (mutant) => {
      const { dist, remove } = mutantOf(mutant);
      try {
        const stale: string[] = [];
        for (let seed = 1; stale.length === 0 && seed <= HEATS; seed += 1) {
          stale.push(...(await raced(it_, { ...mutant.heat, rounds: 40, seed, dist, endsAtStale: true })).stale);
        }
        expect(stale).not.toEqual([]);
      } finally {
        remove();
      }
    },
    600_000,
  );
});
