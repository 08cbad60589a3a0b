import type { Warn } from '@turnpike/core';
import type { PageLoadContext, PageLoader } from './load.ts';

/** What the loader of several keys is given: as that of one is, with the key it speaks of. */
export interface ManyContext {
  /** Aborted when `loadTimeoutMs` is over: hand it to your database. */
  readonly signal: AbortSignal;
  /** Adds tags to the value of `key`. */
  tag(key: string, ...tags: string[]): void;
  /** How long the value of `key` is fresh, in ms, instead of `ttlMs`. */
  ttlMs(key: string, ms: number): void;
  /** The version of the value of `key`, for `writeThrough`. */
  version(key: string, version: number): void;
}

/** A key with its value. */
type Pair<T> = readonly [key: string, value: T];

/** A Map, or pairs. Those that are named one by one are what TypeScript sees `T` in, also inside of what is itself iterable. */
type Pairs<T> = ReadonlyMap<string, T> | readonly Pair<T>[] | Iterable<Pair<T>>;

/**
 * Loads the values of `missing` together, as with one query. A key it does not name, or gives as `undefined`, has nothing
 * to store; `null` is stored for `negativeTtlMs`. What it names beside is ignored, with a warning.
 */
export type ManyLoader<T> = (missing: readonly string[], context: ManyContext) => Pairs<T> | Promise<Pairs<T>>;

/** One load for the keys of a call that nobody has and nobody else loads. */
export interface Batch {
  /** Loads `key` with the others. Those that are wanted later, at the same time, are a load of their own. */
  loaderOf(key: string): PageLoader;
  /** The others need not wait for `key`: somebody else loads it, or nobody has to. */
  leaveOut(key: string): void;
  /** Resolves when each of these keys is with the others, or left out. */
  decided(keys: readonly string[]): Promise<void>;
}

interface Member {
  readonly context: PageLoadContext;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface BatchParts {
  readonly loadMany: ManyLoader<unknown>;
  readonly check: { pairs(given: unknown): void };
  readonly warn: Warn;
}

/** `keys`: of each of them either a loader will run soon, or it is left out. Until then none is loaded. */
export function createBatch(keys: readonly string[], { loadMany, check, warn }: BatchParts): Batch {
  const undecided = new Map<string, () => void>();
  const decided = new Map(keys.map((key) => [key, new Promise<void>((resolve) => undecided.set(key, resolve))]));
  let members = new Map<string, Member>();
  let starting: NodeJS.Immediate | undefined;

  const load = async (loading: ReadonlyMap<string, Member>): Promise<void> => {
    const contextOf = (key: string): PageLoadContext | undefined => {
      const context = loading.get(key)?.context;
      if (context === undefined) {
        warn('TURNPIKE_WARN_KEY_NOT_ASKED', 'loadMany names a key that it was not asked for, which is ignored.');
      }
      return context;
    };
    try {
      const missing = keys.filter((key) => loading.has(key));
      const pairs = await loadMany(missing, {
        // That of the last to come in, which is the last to be given up.
        signal: ([...loading.values()].at(-1) as Member).context.signal,
        tag: (key, ...tags) => contextOf(key)?.tag(...tags),
        ttlMs: (key, ms) => contextOf(key)?.ttlMs(ms),
        version: (key, version) => contextOf(key)?.version(version),
      });
      check.pairs(pairs);
      const values = new Map(pairs);
      for (const key of values.keys()) contextOf(key);
      for (const [key, { resolve }] of loading) resolve(values.get(key));
    } catch (error) {
      for (const { reject } of loading.values()) reject(error);
    }
  };

  /** At the end of the turn, so that those whose replies came together load together. */
  const startIfDecided = (): void => {
    if (undecided.size > 0 || members.size === 0) return;
    starting ??= setImmediate(() => {
      starting = undefined;
      const loading = members;
      members = new Map();
      void load(loading);
    });
  };

  const leaveOut = (key: string): void => {
    undecided.get(key)?.();
    undecided.delete(key);
    startIfDecided();
  };

  return {
    loaderOf: (key) => (context) =>
      new Promise((resolve, reject) => {
        members.set(key, { context, resolve, reject });
        leaveOut(key);
      }),
    leaveOut,
    async decided(some) {
      for (const key of some) await decided.get(key); // oxlint-disable-line no-await-in-loop -- whichever is the last
    },
  };
}
