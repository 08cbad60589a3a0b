/** When a settle that Redis did not answer is tried again, in ms from the try before. To settle twice does no harm. */
const RETRIES_MS = [100, 400, 1600, 6400];

/** The most settles that wait to be tried again; beyond it a charge stays, and goes with its window. */
const MAX_WAITING = 1000;

let waiting = 0;

/** Settles in the background: now, or when Redis is back soon. */
export function settleSoon(settle: () => Promise<unknown>, retry = 0): void {
  settle().catch(() => {
    const delayMs = RETRIES_MS[retry];
    if (delayMs === undefined || waiting >= MAX_WAITING) return;
    waiting += 1;
    setTimeout(() => {
      waiting -= 1;
      settleSoon(settle, retry + 1);
    }, delayMs).unref();
  });
}
