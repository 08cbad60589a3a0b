/**
 * What a finished answer means for its retries: `'keep'` replays it, `'release'` lets the retry run, `'in-doubt'` tells the
 * retry that nobody knows whether it happened.
 */
export type OutcomeWord = 'keep' | 'release' | 'in-doubt';

/** Nothing happened: request timeout, conflict, too early, too many requests. */
const RELEASED: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/** The default: a handler that failed (5xx) may have done its work before it did. */
export const outcomeOf = (status: number): OutcomeWord =>
  RELEASED.has(status) ? 'release' : status >= 500 ? 'in-doubt' : 'keep';
