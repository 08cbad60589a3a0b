import { type RedisServer, countCommands } from '@turnpike/test-kit';
import { type AppProcess, startProcess } from './app-process.ts';
import type { Entrant, Place } from './case.ts';
import { httpTo, must } from './http.ts';
import { type Load, burst, callOf } from './load.ts';
import type { Measured, Rounds } from './measured.ts';
import { type RedisProbe, spentUs } from './redis-cost.ts';

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** How long one contender is under load in one round, in ms. */
  readonly roundMs: number;
  readonly warmUpMs: number;
  /** Where the CPU profiles of the contenders go. */
  readonly profileInto: string | undefined;
}

/** A contender whose process listens. */
export interface Started {
  readonly entrant: Entrant;
  readonly app: AppProcess;
  readonly place: Place;
  readonly probe: RedisProbe;
}

/** One that is under load by rounds, and what is known of it so far. */
export interface Running extends Started {
  readonly load: Load;
  /** How many requests make a round. */
  readonly amount: number;
  readonly commands: Record<string, number>;
  readonly rounds: { readonly [Figure in keyof Rounds]: number[] };
}

/** So many requests, one after the other, are looked at for the commands they send. */
const COUNTED = 40;

/** The first requests of a process say how fast it is before it is warm. */
const FIRST_REQUESTS = 200;

/** Fewer say nothing, however long they take. */
const FEWEST = 100;

/** At most so many requests go before each round, and are not counted. */
const LEAD_IN = 400;

/** Every request of a run has a number of its own, over all contenders. */
let sent = 0;

const take = (amount: number): number => (sent += amount) - amount;

export async function start(
  entrant: Entrant,
  redis: RedisServer,
  probe: RedisProbe,
  { profileInto }: Pick<Effort, 'profileInto'>,
): Promise<Started> {
  const setting = { redis: { host: redis.host, port: redis.port }, variant: entrant.variant };
  const app = await startProcess(entrant.file, setting, profileInto);
  return { entrant, app, place: { app: httpTo(app.url), redis, entrant }, probe };
}

const inTime = (perSecond: number, ms: number): number => Math.max(Math.ceil((perSecond * ms) / 1000), FEWEST);

/** Warms a contender up, and counts its commands. */
export async function run(started: Started, load: Load, { warmUpMs, roundMs }: Effort): Promise<Running> {
  const { app, place } = started;
  let { perSecond } = await burst(app.url, load, FIRST_REQUESTS, take(FIRST_REQUESTS));
  // It becomes several times as fast meanwhile: what is to take half of the time at the speed it had takes far less.
  for (const share of [1 / 2, 1 / 2, 1]) {
    const warming = inTime(perSecond, warmUpMs * share);
    ({ perSecond } = await burst(app.url, load, warming, take(warming)));
  }
  return {
    ...started,
    load,
    // Each connection has a few: to open it is part of what is measured.
    amount: Math.max(inTime(perSecond, roundMs), 4 * (load.connections ?? 0)),
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

export async function playRound({ app, probe, load, amount, commands, rounds }: Running): Promise<void> {
  const names = new Set(Object.keys(commands));
  // It has rested, and the processor did other things meanwhile. (To collect its garbage first would also throw away its code.)
  const leadIn = Math.min(Math.ceil(amount / 3), LEAD_IN);
  await burst(app.url, load, leadIn, take(leadIn));
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

/** Who is first in one round is last in the next: nobody has the same neighbour's heat each time. */
export function byTurns<One>(all: readonly One[], round: number): One[] {
  const shift = round % Math.max(all.length, 1);
  return [...all.slice(shift), ...all.slice(0, shift)];
}

/** What its rounds say, once they are over. */
export async function measuredOf({ entrant, app, commands, rounds }: Running): Promise<Measured> {
  const { heapBytes } = await app.collected();
  return { ...entrant, rounds, commands, heapBytes };
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
