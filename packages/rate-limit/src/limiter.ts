import { type Store, StoreError, eventsOf, randomIds, retrySoon, storeOf, warnOnce } from '@turnpike/core';
import { type Decision, type Reservation, decisionOf } from './decision.ts';
import { createDenyCache } from './deny-cache.ts';
import { type CheckedOptions, type RateLimiterOptions, checkedOptions } from './limiter-options.ts';
import { createLocalLimiter } from './local-limiter.ts';
import type { Limits, Policy } from './policy.ts';
import { block, peek, reset, settle, take } from './scripts.ts';
import { type Subject, subjectKeys } from './subject-key.ts';
import type { Question, Take, Verdict } from './verdict.ts';

/** What is asked: how much, and under which limits where they are the caller's. */
export interface Ask {
  /** @default 1 */
  cost?: number;
  limits?: Limits | undefined;
}

/** The limiter without HTTP. */
export interface RateLimiter {
  readonly policies: readonly Policy[];
  /**
   * Charges `cost` (an integer from 1) to `key` if every policy has room, in one atomic step; a denial charges nothing.
   * Never rejects for what `onStoreError` covers.
   */
  take(key: Subject, ask?: Ask): Promise<Decision>;
  /** What `take` would say; nothing is charged or written. */
  peek(key: Subject, ask?: Ask): Promise<Decision>;
  /**
   * Closes a reservation: `'refund'` takes its charge back, from all policies that may be settled or those named; `'keep'`
   * lets it stay. Once: a second time, or after five minutes, nothing changes and it resolves to false; what has left its
   * window meanwhile is not refunded. Rejects with a `StoreError` when Redis is not there; to settle again does no harm.
   */
  settle(reservation: Reservation, outcome: 'refund' | 'keep', policies?: readonly string[]): Promise<boolean>;
  /** Refuses `key` for `durationMs` from now, whatever its policies say. Rejects with a `StoreError` when Redis is not there. */
  block(key: Subject, durationMs: number, ask?: Pick<Ask, 'limits'>): Promise<void>;
  /**
   * Forgets what was charged to `key`, and its block; true when there was anything. Other processes may go on denying for
   * `denyCacheMs`. Rejects with a `StoreError` when Redis is not there.
   */
  reset(key: Subject, ask?: Pick<Ask, 'limits'>): Promise<boolean>;
}

/** On the diagnostics channel `turnpike:rate-limit`, once for every `take`. */
export interface RateLimitEvent {
  readonly type: 'allow' | 'deny' | 'block' | 'dry-run-deny';
  /** The policy the decision is told by. */
  readonly policy: string;
  /** Who decided: Redis, a denial remembered here, this process alone, or `onStoreError` by its word. */
  readonly by: 'redis' | 'deny-cache' | 'local' | 'allow' | 'deny';
  /** True when it should have been Redis. */
  readonly degraded: boolean;
}

const emit = eventsOf<RateLimitEvent>('rate-limit');

/** How soon to try again when Redis is not there, in ms: about as long as a client takes to reconnect. */
const DEGRADED_RETRY_MS = 1000;

/** 36 bits: enough to tell the last few charges of one key apart. */
const chargeId = randomIds(6);

/** A decision, and who made it. */
interface Told {
  readonly verdict: Verdict;
  readonly by: RateLimitEvent['by'];
}

/**
 * A limiter on Redis, exact across processes: what is admitted never exceeds its policies, however many ask at once.
 *
 * @throws OptionError when an option breaks its rule
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  return limiterWith(checkedOptions('createRateLimiter', options));
}

/** A limiter from options that were checked. `now` is a monotonic clock, in ms. */
export const limiterWith = (checked: CheckedOptions, now?: () => number): RateLimiter =>
  engineWith(checked, now).limiter;

/** The limiter, and what its `take` resolves to, which is there at once where nobody has to be asked. */
interface Engine {
  readonly limiter: RateLimiter;
  decide(subject: Subject, ask: Ask): Decision | Promise<Decision>;
}

