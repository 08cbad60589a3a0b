import type { HttpRequest, HttpResponse, OptionChecks } from '@turnpike/core';

/**
 * How a limit is counted.
 * - `'sliding-window'`: never more than `limit` in **any** trailing `windowMs`.
 * - `'fixed-window'`: a window starts with its first request; around its end up to 2 × `limit` may pass within `windowMs`.
 * - `'token-bucket'`: GCRA; `limit` per `windowMs` on average, and `burst` at once.
 */
export type Algorithm = 'fixed-window' | 'sliding-window' | 'token-bucket';

/**
 * When a request that was admitted counts: `'always'`; on `'failure'`, that is when it is answered 400 to 499 except 429;
 * or as the function says, of the request and its finished answer. It counts until that is known, so that any number of
 * requests at once cannot pass a limit; a connection that was aborted counts.
 */
export type Charge = 'always' | 'failure' | Judge;

// As a method, so that a function of Express's own request and response fits.
type Judge = { judge(req: HttpRequest, res: HttpResponse): boolean }['judge'];

/** A number, or one for each request: a caller's plan. */
type PerRequest = number | { of(req: HttpRequest): number }['of'];

/** One limit, as it is given. */
export interface PolicyOptions {
  /**
   * Names the policy in keys and headers: limiters count together whose policies are the same by name, algorithm and
   * window (of a token bucket by limit, too). Required where `limit` or `windowMs`
   * is a function.
   *
   * @default `<limit>-in-<window>`
   */
  name?: string;
  /** How much may pass within `windowMs`: an integer from 1. */
  limit: PerRequest;
  /** The window, in ms: an integer from 1. */
  windowMs: PerRequest;
  /** @default 'sliding-window' */
  algorithm?: Algorithm;
  /**
   * How much a token bucket holds.
   *
   * @default limit
   */
  burst?: number;
  /** @default 'always' */
  charge?: Charge;
  /**
   * True keeps the policy out of headers and refusals: a quota that is not the caller's to know.
   *
   * @default false
   */
  hidden?: boolean;
}

/** The options of a policy. */
export const POLICY_OPTIONS: readonly (keyof PolicyOptions)[] = [
  'name',
  'limit',
  'windowMs',
  'algorithm',
  'burst',
  'charge',
  'hidden',
];

/** One limit, checked and complete, for one request. */
export interface Policy {
  readonly name: string;
  readonly algorithm: Algorithm;
  readonly limit: number;
  readonly windowMs: number;
  /** The most that can pass at once: the burst of a token bucket, the limit of a window. */
  readonly burst: number;
  readonly charge: Charge;
  readonly hidden: boolean;
}

/** Limits and windows that differ from a policy's own, by its name. */
export type Limits = Readonly<Record<string, { readonly limit?: number; readonly windowMs?: number }>>;

const ALGORITHMS: readonly Algorithm[] = ['fixed-window', 'sliding-window', 'token-bucket'];

/** A year: longer than any limit is meant for, and short enough for exact arithmetic in Lua. */
const LONGEST_WINDOW_MS = 366 * 86_400_000;

const LARGEST_LIMIT = 1_000_000_000;

/** Printable ASCII: what a structured-field string can carry (RFC 9651 §3.3.3), since the name is sent in headers. */
const HEADER_STRING = /^[\x20-\x7e]{1,64}$/;

/** `60000` → `60s`, `1500` → `1500ms`. */
const shortDuration = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);

function checkNumbers(check: OptionChecks, limit: unknown, windowMs: unknown): void {
  check.integer('limit', limit, 1, LARGEST_LIMIT);
  check.integer('windowMs', windowMs, 1, LONGEST_WINDOW_MS);
}

/** The policies of a limiter: what is fixed of them, and what depends on the request. */
export interface Policies {
  /** As they stand without a request; a limit that depends on one is 1 here. */
  readonly all: readonly Policy[];
  readonly names: readonly string[];
  readonly isDynamic: boolean;
  /** The limits of a request; undefined when none depends on it. @throws OptionError when a function gives no good number */
  limitsFor(req: HttpRequest): Limits | undefined;
  /** The policies under these limits, which have to be given where they depend on a request. @throws OptionError */
  under(limits: Limits | undefined): readonly Policy[];
}

/** @throws OptionError when a policy breaks a rule, or two have one name */
export function policiesOf(check: OptionChecks, given: readonly PolicyOptions[]): Policies {
  check.must(given.length >= 1 && given.length <= 16, 'policies', '1 to 16 policies', given);
  const all = given.map((options) => policyOf(check, options));
  const names = all.map(({ name }) => name);
  check.must(new Set(names).size === names.length, 'policies', 'policies with a name each', names);
  const isDynamic = given.some(({ limit, windowMs }) => typeof limit === 'function' || typeof windowMs === 'function');

  const numberFor = (value: PerRequest, req: HttpRequest): number => (typeof value === 'function' ? value(req) : value);
  return {
    all,
    names,
    isDynamic,
    limitsFor(req) {
      if (!isDynamic) return undefined;
      return Object.fromEntries(
        given.map(({ limit, windowMs }, index) => [
          names[index],
          { limit: numberFor(limit, req), windowMs: numberFor(windowMs, req) },
        ]),
      );
    },
    under(limits) {
      if (limits === undefined && !isDynamic) return all;
      for (const name of Object.keys(limits ?? {})) check.oneOf('limits', name, names);
      return all.map((policy, index) => {
        const own = { limit: given[index]?.limit, windowMs: given[index]?.windowMs };
        const { limit = fixed(own.limit), windowMs = fixed(own.windowMs) } = limits?.[policy.name] ?? {};
        checkNumbers(check, limit, windowMs);
        return {
          ...policy,
          limit: limit as number,
          windowMs: windowMs as number,
          burst: given[index]?.burst ?? (limit as number),
        };
      });
    },
  };
}

/** What does not depend on a request; where it does, nothing stands in for it. */
const fixed = (value: PerRequest | undefined): number | undefined => (typeof value === 'number' ? value : undefined);

function policyOf(check: OptionChecks, options: PolicyOptions): Policy {
  const { algorithm = 'sliding-window', charge = 'always', hidden = false, burst } = options;
  const isDynamic = typeof options.limit === 'function' || typeof options.windowMs === 'function';
  const limit = typeof options.limit === 'function' ? 1 : options.limit;
  const windowMs = typeof options.windowMs === 'function' ? 1 : options.windowMs;
  checkNumbers(check, limit, windowMs);
  check.oneOf('algorithm', algorithm, ALGORITHMS);
  if (burst !== undefined) {
    check.must(algorithm === 'token-bucket', 'burst', "absent unless algorithm is 'token-bucket'", burst);
    check.integer('burst', burst, 1, LARGEST_LIMIT);
  }
  if (typeof charge !== 'function') check.oneOf('charge', charge, ['always', 'failure']);
  check.must(typeof hidden === 'boolean', 'hidden', 'true or false', hidden);
  check.must(
    !isDynamic || options.name !== undefined,
    'name',
    'given where limit or windowMs is a function',
    options.name,
  );
  const { name = `${limit}-in-${shortDuration(windowMs)}` } = options;
  check.must(typeof name === 'string' && HEADER_STRING.test(name), 'name', '1 to 64 printable ASCII characters', name);
  return { name, algorithm, limit, windowMs, burst: burst ?? limit, charge, hidden };
}
