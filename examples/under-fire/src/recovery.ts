import { setTimeout as sleep } from 'node:timers/promises';
import { type Target, ask } from './ask.ts';

/** After so long nobody waits for it any more. */
const GIVE_UP_MS = 15_000;

/** Resolves to how many ms it takes until every target decides by Redis again and has no invalidation that waits. */
export async function recovery(targets: readonly Target[]): Promise<number> {
  const startedAt = performance.now();
  const waits = targets.map(async (target) => {
    for (;;) {
      const { json } = await ask(target, '/pulse');
      const tookMs = performance.now() - startedAt;
      if (json['isNormal'] === true && json['backlog'] === 0) return tookMs;
      if (tookMs > GIVE_UP_MS) return Infinity;
      await sleep(10);
    }
  });
  return Math.max(...(await Promise.all(waits)));
}
