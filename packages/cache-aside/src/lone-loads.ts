import type { Codec } from './codec.ts';
import type { Journal } from './events.ts';
import { LoadTimeoutError, type PageLoader, type SaidChecks, runLoader } from './load.ts';
import { type Outcome, loadedFrom } from './loaded.ts';

/** Who wants a value without a lease. */
interface LoneCall {
  readonly loader: PageLoader;
  readonly tags: readonly string[];
}

/** Loads without a lease, which store nothing: Redis is away, or does not matter. */
export interface LoneLoads {
  /**
   * Shared with those who asked before it began; and where Redis cannot say what is true (`isBlind`) with all who ask
   * while it runs.
   */
  of(entryKey: string, call: LoneCall & { readonly startedAt: number }, isBlind: boolean): Promise<Outcome>;
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

/** Of no clock: it is never stored. */
const NO_STAMP = { incarnation: '', us: 0 };

export function createLoneLoads({ codec, journal, check, loadTimeoutMs, maxBytes }: LoneLoadsParts): LoneLoads {
  const running = new Map<string, { readonly startedAt: number; readonly outcome: Promise<Outcome> }>();

  const unshared = async ({ loader, tags }: LoneCall): Promise<Outcome> => {
    const { value, said } = runLoader(loader, loadTimeoutMs, tags, check, { stamp: NO_STAMP, nowMs: Date.now });
    try {
      const loaded = loadedFrom(await value, said, NO_STAMP, codec, maxBytes);
      return { kind: 'value', value: loaded.value, meta: loaded.meta };
    } catch (error) {
      journal.note({ type: 'failed', why: error instanceof LoadTimeoutError ? 'timeout' : 'error' });
      return { kind: 'error', error };
    }
  };

  return {
    async of(entryKey, call, isBlind) {
      const others = running.get(entryKey);
      if (others !== undefined && (isBlind || others.startedAt >= call.startedAt)) return others.outcome;
      const mine = { startedAt: performance.now(), outcome: unshared(call) };
      running.set(entryKey, mine);
      const outcome = await mine.outcome;
      if (running.get(entryKey) === mine) running.delete(entryKey);
      return outcome;
    },
    unshared,
    drop(entryKeys) {
      if (entryKeys === undefined) running.clear();
      else for (const entryKey of entryKeys) running.delete(entryKey);
    },
  };
}
