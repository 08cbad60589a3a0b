/**
 * What was heard of, so that nobody keeps what he read before. A read takes the instant from before it; what it found may be
 * kept if its key was not heard of since.
 */
export interface Fences {
  now(): number;
  isWhole(entryKey: string, since: number): boolean;
  break(entryKey: string): void;
  breakAll(): void;
}

/** More keys than this are not remembered: reads from before the oldest are not kept. */
const MOST = 4096;

export function createFences(): Fences {
  const broken = new Map<string, number>();
  let instant = 0;
  /** Nothing that was read before is kept. */
  let floor = 0;

  return {
    now: () => instant,
    isWhole: (entryKey, since) => since >= floor && (broken.get(entryKey) ?? 0) <= since,
    break(entryKey) {
      instant += 1;
      broken.delete(entryKey);
      broken.set(entryKey, instant);
      if (broken.size <= MOST) return;
      const [[oldest, at] = ['', 0]] = broken;
      broken.delete(oldest);
      floor = Math.max(floor, at);
    },
    breakAll() {
      instant += 1;
      floor = instant;
      broken.clear();
    },
  };
}
