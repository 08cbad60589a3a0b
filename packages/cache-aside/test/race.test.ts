import { fleet, scale } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import { describe, expect, it } from 'vitest';
import { createCache } from '../src/index.ts';
import { type Database, startDatabase } from './database.ts';
import { type Mutation, SHIPPED, mutantOf } from './express/mutant.ts';

const it_ = setting();

const PROCESSES = 5;
const KILLS = 1;
const LOAD_TIMEOUT_MS = 40;

interface Member {
  readonly stale: string[];
  readonly stats: Record<string, number>;
}

interface Heat {
  readonly rounds: number;
  readonly seed: number;
  /** Of one round after the other: few keys are wanted by many; of many, what is stored last is not soon overwritten. */
  readonly keyCounts?: readonly number[];
  /** How long loads take at most. */
  readonly loadMs?: readonly number[];
  readonly dist?: string;
  /** Whoever has seen what is stale ends it. */
  readonly endsAtStale?: boolean;
}

/** Deletes the clock, its marks, or when they were made, as an eviction would. */
async function evict(): Promise<void> {
  const part = ['clock', 'marks', 'made'][Math.floor(Math.random() * 3)];
  await it_.clients.client().del(`${it_.clients.prefix}:v1:cache-aside:{clock}:${part}`);
}

/** What was stale in some rounds of all processes, of which some are killed on the way, and at the end. */
async function raced({
  rounds,
  seed,
  keyCounts = [2, 5, 8],
  loadMs = [6, 18],
  dist = SHIPPED,
  endsAtStale = false,
}: Heat): Promise<{ stale: string[]; stats: Member['stats'] }> {
  const database = await startDatabase(seed);
  try {
    await using members = await fleet<Member>(PROCESSES, new URL('fleet/race.mjs', import.meta.url), {
      args: {
        url: it_.server.url,
        prefix: it_.clients.prefix,
        port: database.port,
        seed,
        rounds,
        ops: 6,
        keyCounts,
        loadMs,
        loadTimeoutMs: LOAD_TIMEOUT_MS,
        cacheModule: `${dist}/index.js`,
        endsAtStale,
      },
      timeoutMs: 600_000,
    });
    const found: string[] = [];
    members.onMessage((message) => {
      found.push(...(message as Pick<Member, 'stale'>).stale);
      void members.stop();
    });
    const evicting = setInterval(() => void evict(), 1500);
    const killing = Array.from({ length: KILLS }, (_, n) =>
      setTimeout(() => void members.members[n]?.kill(), 300 + Math.random() * rounds * 20),
    );
    const results = await members.results;
    clearInterval(evicting);
    for (const timer of killing) clearTimeout(timer);
    if (found.length > 0) return { stale: found, stats: {} };
    const stale = results.flatMap((member) => member.stale);
    const stats = results.reduce<Record<string, number>>((sum, member) => {
      for (const [name, count] of Object.entries(member.stats)) sum[name] = (sum[name] ?? 0) + count;
      return sum;
    }, {});
    return { stale: [...stale, ...(await staleEntries(database, rounds, Math.max(...keyCounts)))], stats };
  } finally {
    database.close();
  }
}

/** Every entry that is left, beside the database: all of it is over, so they have to be equal. */
async function staleEntries(database: Database, rounds: number, most: number): Promise<string[]> {
  const { seed } = database;
  const redis = it_.clients.client();
  const cache = createCache({ redis, prefix: it_.clients.prefix, ttlMs: 600_000, staleMs: 600_000, deadlineMs: 5000 });
  // Who was killed between its commit and its invalidation has told nobody: in an app, an outbox does.
  const rows = database.abandoned();
  await cache.invalidate({
    keys: rows.filter((row) => !row.endsWith('group')),
    tags: rows.filter((row) => row.endsWith('group')),
  });
  const checks = Array.from({ length: rounds * most }, async (_, n) => {
    const round = `s${seed}:r${Math.floor(n / most)}`;
    const names = [`${round}:k${n % most}`, `${round}:group`] as const;
    const current = database.current(names);
    const nothing = (): Record<string, number> | undefined => undefined;
    const cached = await cache.getOrLoad(names[0], nothing).catch(() => undefined);
    if (cached === undefined) return [];
    return names
      .filter((row) => cached[row] !== current[row])
      .map((row) => `at the end: ${row} was ${cached[row]}, and is ${current[row]}`);
  });
  return (await Promise.all(checks)).flat();
}

describe(`${PROCESSES} processes that read, write and invalidate at random, one of them killed on the way`, () => {
  const ROUNDS_A_HEAT = 250;
  const heats = scale({ quick: 2, full: 40 });
  const firstSeed = Math.floor(Math.random() * 1e6);

  it.each(Array.from({ length: heats }, (_, n) => firstSeed + n))(
    'never read what was settled before as it was earlier, and leave no entry that differs: seed %i',
    async (seed) => {
      const { stale, stats } = await raced({ rounds: ROUNDS_A_HEAT, seed });
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
          stale.push(...(await raced({ ...mutant.heat, rounds: 40, seed, dist, endsAtStale: true })).stale);
        }
        expect(stale).not.toEqual([]);
      } finally {
        remove();
      }
    },
    600_000,
  );
});
