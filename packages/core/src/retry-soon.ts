import { setTimeout as sleep } from 'node:timers/promises';

/**
 * When work that Redis did not answer is tried again, in ms from the try before: within a second of Redis being back, like everything
 * else. A try costs nothing while it is away.
 */
const RETRIES_MS: readonly number[] = [100, 400, ...Array<number>(34).fill(1000)];

/** The most that waits to be tried again, in all of the process. */
const MAX_WAITING = 1000;

let waiting = 0;

/**
 * Tries again in the background what has just failed, for about half a minute. For work that does no harm when it is done
 * twice or never: it is let go when 1,000 others wait, and when the process ends. Resolves to whether it was done.
 */
export async function retrySoon(work: () => Promise<unknown>): Promise<boolean> {
  for (const delayMs of RETRIES_MS) {
    if (waiting >= MAX_WAITING) return false;
    waiting += 1;
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    await sleep(delayMs, undefined, { ref: false });
    waiting -= 1;
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after the other
      await work();
      return true;
    } catch {
      // The next try may find Redis back.
    }
  }
  return false;
}
