import {
  type HttpRequest,
  type OnProblem,
  type RedisClient,
  assertRedisClient,
  optionChecks,
  withDefaults,
  writeProblem,
} from '@turnpike/core';
import { type FingerprintOptions, checkFingerprint } from './fingerprint.ts';
import { type OutcomeWord, outcomeOf } from './outcome.ts';

/** A run of which nobody knows whether it happened, as `onInDoubt` sees it. */
export interface InDoubt {
  /** What `once.of(req).id` was: look for it in your UNIQUE column. */
  readonly id: string;
  readonly fence: number;
  /** The status the run was answered with, 500 say; undefined when it ended without an answer. */
  readonly firstStatus: number | undefined;
}

/** An answer that the app knows, for a run that was in doubt. */
export interface KnownAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
}

/** What `onInDoubt` may find out. */
type Found = KnownAnswer | 'not-done' | 'unknown';

/** Functions of a request. Methods of a type, since those take Express's own Request, too. */
interface Asked {
  scope(req: HttpRequest): string | number | Promise<string | number>;
  onInDoubt(doubt: InDoubt, req: HttpRequest): Found | Promise<Found>;
}

/** What is to become of a retry whose first run is in doubt. */
export type OnInDoubt = 'conflict' | 'rerun' | Asked['onInDoubt'];

/** What the ledger needs to know. */
export interface LedgerOptions {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly maxRunMs: number;
  readonly deadlineMs: number;
  readonly onStoreError: 'deny' | 'allow';
}

/** What `idempotency` needs to know. */
export interface IdempotencyOptions {
  /** Your client: ioredis 5.4 or later, or a Cluster that reads from its masters. It stays yours to close. */
  redis: RedisClient;
  /**
   * Whose key it is: the user's id. Another caller's same key is another key. Where there are no callers to tell apart,
   * and anybody may see anybody's answer: `'public'`.
   */
  scope: 'public' | Asked['scope'];
  /**
   * The methods it is for; others pass.
   *
   * @default ['POST', 'PATCH']
   */
  methods?: readonly string[];
  /**
   * Derives the key from the request instead of reading the header: the same user, the same basket.
   *
   * @default the header Idempotency-Key
   */
  key?(req: HttpRequest): string | number | Promise<string | number>;
  /**
   * True refuses a request without the header (400), false lets it run as if this were not there.
   *
   * @default true
   */
  required?: boolean;
  /**
   * What of a request has to be the same in a retry.
   *
   * @default all of the body
   */
  fingerprint?: FingerprintOptions;
  /**
   * What a retry gets while the first runs: `'conflict'` a 409 with Retry-After, `'wait'` its answer, waited for up to
   * `waitMs`.
   *
   * @default 'conflict'
   */
  whileInFlight?: 'conflict' | 'wait';
  /**
   * How long a retry waits at most, in ms.
   *
   * @default 10_000
   */
  waitMs?: number;
  /**
   * What an answer means for its retries, by its status.
   *
   * @default keep 2xx, 3xx and 4xx; release 408, 409, 425 and 429; 5xx is in doubt
   */
  outcome?(status: number): OutcomeWord;
  /**
   * What a retry gets whose first run is in doubt, because it answered 5xx, threw, took longer than `maxRunMs`, or its process
   * was killed: `'conflict'` a 409, `'rerun'` another run, or a function that looks it up.
   *
   * @default 'conflict'
   */
  onInDoubt?: OnInDoubt;
  /**
   * When Redis does not answer: `'deny'` refuses (503), `'allow'` runs unprotected and says so.
   *
   * @default 'deny'
   */
  onStoreError?: 'deny' | 'allow';
  /**
   * How long an answer is kept at least, in ms.
   *
   * @default 86_400_000
   */
  ttlMs?: number;
  /**
   * How long after its process was killed a run still counts as in flight, in ms. Longer handlers are kept alive. A claim that
   * takes Redis longer than half of it is refused (503).
   *
   * @default 30_000
   */
  leaseMs?: number;
  /**
   * How long a handler may run, in ms.
   *
   * @default 300_000
   */
  maxRunMs?: number;
  /**
   * The longest body that is kept, in bytes.
   *
   * @default 262_144
   */
  maxBytes?: number;
  /**
   * How long a claim may take, in ms, whatever Redis does.
   *
   * @default 500
   */
  deadlineMs?: number;
  /**
   * Begins every key, and is part of every identity.
   *
   * @default 'turnpike'
   */
  prefix?: string;
  /**
   * Answers a refusal.
   *
   * @default writeProblem
   */
  onProblem?: OnProblem;
}

