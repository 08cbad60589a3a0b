/** What several rounds say of one figure: the median, and the quartiles as its spread. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** The value below which a share of the others lies, between two neighbours in proportion. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return below + (above - below) * (at - Math.floor(at));
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/**
 * The spread of a ratio whose two sides were measured round by round, one right after the other: what the machine did
 * in a round it did to both.
 */
export const ratioOf = (upper: readonly number[], lower: readonly number[]): Spread =>
  spreadOf(upper.map((value, round) => value / (lower[round] ?? Number.NaN)));
