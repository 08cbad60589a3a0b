import { type Codec, SharedLoadError } from './codec.ts';
import type { Entry } from './envelope.ts';
import type { Journal } from './events.ts';
import type { Outcome, ValueOutcome } from './loaded.ts';
import type { Call } from './loads.ts';
import type { Found, Opened } from './reader.ts';

/** What entries are opened to, and a value that is expired in place of what is worse. */
export interface Opening {
  /** Undefined for what cannot be read. */
  value(entry: Entry, call: Pick<Call, 'open'>, found: Found): ValueOutcome | undefined;
  /** The error of a load that was shared; undefined for what cannot be read. */
  failure(entry: Entry): Outcome | undefined;
  /** What is `kept`, if it can be read, and why it is served. */
  instead(why: 'error' | 'slow', kept: Entry | undefined, call: Call, found: Found): ValueOutcome | undefined;
  /** What is `kept`, in place of an error. */
  orKept(outcome: Outcome, kept: Entry | undefined, call: Call, found: Found): Outcome;
  /** What is `kept`, in place of what its caller would have to wait for too long. */
  inTime(outcome: Promise<Outcome>, kept: Entry | undefined, call: Call, found: Found): Promise<Outcome>;
}

export function createOpening({ codec, journal }: { readonly codec: Codec; readonly journal: Journal }): Opening {
  const orCorrupt = <T>(open: () => T): T | undefined => {
    try {
      return open();
    } catch {
      journal.note({ type: 'corrupt' });
      return undefined;
    }
  };

  const value: Opening['value'] = (entry, { open = codec.decode }, { nowMs, opened }) =>
    orCorrupt(() => {
      const read = openedOnce(entry, open, opened);
      return { kind: 'value', value: () => read, meta: entry, held: { nowMs, freshUntilMs: entry.freshUntilMs } };
    });

  const instead: Opening['instead'] = (why, kept, call, found) => {
    const outcome = kept && value(kept, call, found);
    if (outcome !== undefined) journal.note({ type: 'stale', why });
    return outcome;
  };

  return {
    value,
    instead,
    failure: ({ payload }) => orCorrupt(() => ({ kind: 'error', error: new SharedLoadError(payload) })),
    orKept: (outcome, kept, call, found) =>
      (outcome.kind === 'error' ? instead('error', kept, call, found) : undefined) ?? outcome,
    async inTime(outcome, kept, call, found) {
      const { softTimeoutMs } = call.freshness;
      if (kept === undefined || softTimeoutMs === Infinity) return outcome;
      let timer: NodeJS.Timeout | undefined;
      const isOver = new Promise<undefined>((resolve) => {
        timer = setTimeout(resolve, Math.max(0, softTimeoutMs - (performance.now() - call.startedAt)), undefined);
      });
      const first = await Promise.race([outcome, isOver]).finally(() => clearTimeout(timer));
      if (first !== undefined) return first;
      const stale = instead('slow', kept, call, found);
      if (stale === undefined) return outcome;
      outcome.catch(() => undefined);
      return stale;
    },
  };
}

function openedOnce(entry: Entry, open: (entry: Entry) => unknown, opened: Opened | undefined): unknown {
  if (opened === undefined) return open(entry);
  return (opened.value ??= open(entry));
}
