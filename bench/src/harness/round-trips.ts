import { faultProxy, startRedis } from '@turnpike/test-kit';
import { startProcess } from './app-process.ts';
import type { Case, Entrant, Place } from './case.ts';
import { httpTo } from './http.ts';
import { callOf } from './load.ts';
import { spreadOf } from './statistics.ts';

/** So late is each reply of Redis made: by far longer than anything else in a request takes. */
const DELAY_MS = 60;

const ASKED = 9;

/**
 * How many round trips to Redis follow each other before a request is answered: what its answer takes longer when Redis
 * is far away, in units of that distance. Commands that are on their way at the same time are one.
 */
export async function roundTripsOf(of: Case, entrant: Entrant): Promise<number> {
  await using redis = await startRedis();
  await using proxy = await faultProxy(redis);
  const app = await startProcess(entrant.file, {
    redis: { host: proxy.host, port: proxy.port },
    variant: entrant.variant,
  });
  try {
    const place: Place = { app: httpTo(app.url), redis, entrant };
    const load = await of.load(place);
    let n = 0;
    const medianMs = async (): Promise<number> => {
      const took: number[] = [];
      for (let asked = 0; asked < ASKED; asked += 1) {
        const startedAt = performance.now();
        await place.app(callOf(load, n++));
        took.push(performance.now() - startedAt);
      }
      return spreadOf(took).median;
    };
    await medianMs();
    const nearMs = await medianMs();
    proxy.delay({ reply: DELAY_MS });
    return Math.round(((await medianMs()) - nearMs) / DELAY_MS);
  } finally {
    await app.stop();
  }
}
