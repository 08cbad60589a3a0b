import { randomBytes } from 'node:crypto';
import {
  type RedisClient,
  StoreError,
  assertRedisClient,
  eventsOf,
  keyspace,
  optionChecks,
  pseudonym,
  storeOf,
} from '@turnpike/core';
import { type Algorithm, type Policy, policyOf } from './policy.ts';
import { type Verdict, peek, reset, take } from './scripts.ts';

/** What a limiter needs to know. */
export interface RateLimiterOptions {
  /** Your client: ioredis 5.4 or later, or a Cluster that reads from its masters. It stays yours to close. */
  redis: RedisClient;
  /** How much may pass within `windowMs`: an integer from 1. */
  limit: number;
  /** The window, in ms: an integer from 1. */
  windowMs: number;
  /** @default 'sliding-window' */
  algorithm?: Algorithm;
  /**
   * Names the policy in keys and headers: limiters of one name count together.
   *
   * @default `<limit>-in-<window>`
   */
  name?: string;
  /**
   * When Redis does not decide: `'allow'` lets the request pass uncounted, `'deny'` refuses it (503).
   *
   * @default 'allow'
   */
  onStoreError?: 'allow' | 'deny';
  /**
   * How long a decision may take, in ms, whatever Redis does.
   *
   * @default 100
   */
  deadlineMs?: number;
  /**
   * Begins every key.
   *
   * @default 'turnpike'
   */
  prefix?: string;
  /** A secret: subjects (addresses, e-mails) stand in Redis as their HMAC under it. */
  pepper?: string;
}

/** The option names above, for the check of unknown ones. */
export const LIMITER_OPTIONS: readonly (keyof RateLimiterOptions)[] = [
  'redis',
  'limit',
  'windowMs',
  'algorithm',
  'name',
  'onStoreError',
  'deadlineMs',
  'prefix',
  'pepper',
];

/** What was decided, and how much is left. */
export interface Decision {
  readonly allowed: boolean;
  readonly policy: string;
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  /** When all of the limit is available again, by this process's clock. */
  readonly resetTime: Date;
  /** The earliest moment this cost passes, from now, in ms; undefined when allowed, and when no wait helps. */
  readonly retryAfterMs: number | undefined;
  /** True when Redis did not decide and `onStoreError` did. */
  readonly degraded: boolean;
}

/** The limiter without HTTP. */
export interface RateLimiter {
  readonly policy: Policy;
  /**
   * Charges `cost` (an integer from 1) to `key` if there is room, in one atomic step; a denial charges nothing.
   * Never rejects for what `onStoreError` covers.
   */
  take(key: string, options?: { cost?: number }): Promise<Decision>;
  /** What `take` would say; nothing is charged or written. */
  peek(key: string, options?: { cost?: number }): Promise<Decision>;
  /** Forgets what was charged to `key`; true when there was anything. Rejects with a `StoreError` when Redis is not there. */
  reset(key: string): Promise<boolean>;
}

/** On the diagnostics channel `turnpike:rate-limit`. */
export interface RateLimitEvent {
  readonly type: 'allow' | 'deny' | 'degraded';
  readonly policy: string;
}

const emit = eventsOf<RateLimitEvent>('rate-limit');

/** How soon to try again when Redis is not there, in ms: about as long as a client takes to reconnect. */
const DEGRADED_RETRY_MS = 1000;

/** 36 bits: enough to tell the last few charges of one key apart. */
const chargeId = (): string => randomBytes(5).toString('base64url').slice(0, 6);

/**
 * A limiter on Redis, exact across processes: what is admitted never exceeds the policy, however many ask at once.
 *
 * @throws OptionError when an option breaks its rule
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const check = optionChecks('createRateLimiter', options);
  check.known(LIMITER_OPTIONS, RIVALS);
  const { redis, onStoreError = 'allow', deadlineMs = 100, prefix = 'turnpike', pepper } = options;
  assertRedisClient('createRateLimiter', redis);
  check.oneOf('onStoreError', onStoreError, ['allow', 'deny']);
  check.integer('deadlineMs', deadlineMs, 1, 60_000);
  if (pepper !== undefined) check.secret('pepper', pepper, 16);
  const policy = policyOf(check, options);
  const keys = keyspace('rate-limit', prefix);
  const store = storeOf(redis);

  const keyOf = (subject: unknown): string => {
    check.must(typeof subject === 'string', 'key', 'a string', subject);
    return keys([policy.name, pepper === undefined ? (subject as string) : pseudonym(subject as string, pepper)]);
  };

  const decision = (verdict: Verdict): Decision => ({
    allowed: verdict.allowed,
    policy: policy.name,
    limit: policy.limit,
    used: verdict.used,
    remaining: Math.max(0, policy.limit - verdict.used),
    resetTime: new Date(Date.now() + verdict.resetMs),
    retryAfterMs: verdict.allowed ? undefined : verdict.waitMs,
    degraded: false,
  });

  const degraded = (): Decision => ({
    allowed: onStoreError === 'allow',
    policy: policy.name,
    limit: policy.limit,
    used: 0,
    remaining: onStoreError === 'allow' ? policy.limit : 0,
    resetTime: new Date(),
    retryAfterMs: onStoreError === 'allow' ? undefined : DEGRADED_RETRY_MS,
    degraded: true,
  });

  const decide = async (asked: Promise<Verdict>): Promise<Decision> => {
    try {
      return decision(await asked);
    } catch (error) {
      if (StoreError.isPassing(error)) return degraded();
      throw error;
    }
  };

  const question = (subject: string, cost: number): { key: string; policy: Policy; cost: number } => {
    check.integer('cost', cost, 1);
    return { key: keyOf(subject), policy, cost };
  };

  return {
    policy,
    async take(subject, { cost = 1 } = {}) {
      const asked = store.call(take, { ...question(subject, cost), id: chargeId() }, { deadlineMs });
      const decided = await decide(asked);
      emit(() => ({ type: typeOf(decided), policy: policy.name }));
      return decided;
    },
    peek: async (subject, { cost = 1 } = {}) => decide(store.call(peek, question(subject, cost), { deadlineMs })),
    reset: async (subject) => store.call(reset, keyOf(subject), { deadlineMs }),
  };
}

const typeOf = ({ degraded, allowed }: Decision): RateLimitEvent['type'] =>
  degraded ? 'degraded' : allowed ? 'allow' : 'deny';

/** What well-known limiters call our options. */
export const RIVALS: Readonly<Record<string, string>> = {
  max: 'limit',
  points: 'limit',
  tokensPerInterval: 'limit',
  duration: 'windowMs (in ms)',
  interval: 'windowMs (in ms)',
  keyGenerator: 'key',
  keyPrefix: 'prefix',
  store: 'redis',
  storeClient: 'redis',
  client: 'redis',
  handler: 'onProblem',
  standardHeaders: 'headers',
  legacyHeaders: "headers: ['legacy']",
  passOnStoreError: "onStoreError: 'allow'",
  identifier: 'name',
};
