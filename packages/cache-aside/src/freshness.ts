import type { OptionChecks } from '@turnpike/core';

/** How long values last. Per cache, and for one call where that says otherwise. */
export interface Freshness {
  /** How long a value is fresh, in ms: an integer from 1. */
  ttlMs: number;
  /**
   * How long after that it is still served while one caller loads it anew (stale-while-revalidate, RFC 5861 §3), in ms.
   *
   * @default 0
   */
  staleMs?: number;
  /**
   * How long after `ttlMs` it is served when loading it fails (stale-if-error, RFC 5861 §4), in ms.
   *
   * @default 0
   */
  staleIfErrorMs?: number;
  /**
   * How long `null` is fresh, in ms: what is not there may be there soon.
   *
   * @default ttlMs, at most 10000
   */
  negativeTtlMs?: number;
  /**
   * Each value is fresh for up to this share less, so that what was stored together does not expire together: 0 to 1.
   *
   * @default 0.1
   */
  jitter?: number;
  /**
   * How eagerly a value is loaded anew before it expires, behind callers that get it: XFetch's β. With 1 a key that is asked
   * for often is loaded once, a few times its load's length early; above 1 earlier, below 1 later; 0: never early.
   *
   * @default 0
   */
  beta?: number;
  /**
   * How long a caller waits for a load where `staleIfErrorMs` has an expired value for it, in ms: then it gets that, and the
   * load goes on and is stored.
   *
   * @default as long as the load takes
   */
  softTimeoutMs?: number;
}

/** How long a value lasts. */
export type Lasting = Required<Omit<Freshness, 'beta' | 'softTimeoutMs'>>;

/** How long a value is of use when it is expired. */
export type Staleness = Pick<Lasting, 'staleMs' | 'staleIfErrorMs'>;

export const FRESHNESS_OPTIONS: readonly (keyof Freshness)[] = [
  'ttlMs',
  'staleMs',
  'staleIfErrorMs',
  'negativeTtlMs',
  'jitter',
  'beta',
  'softTimeoutMs',
];

/** A year: what `PX` and exact arithmetic in Lua bear easily. */
export const LONGEST_MS: number = 366 * 86_400_000;

/** Beyond it Node waits for 1 ms. */
const LONGEST_TIMER_MS = 2_147_483_647;

const LONGEST_NEGATIVE_MS = 10_000;

/** @throws OptionError when a duration is no good */
export function checkedFreshness(check: OptionChecks, options: Partial<Freshness>): Required<Freshness> {
  const { ttlMs, staleMs = 0, staleIfErrorMs = 0, jitter = 0.1, beta = 0, softTimeoutMs = Infinity } = options;
  check.integer('ttlMs', ttlMs, 1, LONGEST_MS);
  const { negativeTtlMs = Math.min(ttlMs as number, LONGEST_NEGATIVE_MS) } = options;
  check.integer('staleMs', staleMs, 0, LONGEST_MS);
  check.integer('staleIfErrorMs', staleIfErrorMs, 0, LONGEST_MS);
  check.integer('negativeTtlMs', negativeTtlMs, 1, LONGEST_MS);
  check.must(typeof jitter === 'number' && jitter >= 0 && jitter <= 1, 'jitter', 'a number from 0 to 1', jitter);
  check.must(typeof beta === 'number' && beta >= 0 && beta <= 100, 'beta', 'a number from 0 to 100', beta);
  if (softTimeoutMs !== Infinity) check.integer('softTimeoutMs', softTimeoutMs, 0, LONGEST_TIMER_MS);
  return { ttlMs: ttlMs as number, staleMs, staleIfErrorMs, negativeTtlMs, jitter, beta, softTimeoutMs };
}

/**
 * How long before it expires a value is loaded anew, in ms: another time for each who asks, so that of many seldom two do it
 * at once, and the more probable the nearer it is. `random` is from 0 to 1.
 *
 * XFetch: Vattani, Chierichetti and Lowenstein, «Optimal Probabilistic Cache Stampede Prevention», PVLDB 8(8), 2015.
 */
export const earlyMs = (loadMs: number, beta: number, random: number): number => -beta * loadMs * Math.log(1 - random);

/** How long one value lasts: fresh, and altogether. `random` is from 0 to 1. */
export function lifetimeOf(
  value: unknown,
  { ttlMs, staleMs, staleIfErrorMs, negativeTtlMs, jitter }: Lasting,
  random: number,
): { freshMs: number; lifeMs: number } {
  const wholeMs = value === null ? negativeTtlMs : ttlMs;
  const freshMs = Math.max(1, Math.round(wholeMs * (1 - jitter * random)));
  return { freshMs, lifeMs: freshMs + Math.max(staleMs, staleIfErrorMs) };
}

/** The longest any value lasts under a policy. */
export const longestLifeMs = ({ ttlMs, staleMs, staleIfErrorMs, negativeTtlMs }: Lasting): number =>
  Math.max(ttlMs, negativeTtlMs) + Math.max(staleMs, staleIfErrorMs);
