import type { OptionChecks } from '@turnpike/core';

/**
 * How a limit is counted.
 * - `'sliding-window'`: never more than `limit` in **any** trailing `windowMs`.
 * - `'fixed-window'`: a window starts with its first request; around its end up to 2 × `limit` may pass within `windowMs`.
 */
export type Algorithm = 'fixed-window' | 'sliding-window';

/** One limit, checked and complete. */
export interface Policy {
  readonly name: string;
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly windowMs: number;
}

const ALGORITHMS: readonly Algorithm[] = ['fixed-window', 'sliding-window'];

/** A year: longer than any limit is meant for, and short enough for exact arithmetic in Lua. */
const LONGEST_WINDOW_MS = 366 * 86_400_000;

const LARGEST_LIMIT = 1_000_000_000;

/** Printable ASCII: what a structured-field string can carry (RFC 9651 §3.3.3), since the name is sent in headers. */
const HEADER_STRING = /^[\x20-\x7e]{1,64}$/;

/** `60000` → `60s`, `1500` → `1500ms`. */
const shortDuration = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);

/** The policy that options describe. @throws OptionError */
export function policyOf(check: OptionChecks, options: Partial<Policy>): Policy {
  const { algorithm = 'sliding-window', limit, windowMs } = options;
  check.integer('limit', limit, 1, LARGEST_LIMIT);
  check.integer('windowMs', windowMs, 1, LONGEST_WINDOW_MS);
  check.oneOf('algorithm', algorithm, ALGORITHMS);
  const { name = `${limit}-in-${shortDuration(windowMs as number)}` } = options;
  check.must(HEADER_STRING.test(name), 'name', '1 to 64 printable ASCII characters', name);
  return { name, algorithm, limit: limit as number, windowMs: windowMs as number };
}
