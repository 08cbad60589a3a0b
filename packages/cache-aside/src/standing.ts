import { type Entry, holdsValue } from './envelope.ts';
import type { Staleness } from './freshness.ts';

/** What a reader found. */
export interface Look {
  /** Undefined: nothing, or nothing that can be read. */
  readonly entry: Entry | undefined;
  /** No mark, no lost clock speaks against the entry. */
  readonly isValid: boolean;
  /** The server's time, in ms. */
  readonly nowMs: number;
}

/** What a reader may do with what it found. `kept`: a value that is expired, and better than none. */
export type Standing =
  /** Served at once; `isFree`: nobody is loading it anew. */
  | { readonly kind: 'fresh'; readonly value: Entry; readonly isFree: boolean }
  | { readonly kind: 'stale'; readonly value: Entry; readonly isFree: boolean }
  /** Somebody is loading it. */
  | { readonly kind: 'held'; readonly holder: Entry; readonly kept: Entry | undefined }
  /** A load has failed a moment ago. */
  | { readonly kind: 'failed'; readonly failure: Entry | undefined; readonly kept: Entry | undefined }
  /** A load has brought nothing to store a moment ago: callers need not wait for each other. */
  | { readonly kind: 'passed' }
  /** `basis`: a value that is not to be served before whoever loads has found that it still holds. */
  | { readonly kind: 'absent'; readonly kept: Entry | undefined; readonly basis?: Entry | undefined };

/** Stale always means expired by time: an entry that fails a mark is absent for every purpose. */
export function standingOf({ entry, isValid, nowMs }: Look, { staleMs, staleIfErrorMs }: Staleness): Standing {
  if (entry === undefined || !isValid) return { kind: 'absent', kept: undefined };
  const isValue = holdsValue(entry);
  const expiredMs = nowMs - entry.freshUntilMs;
  const state = nowMs < entry.untilMs ? entry.state : 'none';
  const isFree = state === 'none';
  if (isValue && expiredMs < 0) return { kind: 'fresh', value: entry, isFree };
  if (isValue && expiredMs < staleMs) return { kind: 'stale', value: entry, isFree };

  const kept = isValue && expiredMs < staleIfErrorMs ? entry : undefined;
  if (state === 'leased') return { kind: 'held', holder: entry, kept };
  if (state === 'passed') return { kind: 'passed' };
  const failure = entry.kind === 'E' ? entry : undefined;
  if (state === 'failed' && (failure ?? kept) !== undefined) return { kind: 'failed', failure, kept };
  return { kind: 'absent', kept };
}
