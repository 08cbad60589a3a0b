import { type RedisServer, countCommands, startRedis } from '@turnpike/test-kit';
import { type AppProcess, startProcess } from './app-process.ts';
import { cores, pin } from './pin.ts';
import type { Case, Entrant, Place, Weighing } from './case.ts';
import { httpTo, must } from './http.ts';
import { type Load, burst, callOf } from './load.ts';
import type { CaseResult, Measured, Out, Rounds } from './measured.ts';
import { roundTripsOf } from './round-trips.ts';
import { type RedisProbe, probeRedis, spentUs } from './redis-cost.ts';

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** How long one contender is under load in one round, in ms. */
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** Where the CPU profiles of the contenders go. */
  readonly profileInto: string | undefined;
}

/** A contender that takes part, and what is known of it so far. */
interface Running {
  readonly entrant: Entrant;
  readonly app: AppProcess;
  readonly place: Place;
  readonly probe: RedisProbe;
  readonly load: Load;
  /** How many requests make a round. */
  readonly amount: number;
  readonly commands: Record<string, number>;
  readonly rounds: { readonly [Figure in keyof Rounds]: number[] };
}

/** So many requests, one after the other, are looked at for the commands they send. */
const COUNTED = 40;

/** The first requests of a process say how fast it may become. */
const FIRST_REQUESTS = 2_000;

/** Every request of a run has a number of its own, over all contenders. */
let sent = 0;

/** So many requests go before each round, and are not counted. */
const LEAD_IN = 400;

const take = (amount: number): number => (sent += amount) - amount;

/** Measures all contenders of a case, by turns, on this machine as it is. */
export async function measureCase(of: Case, effort: Effort, say: (what: string) => void): Promise<CaseResult> {
  const running: Running[] = [];
  const out: Out[] = [];
  const open: (() => Promise<void>)[] = [];
  try {
    for (const entrant of of.entrants) {
      say(`${of.id}: ${entrant.name}`);
      // One for each: what one of them stores, subscribes to or does in the background is never counted for another.
      const redis = await startRedis();
      open.push(redis.stop);
      pin(redis.pid, cores.redis);
      const setting = { redis: { host: redis.host, port: redis.port }, variant: entrant.variant };
      const probe = probeRedis(redis);
      open.push(async () => probe.close());
      try {
        const app = await startProcess(entrant.file, setting, effort.profileInto);
        open.push(app.stop);
        running.push(await begin(of, { entrant, app, redis, probe }, effort));
      } catch (error) {
        out.push({ ...entrant, because: messageOf(error) });
      }
    }
    const rounds = Math.ceil(effort.rounds * (of.roundShare ?? 1));
    for (let round = 0; round < rounds; round += 1) {
      say(`${of.id}: round ${round + 1} of ${rounds}`);
      // Who is first in one round is last in the next: nobody has the same neighbour's heat each time.
      const shift = round % running.length;
      for (const one of [...running.slice(shift), ...running.slice(0, shift)]) await playRound(one);
    }
    const measured: Measured[] = [];
    for (const one of running) {
      try {
        if (one.entrant.role !== 'bare') await of.verify?.(one.place);
        measured.push(await end(of, one));
      } catch (error) {
        out.push({ ...one.entrant, because: messageOf(error) });
      }
    }
    return { measured, out };
  } finally {
    for (const close of open.toReversed()) await close();
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Checks a contender, warms it up, and counts its commands. */
async function begin(
  of: Case,
  { entrant, app, redis, probe }: Pick<Running, 'entrant' | 'app' | 'probe'> & { redis: RedisServer },
  { warmUpMs, roundMs }: Effort,
): Promise<Running> {
  const place: Place = { app: httpTo(app.url), redis, entrant };
  if (entrant.role !== 'bare') await of.check(place);
  const load = await of.load(place);
  const first = await burst(app.url, load, FIRST_REQUESTS, take(FIRST_REQUESTS));
  const warming = Math.ceil((first.perSecond * warmUpMs) / 1000);
  const { perSecond } = await burst(app.url, load, warming, take(warming));
  return {
    entrant,
    app,
    place,
    probe,
    load,
    amount: Math.max(Math.ceil((perSecond * roundMs) / 1000), 200),
    commands: await commandsOfOne(place, load),
    rounds: { cpuUs: [], redisUs: [], p50Ms: [], p99Ms: [], perSecond: [] },
  };
}

async function commandsOfOne({ app, redis }: Place, load: Load): Promise<Record<string, number>> {
  const first = take(COUNTED);
  const commands = await countCommands(redis, async () => {
    for (let n = first; n < first + COUNTED; n += 1) {
      const { status } = await app(callOf(load, n));
      must(status === load.status, `it answered ${status} instead of ${load.status}`);
    }
  });
  const counts: Record<string, number> = {};
  for (const [name = ''] of commands) counts[name.toLowerCase()] = (counts[name.toLowerCase()] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / COUNTED]));
}

async function playRound({ app, probe, load, amount, commands, rounds }: Running): Promise<void> {
  const names = new Set(Object.keys(commands));
  // It has rested, and the processor did other things meanwhile. (To collect its garbage first would also throw away its code.)
  await burst(app.url, load, LEAD_IN, take(LEAD_IN));
  const redisBefore = await probe.times();
  const before = await app.usage();
  const { perSecond, p50Ms, p99Ms } = await burst(app.url, load, amount, take(amount));
  const after = await app.usage();
  rounds.cpuUs.push((after.cpuUs - before.cpuUs) / amount);
  rounds.redisUs.push(spentUs(redisBefore, await probe.times(), names) / amount);
  rounds.perSecond.push(perSecond);
  rounds.p50Ms.push(p50Ms);
  rounds.p99Ms.push(p99Ms);
}

async function end(of: Case, { entrant, app, place, probe, commands, rounds }: Running): Promise<Measured> {
  const { heapBytes } = await app.collected();
  const isOurs = entrant.role !== 'bare';
  return {
    ...entrant,
    rounds,
    commands,
    heapBytes,
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
