import { optionChecks } from '@turnpike/core';
import type { ManyLoader } from './batch.ts';
import type { CallChecks, GetOptions } from './cache-options.ts';
import type { Freshness } from './freshness.ts';
import type { Loader } from './load.ts';
import type { Outcome } from './loaded.ts';
import type { Alone } from './loads.ts';
import type { Many } from './many.ts';

/** A value that is to be there; beside it what `getOrLoad` takes as options. */
export interface WarmEntry<T> extends GetOptions {
  readonly key: string;
  readonly load: Loader<T>;
}

/** Values that are to be there and come from one query; beside it what `getMany` takes as options. */
export interface WarmBatch<T> extends GetOptions {
  readonly keys: readonly string[];
  readonly loadMany: ManyLoader<T>;
}

/** In an array, or as they come, such as from a database's cursor. */
export type Warming<Entry> = readonly Entry[] | Iterable<Entry> | AsyncIterable<Entry>;

export interface WarmOptions {
  /**
   * How many entries are looked for or loaded at a time.
   *
   * @default 10
   */
  concurrency?: number;
  /** Aborted: no further entry is taken. What is being loaded is still stored. */
  signal?: AbortSignal;
}

/** How many keys were loaded here; were fresh, or loaded by another; and are not, for want of Redis or by their loader's fault. */
export interface Warmed {
  readonly loaded: number;
  readonly present: number;
  readonly failed: number;
}

interface WarmingParts {
  readonly many: Many;
  readonly check: CallChecks;
}

interface CheckedEntry {
  readonly keys: readonly string[];
  readonly loadMany: ManyLoader<unknown>;
  readonly tags: readonly string[];
  readonly freshness: Required<Freshness>;
}

/** Resolves when what was loaded is stored. Rejects for a wrong entry or set-up, and as `entries` does, once what runs is over. */
export async function warmed(
  entries: Warming<WarmEntry<unknown> | WarmBatch<unknown>>,
  options: WarmOptions,
  { many, check }: WarmingParts,
): Promise<Warmed> {
  const { concurrency = 10, signal } = checkedOptions(entries, options);
  const counts = { loaded: 0, present: 0, failed: 0 };
  const warm = async (entry: WarmEntry<unknown> | WarmBatch<unknown>): Promise<void> => {
    const { keys, loadMany, tags, freshness } = checkedEntry(entry, check);
    const own = new Set<string>();
    const load: typeof loadMany = (missing, context) => {
      for (const key of missing) own.add(key);
      return loadMany(missing, context);
    };
    const outcomes = await many.outcomesOf(keys, load, { tags, freshness: loadingStale(freshness), alone });
    for (const [key, outcome] of outcomes) counts[resultOf(outcome, own.has(key))] += 1;
    await Promise.all([...outcomes.values()].map(async (outcome) => outcome.kind === 'value' && outcome.filled));
  };

  const running = new Set<Promise<unknown>>();
  try {
    for await (const entry of entries) {
      if (signal?.aborted) break;
      const task: Promise<unknown> = warm(entry).then(() => running.delete(task));
      task.catch(() => undefined); // it stays among those that run, for the race to tell
      running.add(task);
      if (running.size >= concurrency) await Promise.race(running);
    }
    await Promise.all(running);
  } finally {
    await Promise.allSettled(running);
  }
  return counts;
}

function checkedOptions(entries: unknown, options: WarmOptions): WarmOptions {
  const check = optionChecks('warm', options);
  check.known(['concurrency', 'signal']);
  const { concurrency = 10, signal } = options;
  check.integer('concurrency', concurrency, 1, 1000);
  check.must(signal === undefined || signal instanceof AbortSignal, 'signal', 'an AbortSignal', signal);
  const isIterable =
    typeof entries === 'object' && entries !== null && (Symbol.iterator in entries || Symbol.asyncIterator in entries);
  check.must(isIterable, 'entries', 'iterable, at once or as they come', entries);
  return options;
}

/** One key is a batch of one. */
function checkedEntry(entry: WarmEntry<unknown> | WarmBatch<unknown>, check: CallChecks): CheckedEntry {
  optionChecks('warm', entry);
  if ('keys' in entry) {
    const { keys, loadMany, ...options } = entry;
    check.keys(keys);
    check.loader(loadMany, 'loadMany');
    return { keys, loadMany, ...check.get(options, 'warm') };
  }
  const { key, load, ...options } = entry;
  check.key(key);
  check.loader(load, 'load');
  const loadMany: CheckedEntry['loadMany'] = async (_, { signal, ...context }) => {
    const value = await load({
      signal,
      tag: (...tags) => context.tag(key, ...tags),
      ttlMs: (ms) => context.ttlMs(key, ms),
      version: (version) => context.version(key, version),
    });
    return [[key, value]];
  };
  return { keys: [key], loadMany, ...check.get(options, 'warm') };
}

/** What is stale is loaded too, and served meanwhile to those who ask; nothing is left to be loaded in the background. */
const loadingStale = (freshness: Required<Freshness>): Required<Freshness> => ({
  ...freshness,
  staleMs: 0,
  staleIfErrorMs: Math.max(freshness.staleMs, freshness.staleIfErrorMs),
  beta: 0,
  softTimeoutMs: Infinity,
});

/** Without a lease nothing would be stored, so nothing is loaded. Another has found a moment ago that there is nothing to store: as good as loaded. */
const alone = async (why: Alone): Promise<Outcome> =>
  why === 'passed'
    ? { kind: 'value', value: () => undefined, meta: { stamp: { incarnation: '', us: 0 }, tags: [] } }
    : { kind: 'error', error: undefined };

const resultOf = (outcome: Outcome, isOwn: boolean): keyof Warmed => {
  if (outcome.kind === 'error') return 'failed';
  if (outcome.held !== undefined) return outcome.held.nowMs < outcome.held.freshUntilMs ? 'present' : 'failed';
  return isOwn ? 'loaded' : 'present';
};
