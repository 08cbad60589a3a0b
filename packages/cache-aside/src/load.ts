import { TurnpikeError } from '@turnpike/core';

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

/** What a loader said of its value. */
export interface Said {
  readonly tags: Set<string>;
  ttlMs: number | undefined;
  version: number | undefined;
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

/** One run of a loader. */
export interface Loading {
  /** Rejects with what the loader threw, or with a `LoadTimeoutError`. */
  readonly value: Promise<unknown>;
  /** As `value`, but without the timeout: may stay pending for ever. */
  readonly late: Promise<unknown>;
  readonly said: Said;
}

export function runLoader(
  loader: Loader<unknown>,
  timeoutMs: number,
  tags: readonly string[],
  check: SaidChecks,
): Loading {
  const aborting = new AbortController();
  const said: Said = { tags: new Set(tags), ttlMs: undefined, version: undefined };
  const late = (async () =>
    loader({
      signal: aborting.signal,
      tag(...more) {
        check.tags([...said.tags, ...more]);
        for (const tag of more) said.tags.add(tag);
      },
      ttlMs(ms) {
        check.ttlMs(ms);
        said.ttlMs = ms;
      },
      version(version) {
        check.version(version);
        said.version = version;
      },
    }))();
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
