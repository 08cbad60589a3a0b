import {
  type Keyspace,
  type Store,
  StoreError,
  keyspace,
  randomIds,
  retrySoon,
  storeOf,
  warnOfEviction,
  warnOnce,
} from '@turnpike/core';
import { type IdempotencyEvent, emit } from './events.ts';
import type { LedgerOptions } from './options.ts';
import { type OwnRun, createOwnRuns } from './own-runs.ts';
import { BACKGROUND_MS, type Run, startRun } from './run.ts';
import { type Attempt, type Claimed, type Standing, claim, release, resolve } from './scripts.ts';

/** What a claim was answered. */
export type Claim =
  | { readonly kind: 'run'; readonly run: Run }
  | { readonly kind: 'replay'; readonly answer: Buffer }
  | { readonly kind: 'in-flight'; readonly retryAfterMs: number }
  | { readonly kind: 'in-doubt'; readonly doubt: Doubt }
  | { readonly kind: 'mismatch' | 'unavailable' };

/** A run of which nobody knows whether it happened. */
export interface Doubt {
  readonly fence: number;
  readonly bornUs: number;
  /** Of the answer it ended with; undefined when it ended with none. */
  readonly status: number | undefined;
}

/** What is asked of a claim. */
export interface Ask {
  /** The identity: any string that is not told to anybody, a digest best. */
  readonly id: string;
  /** The fingerprint of the payload. */
  readonly print: string;
  /**
   * Which run in doubt may be run again.
   *
   * @default 'none'
   */
  readonly takeOver?: Attempt['takeOver'];
  /** True where a run is known to be in flight: then nobody may run without Redis's word. */
  readonly isWaiting?: boolean;
}

/** The claims without HTTP. */
export interface Ledger {
  /**
   * Gives `id` to one run at a time, or tells what came of it. Answers within `deadlineMs`; rejects only for a wrong set-up
   * of Redis.
   */
  claim(ask: Ask): Promise<Claim>;
  /** Ends a doubt with the answer that the app knows. False when it has ended otherwise, or Redis is not there. */
  resolve(id: string, doubt: Pick<Doubt, 'fence'>, answer: Buffer): Promise<boolean>;
}

/** 96 bits: what only the one who runs knows. */
const ownerToken = randomIds(16);

/** How soon a retry may find the first run finished, in ms: after as long again as it has run, and not before a second. */
const retryAfter = (ranMs: number, leaseLeftMs: number): number => Math.max(Math.min(ranMs, leaseLeftMs), 1000);

export function createLedger(options: LedgerOptions): Ledger {
  const { redis, prefix, deadlineMs, onStoreError, maxRunMs, leaseMs, ttlMs } = options;
  const lifetimes = { leaseMs, ttlMs };
  const store: Store = storeOf(redis);
  const keyOf: Keyspace = keyspace('idempotency', prefix);
  const ownRuns = createOwnRuns();
  let eviction: Promise<void> | undefined;

  /** A claim that nobody uses must not stand in the way of its own retry. */
  const giveBack = (key: string, owner: string): void => {
    const free = (): Promise<boolean> =>
      store.call(release, { key, owner, fence: 0, lifetimes }, { deadlineMs: BACKGROUND_MS });
    free().catch(() => retrySoon(free));
  };

  const begin = (claimed: Claimed, isProtected: boolean): Claim => {
    const onSettled = ownRuns.begin(claimed.key, claimed.print);
    return { kind: 'run', run: startRun(claimed, isProtected, { store, lifetimes, maxRunMs, onSettled }) };
  };

  const answerTo = (standing: Standing, attempt: Attempt): Claim => {
    switch (standing.kind) {
      case 'mismatch':
      case 'replay':
        return standing;
      case 'in-flight':
        return { kind: 'in-flight', retryAfterMs: retryAfter(standing.ranMs, standing.leaseLeftMs) };
      case 'in-doubt': {
        const { fence, bornUs, status } = standing;
        return { kind: 'in-doubt', doubt: { fence, bornUs, status: status === 0 ? undefined : status } };
      }
      default:
        return begin({ ...attempt, fence: standing.fence, bornUs: standing.bornUs }, true);
    }
  };

  const answerHere = ({ print, startedAt }: OwnRun, attempt: Attempt): Claim =>
    print === attempt.print
      ? { kind: 'in-flight', retryAfterMs: retryAfter(performance.now() - startedAt, leaseMs) }
      : { kind: 'mismatch' };

  const answerWithoutRedis = (error: unknown, attempt: Attempt, isWaiting: boolean): Claim => {
    if (!StoreError.isPassing(error)) throw error;
    const own = ownRuns.find(attempt.key);
    if (own !== undefined) return answerHere(own, attempt);
    // Born by our own clock, for want of another.
    if (onStoreError === 'allow' && !isWaiting)
      return begin({ ...attempt, fence: 0, bornUs: Date.now() * 1000 }, false);
    if (error.mayHaveRun) giveBack(attempt.key, attempt.owner);
    return { kind: 'unavailable' };
  };

  const ask = async (attempt: Attempt, isWaiting: boolean): Promise<Claim> => {
    const own = ownRuns.find(attempt.key);
    if (own !== undefined) return answerHere(own, attempt);
    const askedAt = performance.now();
    let isUsed = false;
    const onAbandoned = ({ kind }: Standing): void => {
      if (RUNS.has(kind) && !isUsed) giveBack(attempt.key, attempt.owner);
    };
    try {
      const standing = await store.call(claim, attempt, { deadlineMs, onAbandoned });
      // By now its lease may be over, and the run another's.
      if (RUNS.has(standing.kind) && performance.now() - askedAt > leaseMs / 2) {
        giveBack(attempt.key, attempt.owner);
        return { kind: 'unavailable' };
      }
      return answerTo(standing, attempt);
    } catch (error) {
      const said = answerWithoutRedis(error, attempt, isWaiting);
      isUsed = said.kind === 'run';
      return said;
    }
  };

  return {
    async claim({ id, print, takeOver = 'none', isWaiting = false }) {
      const key = keyOf([id]);
      eviction ??= warnOfEviction(store, key, warnOnce('idempotency'));
      const owner = ownerToken();
      const said = await ask({ key, owner, print, takeOver, lifetimes }, isWaiting);
      // Of who waits it is told once, as the wait begins.
      if (!isWaiting || said.kind !== 'in-flight') emit(() => ({ type: eventOf(said) }));
      return said;
    },
    async resolve(id, { fence }, answer) {
      try {
        return await store.call(resolve, { key: keyOf([id]), fence, answer, lifetimes }, { deadlineMs });
      } catch (error) {
        if (StoreError.isPassing(error)) return false;
        throw error;
      }
    },
  };
}

/** The answers of Redis that give a run. */
const RUNS: ReadonlySet<Standing['kind']> = new Set(['acquired', 'taken-over', 'mine']);

function eventOf(said: Claim): IdempotencyEvent['type'] {
  if (said.kind !== 'run') return said.kind;
  if (!said.run.isProtected) return 'unprotected';
  // The first run of a record has its birth for its fence.
  return said.run.fence === said.run.bornUs ? 'run' : 'rerun';
}
