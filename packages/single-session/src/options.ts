import {
  type OnProblem,
  type OptionChecks,
  type RedisClient,
  assertRedisClient,
  optionChecks,
  withDefaults,
  writeProblem,
} from '@turnpike/core';
import type { Lifetimes } from './scripts.ts';
import type { JwtOptions } from './token.ts';

/** What `singleSession` needs to know. */
export interface SingleSessionOptions {
  /** Your client: ioredis 5.4 or later, or a Cluster that reads from its masters. It stays yours to close. */
  redis: RedisClient;
  /** How tokens are signed; `false` when the app signs its own, with what `claim` gives. */
  jwt: JwtOptions | false;
  /**
   * How many sessions a user may have at once: an integer from 1, or a function of the user's id.
   *
   * @default 1
   */
  limit?: number | ((userId: string) => number | Promise<number>);
  /**
   * When all are taken: `'replace'` ends the one unused for longest, `'reject'` refuses the login (409).
   *
   * @default 'replace'
   */
  policy?: 'replace' | 'reject';
  /**
   * Under `'reject'`: a session unused for so long makes room all the same, in ms; 0 never. So a device that was lost
   * does not lock its user out.
   *
   * @default 0
   */
  seatIdleMs?: number;
  /**
   * How long a session lasts without use, in ms.
   *
   * @default 1_800_000
   */
  idleMs?: number;
  /**
   * How long it lasts at most, in ms.
   *
   * @default 43_200_000
   */
  absoluteMs?: number;
  /**
   * How long after its login a token is believed that Redis has lost in a failover, in ms; 0 never.
   *
   * @default 60_000
   */
  healMs?: number;
  /**
   * False does not tell a displaced device by which other, and when.
   *
   * @default true
   */
  tellDisplaced?: boolean;
  /**
   * When Redis does not answer: `'deny'` refuses (503), `'token-only'` believes a valid token. A guard may differ.
   *
   * @default 'deny'
   */
  onStoreError?: 'deny' | 'token-only';
  /**
   * How long a call may take, in ms, whatever Redis does.
   *
   * @default 250
   */
  deadlineMs?: number;
  /**
   * Begins every key. Two kinds of session (web and mobile, say) have a prefix each.
   *
   * @default 'turnpike'
   */
  prefix?: string;
  /** A secret: users stand in Redis as their HMAC under it. */
  pepper?: string;
  /**
   * Answers a refusal.
   *
   * @default writeProblem
   */
  onProblem?: OnProblem;
}

const OPTIONS: readonly (keyof SingleSessionOptions)[] = [
  'redis',
  'jwt',
  'limit',
  'policy',
  'seatIdleMs',
  'idleMs',
  'absoluteMs',
  'healMs',
  'tellDisplaced',
  'onStoreError',
  'deadlineMs',
  'prefix',
  'pepper',
  'onProblem',
];

/** What others call our options. */
const RIVALS: Readonly<Record<string, string>> = {
  secret: 'jwt: { secret }',
  maxSessions: 'limit',
  maximumSessions: 'limit',
  maxSessionsPreventsLogin: "policy: 'reject'",
  ttl: 'absoluteMs',
  expiresIn: 'absoluteMs',
  rolling: 'idleMs',
};

const YEAR_MS = 366 * 86_400_000;

/** The options, checked and complete. */
export interface CheckedOptions extends Required<
  Omit<SingleSessionOptions, 'pepper' | 'idleMs' | 'absoluteMs' | 'seatIdleMs' | 'healMs'>
> {
  readonly check: OptionChecks;
  readonly pepper: string | undefined;
  readonly lifetimes: Lifetimes;
}

/** @throws OptionError when an option breaks its rule */
export function checkedOptions(options: SingleSessionOptions): CheckedOptions {
  const check = optionChecks('singleSession', options);
  check.known(OPTIONS, RIVALS);
  const { idleMs = 1_800_000, absoluteMs = 43_200_000, seatIdleMs = 0, healMs = 60_000, pepper, ...given } = options;
  const defaults = {
    limit: 1,
    policy: 'replace' as const,
    tellDisplaced: true,
    onStoreError: 'deny' as const,
    deadlineMs: 250,
    prefix: 'turnpike',
    onProblem: writeProblem,
  };
  const rest = withDefaults(defaults, given);
  assertRedisClient('singleSession', rest.redis);
  if (typeof rest.limit !== 'function') check.integer('limit', rest.limit, 1, 1000);
  check.oneOf('policy', rest.policy, ['replace', 'reject']);
  check.integer('absoluteMs', absoluteMs, 1000, YEAR_MS);
  check.integer('idleMs', idleMs, 1000, absoluteMs);
  check.integer('seatIdleMs', seatIdleMs, 0, absoluteMs);
  check.integer('healMs', healMs, 0, 3_600_000);
  check.must(typeof rest.tellDisplaced === 'boolean', 'tellDisplaced', 'true or false', rest.tellDisplaced);
  check.oneOf('onStoreError', rest.onStoreError, ['deny', 'token-only']);
  check.integer('deadlineMs', rest.deadlineMs, 1, 60_000);
  check.optionalFunction('onProblem', rest.onProblem);
  if (pepper !== undefined) check.secret('pepper', pepper, 16);
  // A tenth of what it decides: an idle end comes at most so much early.
  const touchEveryMs = Math.floor(Math.min(idleMs, seatIdleMs > 0 ? seatIdleMs : idleMs) / 10);
  // A session that nobody used for idleMs is over, whichever server knew of it.
  const healWithinMs = Math.min(healMs, idleMs);
  return { ...rest, check, pepper, lifetimes: { idleMs, absoluteMs, seatIdleMs, healMs: healWithinMs, touchEveryMs } };
}
