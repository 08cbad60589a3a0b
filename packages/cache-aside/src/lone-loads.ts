import type { Codec } from './codec.ts';
import type { Stamp } from './envelope.ts';
import type { Journal } from './events.ts';
import { LoadTimeoutError, type PageLoader, type SaidChecks, runLoader } from './load.ts';
import { type Outcome, type ValueOutcome, loadedFrom } from './loaded.ts';

/** Who wants a value without a lease. */
interface LoneCall {
  readonly loader: PageLoader;
  readonly tags: readonly string[];
}

/** The end of a load that brought nothing to store, which a caller has seen in Redis. */
interface Ended {
  readonly token: string;
  /** The clock, as it was read with it. */
  readonly stamp: Stamp;
  /** Whether nothing that concerns it has been marked between its stamp and the caller's look. */
  isStillValid(outcome: ValueOutcome): Promise<boolean>;
}

interface LoneLoad {
  readonly startedAt: number;
  /** Of the end that its caller has seen. */
  readonly token: string | undefined;
  readonly outcome: Promise<Outcome>;
}

/** Loads without a lease, which store nothing: Redis is away, or does not matter. */
export interface LoneLoads {
  /**
   * Shared with those who asked before it began; with those who see in Redis the same end of a load that its caller saw,
   * for nothing has been forgotten since; and where Redis cannot say what is true (`isBlind`) with all who ask while it
   * runs.
   */
  of(
    entryKey: string,
    call: LoneCall & { readonly startedAt: number },
    isBlind: boolean,
    ended?: Ended,
  ): Promise<Outcome>;
  /** For one caller. */
  unshared(call: LoneCall): Promise<Outcome>;
  /** Nobody joins what was loading until now: of these entries, or everything. */
  drop(entryKeys?: Iterable<string>): void;
}

interface LoneLoadsParts {
  readonly codec: Codec;
  readonly journal: Journal;
  readonly check: SaidChecks;
  readonly loadTimeoutMs: number;
  readonly maxBytes: number;
}

/** Of no clock: nobody who asks later may join it. */
const NO_STAMP = { incarnation: '', us: 0 };

export function createLoneLoads({ codec, journal, check, loadTimeoutMs, maxBytes }: LoneLoadsParts): LoneLoads {
  const running = new Map<string, LoneLoad>();

  const unshared = async ({ loader, tags }: LoneCall, stamp: Stamp = NO_STAMP): Promise<Outcome> => {
    const { value, said } = runLoader(loader, loadTimeoutMs, tags, check, { stamp, kept: undefined, nowMs: Date.now });
    try {
      const loaded = loadedFrom(await value, said, stamp, codec, maxBytes);
      return { kind: 'value', value: loaded.value, meta: loaded.meta };
    } catch (error) {
      journal.note({ type: 'failed', why: error instanceof LoadTimeoutError ? 'timeout' : 'error' });
      return { kind: 'error', error };
    }
  };

  const loneLoads: LoneLoads = {
    async of(entryKey, call, isBlind, ended) {
      const others = running.get(entryKey);
      if (others !== undefined && (isBlind || others.startedAt >= call.startedAt)) return others.outcome;
      if (others !== undefined && ended !== undefined && ended.token === others.token) {
        const outcome = await others.outcome;
        if (outcome.kind === 'error' || (await ended.isStillValid(outcome))) return outcome;
        return loneLoads.of(entryKey, call, isBlind, ended);
      }
      const mine = { startedAt: performance.now(), token: ended?.token, outcome: unshared(call, ended?.stamp) };
      running.set(entryKey, mine);
      const outcome = await mine.outcome;
      if (running.get(entryKey) === mine) running.delete(entryKey);
      return outcome;
    },
    unshared: (call) => unshared(call),
    drop(entryKeys) {
      if (entryKeys === undefined) running.clear();
      else for (const entryKey of entryKeys) running.delete(entryKey);
    },
  };
  return loneLoads;
}
