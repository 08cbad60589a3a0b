import { type RedisClient, subscriberOf } from '@turnpike/core';
import type { Place } from './places.ts';

/** Waiting for a load of another process. What wakes up looks again, so a wake-up that is lost or false costs a look. */
export interface Waits {
  /**
   * Resolves when something was said of the lease `token` of `place`, when it is over, in `restMs`, or when it is time to
   * look by oneself.
   */
  until(place: Place, token: string, restMs: number): Promise<void>;
  close(): void;
}

/** Who waits looks by itself so often, in ms: at first, and at last. */
const [FIRST_LOOK_MS, LAST_LOOK_MS] = [25, 250];

/** So long after the last look nobody waits any more. */
const LINGER_MS = 1000;

/** The wait of this process for one lease: of any number of callers. */
interface Wait {
  /** Somebody has said that the lease is over. */
  isOver: boolean;
  lookMs: number;
  ringing: PromiseWithResolvers | undefined;
  timer: NodeJS.Timeout | undefined;
  readonly leave: () => void;
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

export function createWaits(redis: RedisClient): Waits {
  const waits = new Map<string, Wait>();

  const close = (token: string, wait: Wait): void => {
    clearTimeout(wait.timer);
    if (waits.get(token) === wait) waits.delete(token);
    wait.leave();
  };

  const ring = (token: string, wait: Wait): void => {
    clearTimeout(wait.timer);
    wait.ringing?.resolve();
    wait.ringing = undefined;
    if (wait.isOver) close(token, wait);
    else wait.timer = setTimeout(close, LINGER_MS, token, wait).unref();
  };

  const begin = (place: Place, token: string): Wait => {
    const subscription = subscriberOf(redis).subscribe(place.bell, {
      message() {
        wait.isOver = true;
        ring(token, wait);
      },
      missed: () => ring(token, wait),
    });
    const wait: Wait = {
      isOver: false,
      lookMs: FIRST_LOOK_MS,
      ringing: undefined,
      timer: undefined,
      leave: () => void subscription.then((unsubscribe) => unsubscribe()).catch(() => undefined),
    };
    // Subscribe, then look: what was said between the two is seen by one of them.
    subscription.then(() => ring(token, wait)).catch(() => undefined);
    waits.set(token, wait);
    return wait;
  };

  return {
    async until(place, token, restMs) {
      const wait = waits.get(token) ?? begin(place, token);
      if (wait.ringing === undefined) {
        wait.ringing = withResolvers();
        clearTimeout(wait.timer);
        wait.timer = setTimeout(ring, Math.max(1, Math.min(wait.lookMs, restMs + 1)), token, wait);
        wait.lookMs = Math.min(2 * wait.lookMs, LAST_LOOK_MS);
      }
      await wait.ringing.promise;
    },
    close() {
      for (const [token, wait] of waits) {
        wait.isOver = true;
        ring(token, wait);
      }
    },
  };
}
