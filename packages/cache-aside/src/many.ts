import type { Warn } from '@turnpike/core';
import { type Batch, type ManyLoader, createBatch } from './batch.ts';
import type { CallChecks } from './cache-options.ts';
import type { Outcome } from './loaded.ts';
import type { Call } from './loads.ts';
import type { Place, Places } from './places.ts';
import type { Found, Reader } from './reader.ts';
import type { Serving } from './serving.ts';

/** Calls for several keys: each with every guarantee of one, looked for together, and loaded together where nobody else does. */
export interface Many {
  /** What there is of each, from a tier in this process or by its outcome. Rejects with the error of the first that failed. */
  valuesOf(
    keys: readonly string[],
    loadMany: ManyLoader<unknown>,
    common: Pick<Call, 'tags' | 'freshness'>,
  ): Promise<Map<string, unknown>>;
  /** By key, each once, in the order given. Rejects as one call does. */
  outcomesOf(
    keys: readonly string[],
    loadMany: ManyLoader<unknown>,
    common: Pick<Call, 'tags' | 'freshness' | 'alone'>,
  ): Promise<Map<string, Outcome>>;
}

interface ManyParts {
  readonly reader: Reader;
  readonly serving: Serving;
  readonly places: Places;
  readonly check: Pick<CallChecks, 'pairs'>;
  readonly warn: Warn;
  /** From a tier in this process. */
  readonly near: (key: string) => { readonly value: unknown } | undefined;
}

/** So many are looked for, and leased, at a time: each a deadline of its own, which so many replies do not use up. */
const KEYS_A_LOOK = 250;

export function createMany({ reader, serving, places, check, warn, near }: ManyParts): Many {
  /** Those behind the first look once it is known of all before them who loads them. */
  const looksInTurn = (keys: readonly string[], placed: readonly Place[], { decided }: Batch): Promise<Found>[] => {
    const looks: Promise<Found>[] = [];
    let before = Promise.resolve();
    for (let n = 0; n < keys.length; n += KEYS_A_LOOK) {
      const some = placed.slice(n, n + KEYS_A_LOOK);
      const looking = before.then(() => reader.readAll(some));
      looks.push(...some.map(async (_, k) => (await looking)[k] as Promise<Found>));
      before = looking.then(() => decided(keys.slice(n, n + KEYS_A_LOOK)));
    }
    return looks;
  };

  const many: Many = {
    async valuesOf(keys, loadMany, common) {
      const nearest = new Map(keys.map((key) => [key, near(key)]));
      const far = keys.filter((key) => nearest.get(key) === undefined);
      const outcomes = await many.outcomesOf(far, loadMany, common);
      const values = new Map<string, unknown>();
      for (const [key, found] of nearest) {
        const outcome = outcomes.get(key);
        if (outcome?.kind === 'error') throw outcome.error;
        const value = found === undefined ? outcome?.value() : found.value;
        if (value !== undefined) values.set(key, value);
      }
      return values;
    },
    async outcomesOf(keys, loadMany, common) {
      const startedAt = performance.now();
      const unique = [...new Set(keys)];
      const placed = unique.map(places.of);
      const loads = createBatch(unique, { loadMany, check, warn });
      const refreshes = createBatch(unique, { loadMany, check, warn });
      const looks = looksInTurn(unique, placed, loads);

      const outcomeOf = async (key: string, n: number): Promise<[key: string, outcome: Outcome]> => {
        const onWait = (): void => {
          loads.leaveOut(key);
          refreshes.leaveOut(key);
        };
        const call: Call = {
          ...common,
          place: placed[n] as Place,
          loader: loads.loaderOf(key),
          refresh: refreshes.loaderOf(key),
          onWait,
          startedAt,
        };
        let refreshBegun: Promise<void> | undefined;
        try {
          const outcome = await serving.outcomeOf(call, looks[n]);
          if (outcome.kind === 'value') ({ refreshBegun } = outcome);
          return [key, outcome];
        } finally {
          loads.leaveOut(key);
          void Promise.resolve(refreshBegun).then(() => refreshes.leaveOut(key));
        }
      };
      return new Map(await Promise.all(unique.map(outcomeOf)));
    },
  };
  return many;
}
