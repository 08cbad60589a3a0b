import { setTimeout as sleep } from 'node:timers/promises';
import { hangUp } from '../ask.ts';
import type { Exchange, Interval } from '../history.ts';
import { load } from '../load.ts';
import { violationsIn } from '../oracle/violations.ts';
import { seeded } from '../random.ts';
import { recovery } from '../recovery.ts';
import { unsettled } from '../settlement.ts';
import { runningMs } from '../stalls.ts';
import { createVisitor } from '../visitor.ts';
import { type Recovery, recoveryBoundMs } from './allowance.ts';
import { inject } from './faults.ts';
import { type FaultKind, type Round, schedule } from './schedule.ts';
import { type World, createWorld } from './world.ts';

export interface SoakOptions {
  readonly seconds: number;
  /** Determines what is done when, and what is asked. */
  readonly seed: number;
  /** Hears of each round as it begins. */
  readonly onRound?: (round: Round) => void;
}

export interface SoakResult {
  readonly seconds: number;
  readonly seed: number;
  readonly processes: number;
  readonly requests: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** After each round. */
  readonly recoveries: readonly Recovery[];
  readonly violations: readonly string[];
  /** For how long Redis may have evicted anything, and the one who asks got no turn, in ms. */
  readonly excusedMs: { readonly evictions: number; readonly stalls: number };
}

const PROCESSES = 3;
const WORKERS = 16;

/** After so long of it all, everybody is still, and everything is looked at. */
const STRETCH_MS = 20_000;

/** Breaks everything again and again under load, and tells which promise was not kept. */
export async function soak({ seconds, seed, onRound = () => undefined }: SoakOptions): Promise<SoakResult> {
  const random = seeded(seed);
  await using world = await createWorld(PROCESSES, seeded(seed + 1));
  await recovery(world.targets());
  const rounds = schedule(seeded(seed + 2), PROCESSES);
  const exchanges: Exchange[] = [];
  const faults = new Map<FaultKind, number>();
  const recoveries: Recovery[] = [];
  const violations: string[] = [];
  const visitor = createVisitor((exchange) => exchanges.push(exchange));

  async function passRound(round: Round): Promise<void> {
    onRound(round);
    for (const { kind } of round) faults.set(kind, (faults.get(kind) ?? 0) + 1);
    await Promise.all(round.map((fault) => inject(world, fault)));
    const [tookMs, boundMs] = [await recovery(world.targets(), world.stalls), recoveryBoundMs(round)];
    recoveries.push({ tookMs, boundMs });
    const names = round.map(({ kind }) => kind).join(', ');
    if (tookMs > boundMs) violations.push(`recovery: took ${Math.round(tookMs)} ms, of ${boundMs}, after ${names}`);
  }

  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  for (let series = 0; performance.now() < endsAt; series += 1) {
    const stretchEndsAt = Math.min(endsAt, performance.now() + STRETCH_MS);
    const over = new AbortController();
    const asking = load({
      visitor,
      series,
      targets: world.targets,
      workers: WORKERS,
      random,
      restMs: 60,
      until: over.signal,
    });
    while (performance.now() < stretchEndsAt) {
      await passRound(rounds.next().value);
      await sleep(random() * 300);
    }
    over.abort();
    await asking;
    violations.push(...(await unsettled({ visitor, targets: world.targets(), exchanges, losses: [], random })));
    violations.push(...(await keysWithoutTtl(world)));
  }
  hangUp();

  const { evictions, silences, standstills, stalls } = world;
  const history = { exchanges, losses: [], evictions, silences, standstills, stalls };
  violations.push(...violationsIn(history, world.database), ...world.complaints);
  const span = { from: startedAt, to: performance.now() };
  const within = (intervals: readonly Interval[]): number => span.to - span.from - runningMs(span, intervals);
  return {
    seconds,
    seed,
    processes: PROCESSES,
    requests: countOf(exchanges),
    faults,
    recoveries,
    violations,
    excusedMs: { evictions: within(evictions), stalls: within(stalls.filter(({ instance }) => instance === 'driver')) },
  };
}

const keysWithoutTtl = ({ clients }: World): Promise<string[]> =>
  clients.noKeyWithoutTtl().then(
    () => [],
    (error: Error) => [error.message],
  );

function countOf(exchanges: readonly Exchange[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { op, status } of exchanges) {
    const name = `${op} ${status === 0 ? 'unanswered' : status}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