export function engineWith(
  { policies, settings, check }: CheckedOptions,
  now: () => number = () => performance.now(),
): Engine {
  const {
    redis,
    block: blockRule,
    onStoreError,
    localShare,
    deadlineMs,
    denyCacheMs,
    prefix,
    pepper,
    dryRun,
  } = settings;
  const keyOf = subjectKeys(check, policies.all, { prefix, pepper });
  const store = redis === undefined ? undefined : storeOf(redis);
  const local = createLocalLimiter(now);
  const onlyTimeEndsDenials =
    !policies.isDynamic && blockRule === undefined && policies.all.every(({ charge }) => charge === 'always');
  const denials =
    onlyTimeEndsDenials && denyCacheMs > 0 && store !== undefined ? createDenyCache(denyCacheMs, now) : undefined;

  if (store === undefined) {
    warnOnce('createRateLimiter')(
      'TURNPIKE_WARN_NO_REDIS',
      `no redis was given: "${policies.names.join('", "')}" counts in this process alone. For development only.`,
    );
  }

  const questionOf = (subject: Subject, { cost = 1, limits }: Ask): Question => {
    check.integer('cost', cost, 1);
    const under = policies.under(limits);
    return { key: keyOf(subject, under), cost, policies: under };
  };

  /** What this process may admit by itself: its share, and all of it when there is no Redis to share with. */
  const localShareOf = <Q extends Pick<Question, 'policies'>>(question: Q): Q => {
    if (store === undefined) return question;
    const share = (limit: number): number => Math.max(1, Math.floor(limit * localShare));
    const scaled = question.policies.map((policy) => ({
      ...policy,
      limit: share(policy.limit),
      burst: share(policy.burst),
    }));
    return { ...question, policies: scaled };
  };

  /** What is said in Redis's place when it gives no answer. */
  const withoutRedis = (error: unknown, fromHere: () => Verdict): Told => {
    if (!StoreError.isPassing(error)) throw error;
    return onStoreError === 'local'
      ? { verdict: fromHere(), by: 'local' }
      : { verdict: ABSENT[onStoreError], by: onStoreError };
  };

  /** Tells what Redis says when it is asked, and the policy for its absence otherwise. */
  const ruling = (
    fromRedis: Promise<Verdict> | undefined,
    fromHere: () => Verdict,
    tell: (told: Told) => Decision,
  ): Decision | Promise<Decision> =>
    fromRedis === undefined
      ? tell({ verdict: fromHere(), by: 'local' })
      : fromRedis.then(
          (verdict) => tell({ verdict, by: 'redis' }),
          (error: unknown) => tell(withoutRedis(error, fromHere)),
        );

  /** What may have been admitted, and was not told in time, is given back where it may be; elsewhere it stays charged. */
  const giveBack = (redis: Store, { key, id, policies: under }: Take): void => {
    const refund = { key, id, policies: under, refunded: refundable(under) };
    const settled = (): Promise<boolean> => redis.call(settle, refund, { deadlineMs });
    settled().catch(() => retrySoon(settled));
  };

  const askRedis = (redis: Store, question: Take): Promise<Verdict> => {
    if (!isRefundable(question.policies)) return redis.call(take, question, { deadlineMs });
    const onAbandoned = (late: Verdict): void => {
      if (late.kind === 'allow') giveBack(redis, question);
    };
    return redis.call(take, question, { deadlineMs, onAbandoned }).catch((error: unknown) => {
      if (error instanceof StoreError && error.mayHaveRun) giveBack(redis, question);
      throw error;
    });
  };

  const remember = ({ key, cost, policies: under }: Question, verdict: Verdict, sentAt: number): void => {
    // A charge makes the waits longer that were told before it.
    if (verdict.kind === 'allow') denials?.forget(key);
    else if (verdict.waitMs !== undefined && under === policies.all) denials?.add(key, cost, verdict, sentAt);
  };

  const decisionBy = (question: Question, { verdict, by }: Told, id?: string): Decision => {
    const degraded = store !== undefined && by !== 'redis' && by !== 'deny-cache';
    const isLocal = by === 'local';
    const under = isLocal ? localShareOf(question).policies : question.policies;
    const isReserved = id !== undefined && verdict.kind === 'allow' && (isLocal || by === 'redis');
    const reservation =
      isReserved && isRefundable(under) ? { key: question.key, id, policies: under, isLocal } : undefined;
    // Above this process's share, but not above the limit: it passes when Redis is back.
    const isForRedis =
      degraded && verdict.waitMs === undefined && question.policies.every(({ burst }) => question.cost <= burst);
    const told = isForRedis ? { ...verdict, waitMs: DEGRADED_RETRY_MS } : verdict;
    const decided = decisionOf(under, told, { degraded, reservation });
    return dryRun && !decided.allowed ? { ...decided, allowed: true, dryRun: true } : decided;
  };

  const tell = (question: Question, told: Told, id?: string): Decision => {
    const decided = decisionBy(question, told, id);
    emit(() => eventOf(decided, told.by));
    return decided;
  };

  const decide = (subject: Subject, ask: Ask): Decision | Promise<Decision> => {
    const question = questionOf(subject, ask);
    // Other limits than the policy's own have other denials.
    const remembered = ask.limits === undefined ? denials?.find(question.key, question.cost) : undefined;
    if (remembered !== undefined) return tell(question, { verdict: remembered, by: 'deny-cache' });
    const asked: Take = { ...question, id: chargeId(), block: blockRule };
    const sentAt = now();
    return ruling(
      store && askRedis(store, asked),
      () => local.take(localShareOf(asked)),
      (told) => {
        if (told.by === 'redis') remember(question, told.verdict, sentAt);
        return tell(question, told, asked.id);
      },
    );
  };

  const limiter: RateLimiter = {
    policies: policies.all,
    take: async (subject, ask = {}) => decide(subject, ask),
    async peek(subject, ask = {}) {
      const question = questionOf(subject, ask);
      return ruling(
        store?.call(peek, question, { deadlineMs }),
        () => local.peek(localShareOf(question)),
        (told) => decisionBy(question, told),
      );
    },
    async settle({ key, id, policies: under, isLocal }, outcome, names = refundable(under)) {
      const refund = { key, id, policies: under, refunded: outcome === 'refund' ? names : [] };
      return isLocal || store === undefined ? local.settle(refund) : store.call(settle, refund, { deadlineMs });
    },
    async block(subject, durationMs, ask = {}) {
      check.integer('durationMs', durationMs, 1);
      const question = questionOf(subject, ask);
      local.block(question, durationMs);
      await store?.call(block, { ...question, durationMs }, { deadlineMs });
      denials?.overrule(question.key);
    },
    async reset(subject, ask = {}) {
      const { key } = questionOf(subject, ask);
      const wasHere = local.reset(key);
      const wasThere = await store?.call(reset, key, { deadlineMs });
      denials?.overrule(key);
      return wasThere ?? wasHere;
    },
  };
  return { limiter, decide };
}

const isRefundable = (policies: readonly Policy[]): boolean => policies.some(({ charge }) => charge !== 'always');

const refundable = (policies: readonly Policy[]): string[] =>
  policies.filter(({ charge }) => charge !== 'always').map(({ name }) => name);

/** What `onStoreError` says in Redis's place. */
const ABSENT: Readonly<Record<'allow' | 'deny', Verdict>> = {
  allow: { kind: 'allow', waitMs: 0, quotas: [] },
  deny: { kind: 'deny', waitMs: DEGRADED_RETRY_MS, quotas: [] },
};

function eventOf({ allowed, blocked, dryRun, policy, degraded }: Decision, by: RateLimitEvent['by']): RateLimitEvent {
  const denied = blocked ? 'block' : 'deny';
  return { type: dryRun ? 'dry-run-deny' : allowed ? 'allow' : denied, policy, by, degraded };
}
