import { type CaseResult, type Measured, commandsOf } from './measured.ts';
import { type Spread, ratioOf, spreadOf } from './statistics.ts';

/** Something to be reached, and whether it was. */
export interface Target {
  /** What is compared with what, as a sentence that an upper bound completes. */
  readonly text: string;
  readonly atMost: number;
  readonly unit: '×' | 'commands' | 'B' | 'loads';
  /** Undefined where one of those compared was not measured. */
  value(result: CaseResult): Spread | undefined;
  /** Why it is missed, where it is: by hand, and without figures. */
  readonly why?: string;
}

const find = ({ measured }: CaseResult, name: string): Measured | undefined =>
  measured.find((one) => one.name === name);

/** CPU time beyond that of the bare contender, round by round. */
export function addedUs(result: CaseResult, { rounds }: Pick<Measured, 'rounds'>): number[] {
  const bare = result.measured.find(({ role }) => role === 'bare');
  return rounds.cpuUs.map((us, round) => us - (bare?.rounds.cpuUs[round] ?? 0));
}

const medianAdded = (result: CaseResult, one: Measured): number => spreadOf(addedUs(result, one)).median;

/** Less than that, no number of rounds tells from nothing. */
const LEAST_US = 1;

/** CPU added by one contender, as a multiple of what the cheapest of others adds: of its median, which may be near nothing. */
export const added =
  (name: string, ...others: readonly string[]): Target['value'] =>
  (result) => {
    const one = find(result, name);
    const medians = others.flatMap((other) => {
      const rival = find(result, other);
      return rival === undefined ? [] : [medianAdded(result, rival)];
    });
    if (one === undefined || medians.length === 0) return undefined;
    const cheapestUs = Math.max(Math.min(...medians), LEAST_US);
    return spreadOf(addedUs(result, one).map((us) => us / cheapestUs));
  };

/** CPU of a whole request, as a multiple of another contender's: of several, of the one's whose median is the least. */
export const whole =
  (name: string, ...others: readonly string[]): Target['value'] =>
  (result) => {
    const one = find(result, name);
    const [cheapest] = others
      .flatMap((other) => find(result, other) ?? [])
      .toSorted((some, other) => spreadOf(some.rounds.cpuUs).median - spreadOf(other.rounds.cpuUs).median);
    return one && cheapest && ratioOf(one.rounds.cpuUs, cheapest.rounds.cpuUs);
  };

/** Redis time of a request, as a multiple of another contender's. */
export const redisTime =
  (name: string, other: string): Target['value'] =>
  (result) => {
    const [one, two] = [find(result, name), find(result, other)];
    return one && two && ratioOf(one.rounds.redisUs, two.rounds.redisUs);
  };

const exactly = (value: number | undefined): Spread | undefined =>
  value === undefined ? undefined : { median: value, low: value, high: value };

export const commands =
  (name: string): Target['value'] =>
  (result) => {
    const one = find(result, name);
    return one && exactly(commandsOf(one));
  };

export const bytesEach =
  (name: string): Target['value'] =>
  (result) =>
    exactly(find(result, name)?.bytesEach);
