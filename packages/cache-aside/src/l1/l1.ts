import { optionChecks } from '@turnpike/core';
import { LONGEST_MS } from '../freshness.ts';
import type { TierMaker } from '../tier.ts';
import { createTier } from './tier.ts';

/** What `l1` takes. */
export interface L1Options {
  /**
   * The oldest a value may be that is given out without asking Redis, in ms, whatever becomes of the connection on which
   * changes are heard.
   *
   * @default 5000
   */
  l1TtlMs?: number;
  /**
   * The most that is kept, in bytes of this process's memory, by estimate; what was not asked for longest goes first.
   *
   * @default 67108864
   */
  l1MaxBytes?: number;
}

/** A tier in the process: for the option `l1` of `createCache`. */
export type L1 = TierMaker;

/** 64 GB. */
const LARGEST_BYTES = 2 ** 36;

const RIVALS: Readonly<Record<string, string>> = {
  ttl: 'l1TtlMs, in ms,',
  ttlMs: 'l1TtlMs',
  max: 'l1MaxBytes, in bytes,',
  maxSize: 'l1MaxBytes',
  maxBytes: 'l1MaxBytes',
};

/**
 * Keeps values in this process, in front of Redis: a hit is no command. A change that any process makes is heard over a connection
 * of its own (Redis's client tracking; on a Cluster, or where that is refused, what the cache itself publishes), and what was read
 * before it was heard is not kept. While that connection is down nothing is given out; nothing ever is that is older than `l1TtlMs`.
 *
 * @throws OptionError when an option breaks its rule
 */
export function l1(options: L1Options = {}): L1 {
  const check = optionChecks('l1', options);
  check.known(['l1TtlMs', 'l1MaxBytes'], RIVALS);
  const { l1TtlMs = 5000, l1MaxBytes = 67_108_864 } = options;
  check.integer('l1TtlMs', l1TtlMs, 1, LONGEST_MS);
  check.integer('l1MaxBytes', l1MaxBytes, 1, LARGEST_BYTES);
  return { open: (parts) => createTier(parts, { l1TtlMs, l1MaxBytes }) };
}
