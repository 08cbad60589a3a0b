import { eventually } from '@turnpike/test-kit';
import { expect } from 'vitest';
import { type Cache, type CacheOptions, createCache } from '../../src/index.ts';
import { type L1Options, l1 } from '../../src/l1/index.ts';

export const never = (): Promise<never> => new Promise(() => undefined);

/** A cache with a tier, as one process has it. */
export interface Near {
  readonly cache: Cache;
  /** Resolves once the tier gives `value` out. */
  near(key: string, value: unknown): Promise<void>;
}

/** Resolves once its tier hears. */
export async function cacheWithTier(
  redis: CacheOptions['redis'],
  { l1TtlMs = 60_000, l1MaxBytes, ...more }: Partial<CacheOptions> & L1Options,
): Promise<Near> {
  const tier = l1({ l1TtlMs, ...(l1MaxBytes !== undefined && { l1MaxBytes }) });
  const cache = createCache({ redis, ttlMs: 60_000, deadlineMs: 5000, l1: tier, ...more });
  const stats = () => cache.stats().l1 ?? { coherence: 'none', hits: 0 };
  await eventually(() => expect(stats().coherence).not.toBe('none'));
  return {
    cache,
    near: (key, value) =>
      eventually(async () => {
        const before = stats().hits;
        expect(await cache.getOrLoad(key, never)).toEqual(value);
        expect(stats().hits).toBe(before + 1);
      }),
  };
}
