import { setTimeout as sleep } from 'node:timers/promises';
import { type Target, ask } from './ask.ts';
import { type Stall, stallsOf } from './history.ts';
import { runningMs } from './stalls.ts';

/** After so long nobody waits for it any more. */
const GIVE_UP_MS = 15_000;

/**
 * Resolves when every package of every target decides by Redis again, and no invalidation waits, to how long that took, in ms;
 * Infinity when it does not come.
 */
export async function recovery(targets: readonly Target[], stalls: readonly Stall[] = []): Promise<number> {
  const from = performance.now();
  const isWell = async (target: Target): Promise<boolean> => {
    const { json } = await ask(target, '/pulse');
    const { away, backlog } = json;
    return Array.isArray(away) && away.length === 0 && backlog === 0;
  };
  const waits = targets.map(async (target) => {
    while (!(await isWell(target))) {
      if (performance.now() - from > GIVE_UP_MS) return Infinity;
      await sleep(10);
    }
    return runningMs({ from, to: performance.now() }, stallsOf(target.instance, stalls));
  });
  return Math.max(...(await Promise.all(waits)));
}
