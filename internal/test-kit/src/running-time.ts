/** How often the watch looks, in ms, and from which gap on the process was not running. */
const [TICK_MS, GAP_MS] = [2, 8];

/**
 * How long `act` took, in ms, without the time in which this process got no turn: a bound on what the code under test
 * waits must not fail for a busy machine.
 */
export async function runningTime(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let [last, lostMs] = [startedAt, 0];
  const look = (): void => {
    const now = performance.now();
    if (now - last > GAP_MS) lostMs += now - last - TICK_MS;
    last = now;
  };
  const watch = setInterval(look, TICK_MS);
  try {
    await act();
  } finally {
    clearInterval(watch);
    look();
  }
  return performance.now() - startedAt - lostMs;
}
