import { setTimeout as sleep } from 'node:timers/promises';

/** How long `eventually` keeps asking, and how often. */
export interface Patience {
  /** @default 2000 */
  withinMs?: number;
  /** @default 10 */
  everyMs?: number;
}

/**
 * Calls `fn` until it neither throws nor returns false, and resolves to what it returned. It is called at least once.
 *
 * @throws an Error that carries the last failure in its message, and as its cause, after `withinMs`.
 */
export async function eventually<T>(
  fn: () => T | Promise<T>,
  { withinMs = 2_000, everyMs = 10 }: Patience = {},
): Promise<T> {
  for (const deadline = performance.now() + withinMs; ; await sleep(everyMs)) {
    let last: unknown = 'it returned false';
    try {
      const value = await fn();
      if (value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const said = last instanceof Error ? last.message : String(last);
      throw new Error(`Not true within ${withinMs} ms. At last: ${said}`, { cause: last });
    }
  }
}
