/**
 * The monotonic clock, read once in a turn of the event loop: to ask the system takes as long as all the rest of a hit. What a
 * process does within one turn it does at one instant; nor does it hear of a change within it.
 */
export function createTurnClock(): () => number {
  let now: number | undefined;
  const turn = (): void => void (now = undefined);
  return () => {
    if (now === undefined) {
      now = performance.now();
      setImmediate(turn).unref();
    }
    return now;
  };
}
