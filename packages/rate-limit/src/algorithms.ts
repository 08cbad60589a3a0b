import type { Policy } from './policy.ts';

/** A policy's state in this process, and the three algorithms on it: what lua/lib says, in the same words. */
export type State = readonly number[];

/** What a policy says to a cost. */
export interface Quoted {
  readonly used: number;
  readonly resetMs: number;
  readonly waitMs: number;
  /** The state once the cost is charged, and how long it means anything. */
  readonly charged: State;
  readonly chargedMs: number;
}

type Ask = (state: State | undefined, policy: Policy, cost: number, nowMs: number) => Quoted;

/** state: endsMs, used */
const fixedWindow: Ask = (state, { limit, windowMs }, cost, nowMs) => {
  const [heldEndsMs = 0, heldUsed = 0] = state ?? [];
  const isOpen = heldEndsMs > nowMs;
  const endsMs = isOpen ? heldEndsMs : nowMs + windowMs;
  const used = isOpen ? heldUsed : 0;
  return {
    used,
    resetMs: used > 0 ? endsMs - nowMs : 0,
    waitMs: used + cost > limit ? endsMs - nowMs : 0,
    charged: [endsMs, used + cost],
    chargedMs: endsMs - nowMs,
  };
};

/** state: lastMs, spanMs, then ageMs and sum of each entry, newest first */
const slidingWindow: Ask = (state, { limit, windowMs }, cost, nowMs) => {
  const [lastMs = nowMs, heldSpanMs = 0, ...entries] = state ?? [];
  const sinceLastMs = nowMs - lastMs;
  const live: number[] = [];
  let used = 0;
  for (let i = 0; i < entries.length; i += 2) {
    const ageMs = sinceLastMs + (entries[i] ?? 0);
    if (ageMs >= windowMs) break;
    live.push(ageMs, entries[i + 1] ?? 0);
    used += entries[i + 1] ?? 0;
  }
  let [waitMs, freed] = [0, 0];
  for (let oldest = live.length - 2; oldest >= 0 && used - freed + cost > limit; oldest -= 2) {
    freed += live[oldest + 1] ?? 0;
    waitMs = windowMs - (live[oldest] ?? 0);
  }
  const resetMs = used > 0 ? windowMs - (live[0] ?? 0) : 0;
  const spanMs = heldSpanMs + sinceLastMs;
  const joins = live.length > 0 && spanMs < Math.ceil(windowMs / 20);
  const charged = joins ? [nowMs, spanMs, 0, (live[1] ?? 0) + cost, ...live.slice(2)] : [nowMs, 0, 0, cost, ...live];
  return { used, resetMs, waitMs, charged, chargedMs: windowMs };
};

const tokenUsOf = ({ windowMs, limit }: Policy): number => Math.ceil((windowMs * 1000) / limit);

/** state: tatUs */
const tokenBucket: Ask = (state, policy, cost, nowMs) => {
  const tokenUs = tokenUsOf(policy);
  const nowUs = nowMs * 1000;
  const owedUs = Math.max((state?.[0] ?? nowUs) - nowUs, 0);
  const chargedUs = owedUs + cost * tokenUs;
  return {
    used: Math.ceil(owedUs / tokenUs),
    resetMs: Math.ceil(owedUs / 1000),
    waitMs: Math.max(Math.ceil((chargedUs - policy.burst * tokenUs) / 1000), 0),
    charged: [nowUs + chargedUs],
    chargedMs: Math.ceil(chargedUs / 1000),
  };
};

export const algorithms: Readonly<Record<Policy['algorithm'], Ask>> = {
  'fixed-window': fixedWindow,
  'sliding-window': slidingWindow,
  'token-bucket': tokenBucket,
};

/**
 * A state without a charge, found by its mark (the first number of the state it was charged into), if it is still there;
 * and by how much the marks of younger charges move with it.
 */
export function refunded(
  state: State,
  policy: Policy,
  mark: number,
  cost: number,
  nowMs: number,
): [State, moved: number] {
  const [first = 0] = state;
  switch (policy.algorithm) {
    case 'fixed-window':
      return [first === mark ? [first, Math.max((state[1] ?? 0) - cost, 0)] : state, 0];
    case 'token-bucket': {
      const backUs = Math.max(Math.min(cost * tokenUsOf(policy), mark - nowMs * 1000), 0);
      return [[first - backUs], backUs];
    }
    case 'sliding-window': {
      let entry: number | undefined;
      for (let i = 2; i < state.length && first - (state[i] ?? 0) >= mark; i += 2) entry = i;
      // Once it has left the window, what is found is another's.
      if (entry === undefined || nowMs - mark >= policy.windowMs) return [state, 0];
      return [state.with(entry + 1, Math.max((state[entry + 1] ?? 0) - cost, 0)), 0];
    }
  }
}