const OPTIONS: readonly (keyof IdempotencyOptions)[] = [
  'redis',
  'scope',
  'methods',
  'key',
  'required',
  'fingerprint',
  'whileInFlight',
  'waitMs',
  'outcome',
  'onInDoubt',
  'onStoreError',
  'ttlMs',
  'leaseMs',
  'maxRunMs',
  'maxBytes',
  'deadlineMs',
  'prefix',
  'onProblem',
];

/** What others call our options. */
const RIVALS: Readonly<Record<string, string>> = {
  ttl: 'ttlMs',
  cacheTTL: 'ttlMs',
  cacheTTLMs: 'ttlMs',
  cacheKeyPrefix: 'prefix',
  keyPrefix: 'prefix',
  enforceIdempotency: 'required',
  requireKey: 'required',
  idempotencyKeyExtractor: 'key',
  keyGenerator: 'key',
  lockTimeout: 'leaseMs',
  waitTimeoutMs: 'waitMs',
};

/** The longest that a timer of Node's can wait. */
const LONGEST_MS = 2_147_483_647;

const YEAR_MS = 366 * 86_400_000;

/** The options, checked and complete. */
export type CheckedOptions = Required<Omit<IdempotencyOptions, 'key'>> & Pick<IdempotencyOptions, 'key'>;

/** @throws OptionError when an option breaks its rule */
export function checkedOptions(options: IdempotencyOptions): CheckedOptions {
  const check = optionChecks('idempotency', options);
  check.known(OPTIONS, RIVALS);
  const defaults = {
    methods: ['POST', 'PATCH'],
    required: true,
    fingerprint: {},
    whileInFlight: 'conflict' as const,
    waitMs: 10_000,
    outcome: outcomeOf,
    onInDoubt: 'conflict' as const,
    onStoreError: 'deny' as const,
    ttlMs: 86_400_000,
    leaseMs: 30_000,
    maxRunMs: 300_000,
    maxBytes: 262_144,
    deadlineMs: 500,
    prefix: 'turnpike',
    onProblem: writeProblem,
  };
  const checked = withDefaults(defaults, options);
  const { scope, methods, required, fingerprint, onInDoubt } = checked;
  assertRedisClient('idempotency', checked.redis);
  const isScope = scope === 'public' || typeof scope === 'function';
  check.must(isScope, 'scope', "a function that gives the user's id, or 'public'", scope);
  const areMethods =
    Array.isArray(methods) &&
    methods.length > 0 &&
    methods.every((one) => typeof one === 'string' && one === one.toUpperCase());
  check.must(areMethods, 'methods', 'an array of methods in upper case', methods);
  check.optionalFunction('key', checked.key);
  check.must(typeof required === 'boolean', 'required', 'true or false', required);
  check.must(typeof fingerprint === 'object' && fingerprint !== null, 'fingerprint', 'an object', fingerprint);
  checkFingerprint(check, fingerprint);
  check.oneOf('whileInFlight', checked.whileInFlight, ['conflict', 'wait']);
  check.integer('waitMs', checked.waitMs, 1, LONGEST_MS);
  check.optionalFunction('outcome', checked.outcome);
  if (typeof onInDoubt !== 'function') check.oneOf('onInDoubt', onInDoubt, ['conflict', 'rerun']);
  check.oneOf('onStoreError', checked.onStoreError, ['deny', 'allow']);
  check.integer('ttlMs', checked.ttlMs, 1000, YEAR_MS);
  check.integer('leaseMs', checked.leaseMs, 100, 3_600_000);
  check.integer('maxRunMs', checked.maxRunMs, 1, LONGEST_MS);
  check.integer('maxBytes', checked.maxBytes, 0, 64 * 1024 * 1024);
  check.integer('deadlineMs', checked.deadlineMs, 1, 60_000);
  check.optionalFunction('onProblem', checked.onProblem);
  return checked;
}
