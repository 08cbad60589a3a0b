import type { Directives } from '../express/cache-control.ts';
import { httpDate } from '../express/http-date.ts';

/** Statuses that may be fresh by a guess (RFC 9110 §15.1), but 206, which is not stored. */
const GUESSABLE: ReadonlySet<number> = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** Whether how long an answer is fresh may be guessed (RFC 9111 §4.2.2): by its status, or because it calls itself public. */
export const mayBeGuessed = (status: number, directives: Directives): boolean =>
  GUESSABLE.has(status) || directives.has('public');

/** How to guess. */
export interface Heuristic {
  /** How long since it was changed counts for how long it is fresh: 0 to 1. */
  readonly heuristicFraction: number;
  /** The longest guess, in ms. */
  readonly heuristicMaxMs: number;
}

/** A guess (RFC 9111 §4.2.2), in ms: what has not changed for long will not change soon. */
export function guessedLifetimeMs(
  lastModified: string | undefined,
  dateMs: number,
  { heuristicFraction, heuristicMaxMs }: Heuristic,
): number {
  const changedMs = httpDate(lastModified);
  if (Number.isNaN(changedMs)) return 0;
  return Math.min(Math.max(0, dateMs - changedMs) * heuristicFraction, heuristicMaxMs);
}
