import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim } from './ledger.ts';

/** From the first pause between two questions to the longest, in ms, and how much each is longer than the one before. */
const [FIRST_MS, LONGEST_MS, GROWTH] = [25, 500, 1.5];

/** How a retry waits. */
export interface Patience {
  /** By `performance.now()`: how long it waits, whatever it asks meanwhile. */
  readonly givesUpAt: number;
  /** Whether its client has hung up: who is gone is given no run. */
  readonly isGone: () => boolean;
}

/** Asks on from the first answer until the run in flight is over, the patience is, or nobody waits any more. */
export async function untilFinished(
  first: Promise<Claim>,
  ask: () => Promise<Claim>,
  { givesUpAt, isGone }: Patience,
): Promise<Claim> {
  let claim = await first;
  for (let pauseMs = FIRST_MS; claim.kind === 'in-flight'; pauseMs = Math.min(pauseMs * GROWTH, LONGEST_MS)) {
    const leftMs = givesUpAt - performance.now();
    if (leftMs <= 0) break;
    // oxlint-disable-next-line no-await-in-loop -- to wait is what it is for
    await sleep(Math.min(pauseMs, leftMs));
    if (isGone()) break;
    // oxlint-disable-next-line no-await-in-loop -- each question depends on the last answer
    claim = await ask();
  }
  return claim;
}
