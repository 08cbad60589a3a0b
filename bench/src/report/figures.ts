import type { Case } from '../harness/case.ts';
import type { Crowd, CrowdResult } from '../harness/crowd.ts';
import type { Grown, Series } from '../harness/growth.ts';
import type { Machine } from '../harness/machine.ts';
import { type CaseResult, type Measured, commandsOf } from '../harness/measured.ts';
import { type Spread, ratioOf, spreadOf } from '../harness/statistics.ts';
import { addedUs } from '../harness/target.ts';

/** What is kept of a run: everything that tables and charts are made of. */
export interface Run {
  readonly machine: Machine;
  readonly rounds: number;
  readonly tookSeconds: number;
  readonly suites: readonly SuiteReport[];
}

export interface SuiteReport {
  readonly suite: string;
  readonly cases: CaseReport[];
  readonly crowds: CrowdReport[];
  readonly growth: GrowthReport[];
}

/** The figures of one contender. */
export interface Row {
  readonly name: string;
  readonly role: string;
  readonly lacks?: string;
  readonly cpuUs: Spread;
  readonly addedUs: Spread;
  readonly commands: number;
  readonly commandNames: Readonly<Record<string, number>>;
  readonly redisUs: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** Requests a second, as a multiple of the bare contender's. */
  readonly throughput: Spread;
  readonly heapBytes: number;
  readonly bytesEach?: number;
  readonly roundTrips?: number;
}

export interface TargetReport {
  readonly text: string;
  readonly atMost: number;
  readonly unit: string;
  readonly value?: Spread;
  readonly isMet: boolean;
}

export interface CaseReport {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly thing?: string;
  readonly rows: readonly Row[];
  readonly out: readonly { readonly name: string; readonly because: string }[];
  readonly targets: readonly TargetReport[];
}

export interface CrowdReport {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly rows: readonly {
    readonly name: string;
    readonly role: string;
    readonly loads: Spread;
    readonly slowestMs: Spread;
  }[];
  readonly targets: readonly TargetReport[];
}

export interface GrowthReport {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly unit: string;
  readonly rows: readonly (Row & { readonly amount: number; readonly furtherBytes?: number })[];
}

const rowOf = (result: CaseResult, one: Measured): Row => {
  const bare = result.measured.find(({ role }) => role === 'bare');
  return {
    name: one.name,
    role: one.role,
    ...(one.lacks !== undefined && { lacks: one.lacks }),
    cpuUs: spreadOf(one.rounds.cpuUs),
    addedUs: spreadOf(addedUs(result, one)),
    commands: commandsOf(one),
    commandNames: one.commands,
    redisUs: spreadOf(one.rounds.redisUs),
    p50Ms: spreadOf(one.rounds.p50Ms),
    p99Ms: spreadOf(one.rounds.p99Ms),
    throughput: ratioOf(one.rounds.perSecond, bare?.rounds.perSecond ?? []),
    heapBytes: one.heapBytes,
    ...(one.bytesEach !== undefined && { bytesEach: one.bytesEach }),
    ...(one.roundTrips !== undefined && { roundTrips: one.roundTrips }),
  };
};

/** A figure is met when it is at most the bound: the median, and not the better end of its spread. */
const isMet = (value: Spread | undefined, atMost: number): boolean => value !== undefined && value.median <= atMost;

export const caseReport = (of: Case, result: CaseResult): CaseReport => ({
  id: of.id,
  title: of.title,
  about: of.about,
  ...(of.weighing && { thing: of.weighing.thing }),
  rows: result.measured.map((one) => rowOf(result, one)),
  out: result.out.map(({ name, because }) => ({ name, because })),
  targets: (of.targets ?? []).map(({ text, atMost, unit, value }) => {
    const reached = value(result);
    return {
      text,
      atMost,
      unit,
      ...(reached && { value: reached }),
      isMet: isMet(reached, atMost),
    };
  }),
});

export const crowdReport = ({ id, title, about, mostLoads }: Crowd, results: readonly CrowdResult[]): CrowdReport => ({
  id,
  title,
  about,
  rows: results.map(({ name, role, loads, slowestMs }) => ({ name, role, loads, slowestMs })),
  targets: results
    .filter(({ role }) => role === 'turnpike')
    .map(({ name, loads }) => ({
      text: `loads by ${name}, over all processes`,
      atMost: mostLoads,
      unit: 'loads',
      value: loads,
      isMet: isMet(loads, mostLoads),
    })),
});

export const growthReport = ({ id, title, about, unit }: Series, grown: readonly Grown[]): GrowthReport => ({
  id,
  title,
  about,
  unit,
  rows: grown.flatMap(({ amount, result, furtherBytes }) =>
    result.measured
      .filter(({ role }) => role === 'turnpike')
      .map((one) => ({ ...rowOf(result, one), amount, ...(furtherBytes !== undefined && { furtherBytes }) })),
  ),
});
