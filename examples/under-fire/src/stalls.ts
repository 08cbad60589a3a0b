import type { Interval } from './history.ts';

/** How often the watch looks, in ms, and from which gap on the process was not running. */
const [TICK_MS, GAP_MS] = [5, 25];

/** Tells of each while in which this process got no turn, by `performance.now()`. Resolves to how to end it. */
export function watchStalls(onStall: (stall: Interval) => void): () => void {
  let last = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    if (now - last > GAP_MS) onStall({ from: last + TICK_MS, to: now });
    last = now;
  }, TICK_MS).unref();
  return () => clearInterval(watch);
}

/**
 * How long a span was, in ms, without the time in which any of the processes got no turn: a bound on what the code under test
 * waits must not fail for a busy machine.
 */
export function runningMs({ from, to }: Interval, stalls: readonly Interval[]): number {
  let [lostMs, until] = [0, from];
  for (const stall of stalls.toSorted((one, other) => one.from - other.from)) {
    if (stall.to <= until || stall.from >= to) continue;
    const end = Math.min(stall.to, to);
    lostMs += end - Math.max(stall.from, until);
    until = end;
  }
  return to - from - lostMs;
}
