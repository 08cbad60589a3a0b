import { optionChecks, withDefaults } from '@turnpike/core';
import { LONGEST_MS } from '../freshness.ts';

/** What `rfc9111` takes. */
export interface Rfc9111Options {
  /**
   * The targeted fields (RFC 9213) that are meant for this cache, the first of them first: one that is there and valid counts
   * instead of Cache-Control and Expires.
   *
   * @default ['CDN-Cache-Control']
   */
  targets?: readonly string[];
  /**
   * Which share of the time since its Last-Modified a response is fresh that says nothing (RFC 9111 §4.2.2): 0 to 1; 0: none.
   *
   * @default 0.1
   */
  heuristicFraction?: number;
  /**
   * The longest that a response is fresh by that, in ms.
   *
   * @default 86400000
   */
  heuristicMaxMs?: number;
  /**
   * How long a response is kept when it is expired, in ms: to ask the handler whether it still holds (`ETag`, `Last-Modified`),
   * and for clients that take it so (`max-stale`).
   *
   * @default 3600000
   */
  keepStaleMs?: number;
}

export type CheckedOptions = Required<Rfc9111Options>;

const DEFAULTS: CheckedOptions = {
  targets: ['CDN-Cache-Control'],
  heuristicFraction: 0.1,
  heuristicMaxMs: 86_400_000,
  keepStaleMs: 3_600_000,
};

/** RFC 9110 §5.6.2 */
const FIELD_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;

/** @throws OptionError when an option breaks its rule */
export function checkedOptions(options: Rfc9111Options): CheckedOptions {
  const check = optionChecks('rfc9111', options);
  check.known(Object.keys(DEFAULTS));
  const { targets, heuristicFraction, heuristicMaxMs, keepStaleMs } = withDefaults(DEFAULTS, options);
  const areNames = Array.isArray(targets) && targets.every((name) => typeof name === 'string' && FIELD_NAME.test(name));
  check.must(areNames, 'targets', 'an array of header names', targets);
  const isShare = typeof heuristicFraction === 'number' && heuristicFraction >= 0 && heuristicFraction <= 1;
  check.must(isShare, 'heuristicFraction', 'a number from 0 to 1', heuristicFraction);
  check.integer('heuristicMaxMs', heuristicMaxMs, 0, LONGEST_MS);
  check.integer('keepStaleMs', keepStaleMs, 0, LONGEST_MS);
  return { targets: targets.map((name) => name.toLowerCase()), heuristicFraction, heuristicMaxMs, keepStaleMs };
}
