import { TurnpikeError } from '@turnpike/core';
import type { Entry, Stamp } from './envelope.ts';
import type { Lasting } from './freshness.ts';

/** What a loader is given. */
export interface LoadContext {
  /** Aborted when `loadTimeoutMs` is over: hand it to your database. */
  readonly signal: AbortSignal;
  /** Adds tags to the value, such as those of rows it turned out to hold. */
  tag(...tags: string[]): void;
  /** How long this value is fresh, in ms, instead of `ttlMs`. */
  ttlMs(ms: number): void;
  /** The value's version, for `writeThrough`: a whole number that grows with every write of the row. */
  version(version: number): void;
}

/** Loads a value from where it really is. `undefined` is handed on and not stored; `null` is stored for `negativeTtlMs`. */
export type Loader<T> = (context: LoadContext) => T | Promise<T>;

/** How a load begins. */
export interface Start {
  /** The clock from before it. */
  readonly stamp: Stamp;
  /** A value that is there and expired: for the case that this load fails, or finds that it still holds. */
  readonly kept: Entry | undefined;
  /** The server's time, in ms. */
  readonly nowMs: () => number;
}

/** What the loaders of this package are given beside. */
export interface PageLoadContext extends LoadContext, Start {
  /** How long this value lasts, where that is not as its call says. */
  lasts(freshness: Partial<Lasting>): void;
  /** How long it is remembered that there was nothing to store, in ms. */
  passes(pauseMs: number): void;
  /** It is compressed as it is. */
  isCompressed(): void;
  /** The value is what was there: it has the tags of that, too. */
  inherits(from: Pick<Entry, 'tags'>): void;
}

export type PageLoader = (context: PageLoadContext) => unknown;

/** What a loader said of its value. */
export interface Said {
  readonly tags: Set<string>;
  /** Those of what was there, as it names them. */
  inherited: readonly string[];
  freshness: Partial<Lasting>;
  pauseMs: number | undefined;
  version: number | undefined;
  isCompressed: boolean;
  /** How long the loader took, once it is over. */
  loadMs: number | undefined;
}

/** The checks a context makes of what a loader says; each throws. */
export interface SaidChecks {
  tags(tags: readonly unknown[]): void;
  ttlMs(ms: unknown): void;
  version(version: unknown): void;
}

/** Loading took too long. The loader may still be running: its `signal` was aborted with this. */
export class LoadTimeoutError extends TurnpikeError {
  override readonly status: number = 503;

  constructor(timeoutMs: number) {
    super('ERR_TURNPIKE_LOAD_TIMEOUT', `The loader gave no value within ${timeoutMs} ms`);
    this.name = 'LoadTimeoutError';
  }
}

/** A loader has begun, and nobody will hear of its end: as if it had not, another may begin. */
export class AbandonedLoad extends Error {}

/** One run of a loader. */
export interface Loading {
  /** Rejects with what the loader threw, or with a `LoadTimeoutError`. */
  readonly value: Promise<unknown>;
  /** As `value`, but without the timeout: may stay pending for ever. */
  readonly late: Promise<unknown>;
  readonly said: Said;
}

export function runLoader(
  loader: PageLoader,
  timeoutMs: number,
  tags: readonly string[],
  check: SaidChecks,
  start: Start,
): Loading {
  const aborting = new AbortController();
  const said: Said = {
    tags: new Set(tags),
    inherited: [],
    freshness: {},
    pauseMs: undefined,
    version: undefined,
    isCompressed: false,
    loadMs: undefined,
  };
  const begunAt = performance.now();
  const late = (async () =>
    loader({
      ...start,
      signal: aborting.signal,
      tag(...more) {
        check.tags([...said.tags, ...more]);
        for (const tag of more) said.tags.add(tag);
      },
      ttlMs(ms) {
        check.ttlMs(ms);
        said.freshness = { ttlMs: ms, negativeTtlMs: ms };
      },
      lasts: (freshness) => void (said.freshness = freshness),
      isCompressed: () => void (said.isCompressed = true),
      passes: (pauseMs) => void (said.pauseMs = pauseMs),
      inherits: (from) => void (said.inherited = from.tags),
      version(version) {
        check.version(version);
        said.version = version;
      },
    }))().finally(() => (said.loadMs = Math.ceil(performance.now() - begunAt)));
  const value = new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const error = new LoadTimeoutError(timeoutMs);
      reject(error);
      aborting.abort(error);
    }, timeoutMs);
    late.then(resolve, reject).finally(() => clearTimeout(timer));
  });
  return { value, late, said };
}
