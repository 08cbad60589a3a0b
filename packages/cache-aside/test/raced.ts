import { fleet } from '@turnpike/test-kit';
import type { Setting } from '@turnpike/test-kit/vitest';
import { createCache } from '../src/index.ts';
import { type Database, startDatabase } from './database.ts';
import { SHIPPED } from './express/mutant.ts';

export const PROCESSES = 5;
const KILLS = 1;
const LOAD_TIMEOUT_MS = 40;

interface Member {
  readonly stale: string[];
  readonly stats: Record<string, number>;
}

export interface Heat {
  readonly rounds: number;
  readonly seed: number;
  /** Of one round after the other: few keys are wanted by many; of many, what is stored last is not soon overwritten. */
  readonly keyCounts?: readonly number[];
  /** How long loads take at most. */
  readonly loadMs?: readonly number[];
  readonly dist?: string;
  /** How many reads and writes a process does at once. */
  readonly ops?: number;
  /** Within how many ms they begin. */
  readonly spreadMs?: number;
  /** How many of them are reads, of 1. */
  readonly readShare?: number;
  /** With a tier in each process that keeps values so long, in ms. */
  readonly l1TtlMs?: number;
  /** Whoever has seen what is stale ends it. */
  readonly endsAtStale?: boolean;
}

/** Deletes the clock, its marks, or when they were made, as an eviction would. */
async function evict(it: Setting): Promise<void> {
  const part = ['clock', 'marks', 'made'][Math.floor(Math.random() * 3)];
  await it.clients.client().del(`${it.clients.prefix}:v1:cache-aside:{clock}:${part}`);
}

/** What was stale in some rounds of all processes, of which some are killed on the way, and at the end. */
export async function raced(
  it: Setting,
  {
    rounds,
    seed,
    keyCounts = [2, 5, 8],
    loadMs = [6, 18],
    dist = SHIPPED,
    ops = 6,
    spreadMs = 12,
    readShare = 0.65,
    l1TtlMs,
    endsAtStale = false,
  }: Heat,
): Promise<{ stale: string[]; stats: Member['stats'] }> {
  const database = await startDatabase(seed);
  try {
    await using members = await fleet<Member>(PROCESSES, new URL('fleet/race.mjs', import.meta.url), {
      args: {
        url: it.server.url,
        prefix: it.clients.prefix,
        port: database.port,
        seed,
        rounds,
        ops,
        spreadMs,
        readShare,
        keyCounts,
        loadMs,
        loadTimeoutMs: LOAD_TIMEOUT_MS,
        dist,
        l1TtlMs,
        endsAtStale,
      },
      timeoutMs: 600_000,
    });
    const found: string[] = [];
    members.onMessage((message) => {
      found.push(...(message as Pick<Member, 'stale'>).stale);
      void members.stop();
    });
    const evicting = setInterval(() => void evict(it), 1500);
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
    return { stale: [...stale, ...(await staleEntries(it, database, rounds, Math.max(...keyCounts)))], stats };
  } finally {
    database.close();
  }
}

/** Every entry that is left, beside the database: all of it is over, so they have to be equal. */
async function staleEntries(it: Setting, database: Database, rounds: number, most: number): Promise<string[]> {
  const { seed } = database;
  const redis = it.clients.client();
  const cache = createCache({ redis, prefix: it.clients.prefix, ttlMs: 600_000, staleMs: 600_000, deadlineMs: 5000 });
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
