import { startRedis } from '@turnpike/test-kit';
import type { Entrant, Place } from './case.ts';
import type { Load } from './load.ts';
import type { CaseResult, Measured } from './measured.ts';
import { cores, pin } from './pin.ts';
import { probeRedis } from './redis-cost.ts';
import { type Effort, type Running, type Started, byTurns, measuredOf, playRound, run, start } from './running.ts';

/** Turnpike with more and more of something, beside bare Express under the same load. */
export interface Series {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  /** Of what there is more and more: 'callers'. */
  readonly unit: string;
  /** Rising. All of them go to one process. */
  readonly amounts: readonly number[];
  readonly bare: Pick<Entrant, 'file' | 'variant'>;
  readonly turnpike: Pick<Entrant, 'file' | 'variant'>;
  /** Puts in place what every amount needs. The result does so for one amount, and says what is sent then. */
  open(place: Place): Promise<(amount: number) => Promise<Load>>;
  /** Throws where Turnpike did under load something else than what it is measured for. */
  verify?(place: Place): Promise<void>;
  /** True where things are kept in Redis, and it is measured how many bytes a further one takes. @default false */
  readonly isKept?: boolean;
}

/** What was measured with one amount. */
export interface Grown {
  readonly amount: number;
  /** Of two: the bare one and Turnpike. */
  readonly result: CaseResult;
  /** Bytes that each takes by which this amount is larger than the one before: the first has none. */
  readonly furtherBytes?: number;
}

/** Amounts are told apart less finely than contenders. */
const ROUNDS_SHARE = 1 / 3;
const ROUND_MS = 200;

/** Before a further amount: the process is warm, and what is new to it is the amount. */
const WARM_AGAIN_MS = 150;

/** What was under load with one amount, and what Redis held then. */
interface Stage {
  readonly amount: number;
  readonly running: readonly Running[];
  readonly usedBytes: number;
}

export async function measureSeries(series: Series, effort: Effort, say: (what: string) => void): Promise<Grown[]> {
  await using redis = await startRedis();
  pin(redis.pid, cores.redis);
  const probe = probeRedis(redis);
  const started: Started[] = [];
  try {
    started.push(await start({ ...series.bare, name: 'bare Express', role: 'bare' }, redis, probe, effort));
    started.push(await start({ ...series.turnpike, name: 'turnpike', role: 'turnpike' }, redis, probe, effort));
    const loads = [];
    for (const one of started) loads.push({ one, loadOf: await series.open(one.place) });

    const stages: Stage[] = [];
    for (const amount of series.amounts) {
      say(`${series.id}: ${amount} ${series.unit}`);
      const warmUpMs = stages.length === 0 ? effort.warmUpMs : WARM_AGAIN_MS;
      const running: Running[] = [];
      for (const { one, loadOf } of loads) {
        running.push(await run(one, await loadOf(amount), { ...effort, warmUpMs, roundMs: ROUND_MS }));
      }
      stages.push({ amount, running, usedBytes: await probe.usedBytes() });
      for (let round = 0; round < effort.rounds * ROUNDS_SHARE; round += 1) {
        for (const one of byTurns(running, round)) await playRound(one);
      }
    }
    for (const { entrant, place } of started) if (entrant.role !== 'bare') await series.verify?.(place);
    // Only now, since it collects garbage: a process that has just done so is slower for a while.
    const grown: Grown[] = [];
    for (const [index, stage] of stages.entries()) grown.push(await grownOf(series, stage, stages[index - 1]));
    return grown;
  } finally {
    for (const { app } of started) await app.stop();
    probe.close();
  }
}

async function grownOf(
  { isKept = false }: Series,
  { amount, running, usedBytes }: Stage,
  before: Stage | undefined,
): Promise<Grown> {
  const measured: Measured[] = [];
  for (const one of running) measured.push(await measuredOf(one));
  const result = { measured, out: [] };
  if (!isKept || before === undefined) return { amount, result };
  return { amount, result, furtherBytes: (usedBytes - before.usedBytes) / (amount - before.amount) };
}
