import { type OptionChecks, type RedisClient, assertRedisClient, optionChecks } from '@turnpike/core';
import { POLICY_OPTIONS, type Policies, type PolicyOptions, policiesOf } from './policy.ts';
import type { BlockRule } from './verdict.ts';

/** What a limiter needs to know beside its policies. */
interface LimiterSettings {
  /**
   * Your client: ioredis 5.4 or later, or a Cluster that reads from its masters. It stays yours to close.
   * Without one the limiter counts in this process alone, and warns: for development.
   */
  redis?: RedisClient | undefined;
  /** Blocks who is denied again and again. */
  block?: BlockRule;
  /**
   * When Redis does not decide: `'local'` counts in this process, up to `localShare` of each limit; `'allow'` lets the
   * request pass uncounted; `'deny'` refuses it (503).
   *
   * @default 'local'
   */
  onStoreError?: 'local' | 'allow' | 'deny';
  /**
   * How much of each limit this process admits by itself while Redis is away: above 0, at most 1.
   *
   * @default 0.5
   */
  localShare?: number;
  /**
   * How long a decision may take, in ms, whatever Redis does.
   *
   * @default 100
   */
  deadlineMs?: number;
  /**
   * How long, at most, a denial is answered from memory, in ms; 0 always asks Redis. Used only where time alone can end
   * a denial: limits that do not depend on the request, every charge `'always'`, no `block`.
   *
   * @default 1000
   */
  denyCacheMs?: number;
  /**
   * Begins every key.
   *
   * @default 'turnpike'
   */
  prefix?: string;
  /** A secret: subjects (addresses, e-mails) stand in Redis as their HMAC under it. */
  pepper?: string;
  /**
   * True decides and tells, and lets everyone pass.
   *
   * @default false
   */
  dryRun?: boolean;
}

/** Several policies on one subject, decided together: all are charged, or none. */
interface SeveralPolicies {
  policies: readonly PolicyOptions[];
}

/** What a limiter needs to know: one policy, or `policies`. */
export type RateLimiterOptions = LimiterSettings & (PolicyOptions | SeveralPolicies);

const SETTINGS: readonly (keyof LimiterSettings)[] = [
  'redis',
  'block',
  'onStoreError',
  'localShare',
  'deadlineMs',
  'denyCacheMs',
  'prefix',
  'pepper',
  'dryRun',
];

/** One policy given beside the settings, or several. */
const policyOptionsOf = (options: RateLimiterOptions): readonly PolicyOptions[] =>
  'policies' in options ? options.policies : [options];

/** What well-known limiters call our options. */
const RIVALS: Readonly<Record<string, string>> = {
  max: 'limit',
  points: 'limit',
  tokensPerInterval: 'limit',
  duration: 'windowMs, in ms,',
  interval: 'windowMs, in ms,',
  keyGenerator: 'key',
  identifier: 'key',
  keyPrefix: 'prefix',
  store: 'redis',
  storeClient: 'redis',
  client: 'redis',
  handler: 'onProblem',
  standardHeaders: 'headers',
  legacyHeaders: "headers: ['legacy']",
  passOnStoreError: "onStoreError: 'allow'",
  insuranceLimiter: "onStoreError: 'local'",
  blockDuration: 'block: { afterDenials, durationMs, maxMs }',
  skipSuccessfulRequests: "charge: 'failure'",
  skipFailedRequests: 'charge, as a function,',
  ephemeralCache: 'denyCacheMs',
  timeout: 'deadlineMs',
  ipv6Subnet: 'ipv6Bits',
};

type Optional = 'redis' | 'block' | 'pepper';

/** The options, checked and complete. */
export interface CheckedOptions {
  readonly check: OptionChecks;
  readonly policies: Policies;
  readonly settings: Required<Omit<LimiterSettings, Optional>> & {
    [Name in Optional]: LimiterSettings[Name] | undefined;
  };
}

/**
 * `alsoKnown` are the option names of a factory that adds to a limiter.
 *
 * @throws OptionError when an option breaks its rule
 */
export function checkedOptions(
  factory: string,
  options: RateLimiterOptions,
  alsoKnown: readonly string[] = [],
): CheckedOptions {
  const check = optionChecks(factory, options);
  const ours = [...SETTINGS, ...('policies' in options ? ['policies'] : POLICY_OPTIONS)];
  check.known([...ours, ...alsoKnown], RIVALS);
  const {
    redis,
    block: blockRule,
    onStoreError = 'local',
    localShare = 0.5,
    deadlineMs = 100,
    denyCacheMs = 1000,
    prefix = 'turnpike',
    pepper,
    dryRun = false,
  } = options;
  if (redis !== undefined || 'redis' in options) assertRedisClient(factory, redis);
  check.oneOf('onStoreError', onStoreError, ['local', 'allow', 'deny']);
  check.must(
    typeof localShare === 'number' && localShare > 0 && localShare <= 1,
    'localShare',
    'above 0 and at most 1',
    localShare,
  );
  check.integer('deadlineMs', deadlineMs, 1, 60_000);
  check.integer('denyCacheMs', denyCacheMs, 0, 60_000);
  check.must(typeof dryRun === 'boolean', 'dryRun', 'true or false', dryRun);
  if (pepper !== undefined) check.secret('pepper', pepper, 16);
  if (blockRule !== undefined) {
    check.must(typeof blockRule === 'object' && blockRule !== null, 'block', 'an object', blockRule);
    check.integer('block.afterDenials', blockRule.afterDenials, 1, 1_000_000);
    check.integer('block.durationMs', blockRule.durationMs, 1, 366 * 86_400_000);
    check.integer('block.maxMs', blockRule.maxMs, blockRule.durationMs, 366 * 86_400_000);
  }
  if ('policies' in options)
    check.must(Array.isArray(options.policies), 'policies', 'an array of policies', options.policies);
  const policies = policiesOf(check, policyOptionsOf(options));
  return {
    check,
    policies,
    settings: {
      redis,
      block: blockRule && { ...blockRule },
      onStoreError,
      localShare,
      deadlineMs,
      denyCacheMs,
      prefix,
      pepper,
      dryRun,
    },
  };
}
