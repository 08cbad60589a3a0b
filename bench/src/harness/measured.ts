import type { Entrant } from './case.ts';

/** The figures of one contender, each with a value for every round. */
export interface Rounds {
  /** Node's CPU time for a request, in µs: all threads of the app's process. */
  readonly cpuUs: readonly number[];
  /** Redis's time for the commands of a request, in µs. */
  readonly redisUs: readonly number[];
  readonly p50Ms: readonly number[];
  readonly p99Ms: readonly number[];
  readonly perSecond: readonly number[];
}

/** What was measured of one contender. */
export interface Measured extends Entrant {
  readonly rounds: Rounds;
  /** Commands that one request sends, one request at a time, by their names. */
  readonly commands: Readonly<Record<string, number>>;
  readonly heapBytes: number;
  /** Bytes in Redis for one thing, without its payload; absent where nothing was weighed. */
  readonly bytesEach?: number;
  /** How many round trips to Redis follow each other in one request; absent where that was not asked. */
  readonly roundTrips?: number;
}

/** What a contender was not measured for. */
export interface Out extends Entrant {
  readonly because: string;
}

export interface CaseResult {
  readonly measured: readonly Measured[];
  readonly out: readonly Out[];
}

export const commandsOf = ({ commands }: Measured): number =>
  Object.values(commands).reduce((sum, count) => sum + count, 0);
