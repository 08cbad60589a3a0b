import type { Policy } from './policy.ts';
import type { Quota, Verdict } from './verdict.ts';

/** How one policy stands after a decision. */
export interface PolicyStanding {
  readonly policy: Policy;
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  /** When all of it is available again, by this process's clock. */
  readonly resetTime: Date;
  /** True when this policy alone would have denied. */
  readonly violated: boolean;
}

/** What was decided, and how much is left. */
export interface Decision {
  readonly allowed: boolean;
  /** True when the subject is blocked, whatever its policies say. */
  readonly blocked: boolean;
  /** The policy that `limit`, `used`, `remaining` and `resetTime` are of: the one with the longest wait, or the least left. */
  readonly policy: string;
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  readonly resetTime: Date;
  /** The earliest moment this cost passes, from now, in ms; undefined when allowed, and when no wait helps. */
  readonly retryAfterMs: number | undefined;
  /** True when Redis did not decide and `onStoreError` did. */
  readonly degraded: boolean;
  /** True when nobody decided: Redis did not, and `onStoreError` is `'allow'` or `'deny'`. The numbers mean nothing then. */
  readonly isUnknown: boolean;
  /** True when a denial was let pass by `dryRun`. */
  readonly dryRun: boolean;
  /** All policies, in their order. */
  readonly standings: readonly PolicyStanding[];
  /** Takes the charge back with `limiter.settle`; undefined when nothing was charged that may be. */
  readonly reservation: Reservation | undefined;
}

/** A charge that may be settled. */
export interface Reservation {
  readonly key: string;
  readonly id: string;
  readonly policies: readonly Policy[];
  readonly isLocal: boolean;
}

/** What of a decision its verdict does not say. */
type Circumstances = Pick<Decision, 'degraded' | 'reservation'>;

/** The policy a decision is told by: of those equally near to refusing, the first. */
function foremost(standings: readonly PolicyStanding[], { kind, quotas }: Verdict): PolicyStanding {
  let [best] = standings as [PolicyStanding];
  let heaviest = -Infinity;
  for (const [index, standing] of standings.entries()) {
    const quota = quotas[index];
    if (quota === undefined) break;
    const weight = kind === 'allow' ? -standing.remaining / standing.policy.burst : (quota.waitMs ?? Infinity);
    if (weight > heaviest) [best, heaviest] = [standing, weight];
  }
  return best;
}

const NOTHING: Quota = { used: 0, resetMs: 0, waitMs: 0 };

export function decisionOf(
  policies: readonly Policy[],
  verdict: Verdict,
  { degraded, reservation }: Circumstances,
): Decision {
  const now = Date.now();
  const standings = policies.map((policy, index): PolicyStanding => {
    const { used, resetMs, waitMs } = verdict.quotas[index] ?? NOTHING;
    return {
      policy,
      limit: policy.limit,
      used,
      remaining: Math.max(0, policy.burst - used),
      resetTime: new Date(now + resetMs),
      violated: verdict.kind !== 'allow' && waitMs !== 0,
    };
  });
  const { policy, limit, used, remaining, resetTime } =
    standings.length === 1 ? (standings[0] as PolicyStanding) : foremost(standings, verdict);
  const allowed = verdict.kind === 'allow';
  return {
    allowed,
    blocked: verdict.kind === 'block',
    policy: policy.name,
    limit,
    used,
    remaining,
    resetTime,
    retryAfterMs: allowed ? undefined : verdict.waitMs,
    degraded,
    isUnknown: verdict.quotas.length === 0,
    dryRun: false,
    standings,
    reservation,
  };
}
