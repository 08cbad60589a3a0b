import { startRedis } from '@turnpike/test-kit';
import type { Case, Place, Weighing } from './case.ts';
import { must } from './http.ts';
import type { CaseResult, Measured, Out } from './measured.ts';
import { cores, pin } from './pin.ts';
import { type RedisProbe, probeRedis } from './redis-cost.ts';
import { roundTripsOf } from './round-trips.ts';
import { type Effort, type Running, byTurns, measuredOf, messageOf, playRound, run, start } from './running.ts';

/**
 * Measures all contenders of a case, by turns, on this machine as it is. Who fails is out.
 *
 * @throws Error when that is the bare one, without which nothing can be said of the others
 */
export async function measureCase(of: Case, effort: Effort, say: (what: string) => void): Promise<CaseResult> {
  let running: Running[] = [];
  const out: Out[] = [];
  const measured: Measured[] = [];
  const open: (() => Promise<void>)[] = [];
  try {
    for (const entrant of of.entrants) {
      say(`${of.id}: ${entrant.name}`);
      // One for each: what one of them stores, subscribes to or does in the background is never counted for another.
      const redis = await startRedis();
      open.push(redis.stop);
      pin(redis.pid, cores.redis);
      const probe = probeRedis(redis);
      open.push(async () => probe.close());
      try {
        const started = await start(entrant, redis, probe, effort);
        open.push(started.app.stop);
        if (entrant.role !== 'bare') await of.check(started.place);
        running.push(await run(started, await of.load(started.place), effort));
      } catch (error) {
        out.push({ ...entrant, because: messageOf(error) });
      }
    }
    const attempt = async (one: Running, what: () => Promise<void>): Promise<void> => {
      try {
        await what();
      } catch (error) {
        running = running.filter((other) => other !== one);
        out.push({ ...one.entrant, because: messageOf(error) });
      }
    };
    for (let round = 0; round < effort.rounds; round += 1) {
      say(`${of.id}: round ${round + 1} of ${effort.rounds}`);
      for (const one of byTurns(running, round)) await attempt(one, () => playRound(one));
    }
    for (const one of running) {
      await attempt(one, async () => {
        if (one.entrant.role !== 'bare') await of.verify?.(one.place);
        measured.push(await end(of, one));
      });
    }
  } finally {
    for (const close of open.toReversed()) await close();
  }
  const bareOut = out.find(({ role }) => role === 'bare');
  must(bareOut === undefined, `${of.id}: ${bareOut?.name}: ${bareOut?.because}`);
  return { measured, out };
}

async function end(of: Case, one: Running): Promise<Measured> {
  const { entrant, place, probe } = one;
  const isOurs = entrant.role !== 'bare';
  return {
    ...(await measuredOf(one)),
    ...(of.weighing && isOurs && { bytesEach: await weigh(of.weighing, place, probe) }),
    ...(of.roundTrips && isOurs && { roundTrips: await roundTripsOf(of, entrant) }),
  };
}

async function weigh({ things, make, payloadBytes = 0 }: Weighing, place: Place, probe: RedisProbe): Promise<number> {
  await probe.flush();
  await make(place, 0);
  const first = await probe.memory();
  if (things === 1) return first - payloadBytes;
  for (let n = 1; n < things; n += 1) await make(place, n);
  return ((await probe.memory()) - first) / (things - 1) - payloadBytes;
}
