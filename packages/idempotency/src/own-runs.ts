/** The runs of this process of which Redis has not yet heard the end. */
export interface OwnRuns {
  /** Notes one; the function that is returned ends it. */
  begin(key: string, print: string): () => void;
  /** What a request for `key` has to wait for; undefined when this process knows of nothing. */
  find(key: string): OwnRun | undefined;
}

export interface OwnRun {
  readonly print: string;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

/**
 * What is under way here is in flight, also where Redis has forgotten it or is not there. Only ever a reason to refuse: a
 * run is Redis's to give.
 */
export function createOwnRuns(): OwnRuns {
  const runs = new Map<string, OwnRun>();
  return {
    begin(key, print) {
      const run = { print, startedAt: performance.now() };
      runs.set(key, run);
      return function settled() {
        if (runs.get(key) === run) runs.delete(key);
      };
    },
    find: (key) => runs.get(key),
  };
}
