import { type Store, TurnpikeError, retrySoon } from '@turnpike/core';
import { emit } from './events.ts';
import { startHeartbeat } from './heartbeat.ts';
import { type Claimed, type Lifetimes, type Outcome, complete, heartbeat, release } from './scripts.ts';

/**
 * The one run of an identity. `keep`, `doubt` or `release` ends it, and after `maxRunMs` a doubt, which a later word still
 * ends. Each is bounded, and none rejects.
 */
export interface Run {
  readonly fence: number;
  /** One for all runs that follow each other in one record. */
  readonly bornUs: number;
  /** False where Redis did not say that this is the only one. */
  readonly isProtected: boolean;
  /** Aborted when the run may go on no longer: after `maxRunMs`, or when it has a successor. */
  readonly signal: AbortSignal;
  keep(status: number, answer: Buffer): Promise<void>;
  doubt(status: number): Promise<void>;
  release(): Promise<void>;
}

/** How a run is kept alive, and for how long. */
export interface RunOptions {
  readonly store: Store;
  readonly lifetimes: Lifetimes;
  readonly maxRunMs: number;
  /** Called once Redis knows what came of it, or will not hear of it any more. */
  readonly onSettled: () => void;
}

/** What is said of how a run ended. True when it was heard, false when the run has a successor. */
interface Word {
  readonly type: 'kept' | 'doubted' | 'released';
  say(deadlineMs: number): Promise<boolean>;
}

/** How long an answer is held back for its being stored, in ms; it is stored later otherwise. */
const STORE_MS = 250;

/** How long a call may take that nobody waits for, in ms. */
export const BACKGROUND_MS = 1000;

const NOTHING = Buffer.alloc(0);

/**
 * Begins a run, and keeps it alive. One that Redis has not heard of (fence 0) it hears of with the next beat, or with how it
 * ended.
 */
export function startRun(
  claimed: Claimed,
  isProtected: boolean,
  { store, lifetimes, maxRunMs, onSettled }: RunOptions,
): Run {
  const controller = new AbortController();
  /** What was said last of how it ended; until then it goes on. */
  let lastWord: Word | undefined;

  const completed = (outcome: Outcome): Word => ({
    type: outcome.state === 'done' ? 'kept' : 'doubted',
    say: (deadlineMs) => store.call(complete, { run: claimed, outcome, lifetimes }, { deadlineMs }),
  });
  const words = {
    keep: (status: number, answer: Buffer): Word => completed({ state: 'done', status, answer }),
    doubt: (status: number): Word => completed({ state: 'in-doubt', status, answer: NOTHING }),
    release: (): Word => ({
      type: 'released',
      say: (deadlineMs) => store.call(release, { ...claimed, lifetimes }, { deadlineMs }),
    }),
  };

  const tell = async (word: Word, deadlineMs: number): Promise<void> => {
    // What was said after it counts.
    if (word !== lastWord) return;
    const isHeard = await word.say(deadlineMs);
    onSettled();
    emit(() => ({ type: isHeard ? word.type : 'fenced' }));
  };

  /** Says how the run ended: within STORE_MS, or in the background. */
  const end = async (word: Word): Promise<void> => {
    stop();
    lastWord = word;
    try {
      await tell(word, STORE_MS);
    } catch {
      emit(() => ({ type: 'not-stored' }));
      void retrySoon(() => tell(word, BACKGROUND_MS)).then(() => word === lastWord && onSettled());
    }
  };

  const lose = (): void => {
    stop();
    onSettled();
    emit(() => ({ type: 'fenced' }));
    controller.abort(
      new TurnpikeError(
        'ERR_TURNPIKE_CLAIM_LOST',
        'Another run has taken over from this one, or its end was told by another',
      ),
    );
  };

  const expire = (): void => {
    emit(() => ({ type: 'expired' }));
    controller.abort(
      new TurnpikeError('ERR_TURNPIKE_RUN_EXPIRED', `The run took longer than maxRunMs (${maxRunMs} ms)`),
    );
    void end(words.doubt(0));
  };

  const expiry = setTimeout(expire, maxRunMs).unref();
  const stopBeating = startHeartbeat({
    leaseMs: lifetimes.leaseMs,
    // Where Redis has not heard of the run, it is to hear of it as soon as it is back.
    firstMs: Math.min(lifetimes.leaseMs / 3, isProtected ? Infinity : BACKGROUND_MS),
    beat: (deadlineMs) => store.call(heartbeat, { run: claimed, lifetimes }, { deadlineMs }),
    onLost: lose,
    // It may have begun anew what was over.
    onStray: () => void lastWord?.say(BACKGROUND_MS).catch(() => undefined),
  });

  function stop(): void {
    clearTimeout(expiry);
    stopBeating();
  }

  return {
    fence: claimed.fence,
    bornUs: claimed.bornUs,
    isProtected,
    signal: controller.signal,
    keep: (status, answer) => end(words.keep(status, answer)),
    doubt: (status) => end(words.doubt(status)),
    release: () => end(words.release()),
  };
}
