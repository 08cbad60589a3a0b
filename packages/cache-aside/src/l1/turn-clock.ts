/** So often it is asked within one turn: callers that get all they await from the tier never let it end. */
const ASKINGS = 16;

/**
 * The monotonic clock, read once in a turn of the event loop, or for a few askings: to ask the system takes as long as all the
 * rest of a hit. What a process does within one turn it does at one instant; nor does it hear of a change within it.
 */
export function createTurnClock(): () => number {
  let now: number | undefined;
  let askings = 0;
  const turn = (): void => void (now = undefined);
  return () => {
    askings += 1;
    if (now === undefined) setImmediate(turn).unref();
    if (now === undefined || askings >= ASKINGS) {
      now = performance.now();
      askings = 0;
    }
    return now;
  };
}
