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
import { type Coverage, answerOf, countOf, notSeen } from './coverage.ts';
import { inject } from './faults.ts';
import { type Fault, type Round, nameOf, schedule } from './schedule.ts';
import type { Settings } from './settings.ts';
import { type World, createWorld } from './world.ts';

export interface SoakOptions extends Settings {
  /** Serves the app, as a process of a fleet. */
  readonly script: URL;
  /** Hears of each round as it begins. */
  readonly onRound?: (round: Round) => void;
}

export interface SoakResult extends Settings, Coverage {
  readonly processes: number;
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
export async function soak({ seconds, seed, script, onRound = () => undefined }: SoakOptions): Promise<SoakResult> {
  const random = seeded(seed);
  await using world = await createWorld(PROCESSES, script, seeded(seed + 1));
  await recovery(world.targets());
  const rounds = schedule(seeded(seed + 2), PROCESSES);
  const exchanges: Exchange[] = [];
  const done: Fault[] = [];
  const recoveries: Recovery[] = [];
  const violations: string[] = [];
  const visitor = createVisitor((exchange) => exchanges.push(exchange));

  /** Before a round all is well for a while, so that there is something to be broken. */
  const calmMs = (): number => 150 + random() * 150;

  async function passRound(round: Round): Promise<void> {
    onRound(round);
    done.push(...round);
    await Promise.all(round.map((fault) => inject(world, fault)));
    const [tookMs, boundMs] = [await recovery(world.targets(), world.stalls), recoveryBoundMs(round)];
    recoveries.push({ tookMs, boundMs });
    const names = round.map(nameOf).join(', ');
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
      await sleep(calmMs());
      await passRound(rounds.next().value);
    }
    over.abort();
    await asking;
    violations.push(...(await unsettled({ visitor, targets: world.targets(), exchanges, losses: [], random })));
    violations.push(...(await keysWithoutTtl(world)));
  }
  hangUp();

  const { evictions, silences, standstills, stalls } = world;
  const history = { exchanges, losses: [], evictions, silences, standstills, stalls };
  const coverage = { faults: countOf(done, nameOf), answers: countOf(exchanges, answerOf) };
  violations.push(...violationsIn(history, world.database), ...world.complaints);
  violations.push(...notSeen(seconds, coverage).map((said) => `coverage: ${said}`));
  const span = { from: startedAt, to: performance.now() };
  const within = (intervals: readonly Interval[]): number => span.to - span.from - runningMs(span, intervals);
  return {
    seconds,
    seed,
    processes: PROCESSES,
    ...coverage,
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
