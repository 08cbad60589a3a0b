import { AsyncResource } from 'node:async_hooks';

/** Who waits until an instant. */
interface Waiter {
  /** A local instant, by `performance.now()`. */
  readonly givesUpAt: number;
  giveUp(): unknown;
}

/** Tells those who wait for an answer when their time is over. */
export interface Due {
  add(waiter: Waiter, now: number): void;
  delete(waiter: Waiter): void;
}

/**
 * One timer for all who wait, set for the first of them: nearly all have their answer long before, and to make and clear a
 * timer takes about 1 µs. While nobody waits, none runs.
 */
export function createDue(): Due {
  const waiters = new Set<Waiter>();
  /** The timer is nobody's: what whoever arms it keeps in an AsyncLocalStorage would live as long as somebody waits. */
  const outside = new AsyncResource('turnpike.due');
  let timer: NodeJS.Timeout | undefined;
  let firesAt = Infinity;

  const disarm = (): void => {
    clearTimeout(timer);
    firesAt = Infinity;
  };

  const arm = (at: number, now: number): void => {
    clearTimeout(timer);
    firesAt = at;
    timer = outside.runInAsyncScope(() => setTimeout(fire, Math.max(1, Math.ceil(at - now))));
  };

  const fire = (): void => {
    disarm();
    const now = performance.now();
    let next = Infinity;
    // A timer fires early by up to a millisecond: then nobody is due, and it is set again.
    for (const waiter of waiters) {
      if (waiter.givesUpAt > now) {
        next = Math.min(next, waiter.givesUpAt);
      } else {
        waiters.delete(waiter);
        waiter.giveUp();
      }
    }
    if (next < firesAt) arm(next, now);
  };

  return {
    add(waiter, now) {
      waiters.add(waiter);
      if (waiter.givesUpAt < firesAt) arm(waiter.givesUpAt, now);
    },
    delete(waiter) {
      if (waiters.delete(waiter) && waiters.size === 0) disarm();
    },
  };
}
