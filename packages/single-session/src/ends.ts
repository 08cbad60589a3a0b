import { type RedisClient, isolated, subscriberOf } from '@turnpike/core';
import { type Watched, createLooks } from './looks.ts';
import type { EndReason } from './scripts.ts';
import { handleOf } from './sid.ts';

/** A session that has ended, on whichever process it was ended. */
export interface EndedSession {
  readonly handle: string;
  readonly reason: EndReason;
  readonly at: Date;
  /** The device that took its place; empty when none did, or when it has no label. */
  readonly byDevice: string;
}

/** Who is told at once when sessions end. A message that is lost costs nothing: the next request is refused all the same. */
export interface Ends {
  /** All sessions. Resolves when the server listens. */
  onEnded(listener: (ended: EndedSession) => void): Promise<() => void>;
  /**
   * One session: `close` is called once, when it has ended, also if it had before this was called. `isLive` looks: now,
   * after a gap in what was heard, and when it has lasted `restMs` more.
   */
  onEnd(watch: Watch & { readonly restMs: number }): () => void;
  close(): void;
}

interface Watch extends Watched {
  readonly hash: string;
  readonly close: () => void;
}

/** After how long a subscription that was refused is asked for again. */
const LISTEN_AGAIN_MS = 1000;

/** Node's timers hold no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A session that lives on at its end, by a server whose clock is behind ours, is looked at so often. */
const PAST_END_MS = 1000;

export function createEnds(redis: RedisClient, channel: string): Ends {
  /** Each with the timer of its session's end. */
  const watches = new Map<Watch, NodeJS.Timeout>();
  const unsubscribes = new Set<() => void>();
  let listening: Promise<() => void> | undefined;
  let again: NodeJS.Timeout | undefined;

  const drop = (watch: Watch): boolean => {
    clearTimeout(watches.get(watch));
    return watches.delete(watch);
  };

  const finish = (watch: Watch): void => {
    if (drop(watch)) isolated(watch.close);
  };

  /** Redis away says nothing of a session: it goes on until somebody knows. */
  const looks = createLooks(watches, finish);

  /** Nobody publishes that a session has reached its absolute end. */
  const lookAtItsEnd = (watch: Watch, restMs: number): void => {
    const waitMs = Math.min(restMs, LONGEST_TIMER_MS);
    const look = (): void => {
      lookAtItsEnd(watch, Math.max(restMs - waitMs, PAST_END_MS));
      looks.at([watch]);
    };
    watches.set(watch, setTimeout(look, waitMs).unref());
  };

  /** Subscribed once, for all watches: many open connections are one subscription. */
  const listen = (): Promise<() => void> =>
    (listening ??= subscriberOf(redis).subscribe(channel, {
      message(text) {
        const { hash } = JSON.parse(text) as { hash: string };
        for (const watch of watches.keys()) if (watch.hash === hash) finish(watch);
      },
      missed: () => looks.at(watches.keys()),
    }));

  /** Subscribe, then look: an end between the two is seen by one of them. What was refused is asked for again. */
  const listenFor = async (those: Iterable<Watch>): Promise<void> => {
    const asked = listen();
    try {
      await asked;
      looks.at(those);
    } catch {
      if (listening === asked) listening = undefined;
      listenAgain();
    }
  };

  const listenAgain = (): void => {
    again ??= setTimeout(() => {
      again = undefined;
      if (watches.size === 0) return;
      // An app that has quit its client is to end: nothing is opened for it.
      if (redis.status === 'end') listenAgain();
      else void listenFor(watches.keys());
    }, LISTEN_AGAIN_MS).unref();
  };

  return {
    async onEnded(listener) {
      const unsubscribe = await subscriberOf(redis).subscribe(channel, {
        message(text) {
          const { hash, reason, atMs, by } = JSON.parse(text) as {
            hash: string;
            reason: EndReason;
            atMs: number;
            by: string;
          };
          listener({ handle: handleOf(hash), reason, at: new Date(atMs), byDevice: by });
        },
        missed: () => undefined,
      });
      unsubscribes.add(unsubscribe);
      return () => {
        unsubscribes.delete(unsubscribe);
        unsubscribe();
      };
    },
    onEnd({ restMs, ...watch }) {
      lookAtItsEnd(watch, Math.max(restMs, 0) + 1);
      void listenFor([watch]);
      return () => void drop(watch);
    },
    close() {
      for (const watch of watches.keys()) drop(watch);
      looks.close();
      clearTimeout(again);
      again = undefined;
      for (const unsubscribe of unsubscribes) unsubscribe();
      unsubscribes.clear();
      listening?.then((unsubscribe) => unsubscribe()).catch(() => undefined);
      listening = undefined;
    },
  };
}
