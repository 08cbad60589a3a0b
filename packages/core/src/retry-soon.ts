/** When work that Redis did not answer is tried again, in ms from the try before. */
const RETRIES_MS = [100, 400, 1600, 6400, 25_600];

/** The most that waits to be tried again, in all of the process. */
const MAX_WAITING = 1000;

let waiting = 0;

/**
 * Tries again in the background what has just failed, for about half a minute, until it does not reject. For work that does no
 * harm when it is done twice or never: it is let go when 1,000 others wait, and when the process ends.
 */
export function retrySoon(work: () => Promise<unknown>, tries = 0): void {
  const delayMs = RETRIES_MS[tries];
  if (delayMs === undefined || waiting >= MAX_WAITING) return;
  waiting += 1;
  setTimeout(() => {
    waiting -= 1;
    work().catch(() => retrySoon(work, tries + 1));
  }, delayMs).unref();
}
