import { createDue } from './due.ts';
import { StoreError } from './errors.ts';
import { isolated } from './isolated.ts';
import type { Sent } from './silence.ts';

/** What comes later than this, a timer or a command on its way out, was held up by the event loop. */
const STALL_MS = 10;

/** The most that is waited beyond a deadline to make up for a stall. */
const STALL_GRACE_MS = 50;

/** How long somebody waits. */
export interface Patience<Reply> {
  /** A local instant, by `performance.now()`. */
  readonly givesUpAt: number;
  /** What the error says when it has come. */
  readonly deadlineMs: number;
  /** Is handed the reply that came after it. */
  readonly onAbandoned: ((reply: Reply) => void) | undefined;
}

/** What those who send a command for a caller need to know, and to tell. */
export interface Waiting {
  /** A local instant, by `performance.now()`. */
  readonly givesUpAt: number;
  readonly isGone: boolean;
  /** The command it waits for. */
  sent: Sent | undefined;
}

const due = createDue();

/** Who waits for an answer, and until when. A class, because there is one for every call, and its methods are not made anew. */
export class Caller<Reply> implements Waiting {
  /** Settles once: with what arrives, with what fails, or with a `StoreError` when its time is over. */
  readonly answer: Promise<Reply>;
  /** Only a stall of this process puts it off. */
  givesUpAt: number;
  isGone = false;
  sent: Sent | undefined = undefined;
  readonly #patience: Patience<Reply>;
  #resolve!: (reply: Reply) => void;
  #reject!: (error: unknown) => void;
  #isExtended = false;

  constructor(now: number, patience: Patience<Reply>) {
    this.#patience = patience;
    this.givesUpAt = patience.givesUpAt;
    this.answer = new Promise<Reply>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    due.add(this, now);
  }

  /** Takes the reply, or hands it back when nobody waits for it any longer. */
  arrive(reply: Reply): void {
    if (this.isGone) return isolated(() => this.#patience.onAbandoned?.(reply));
    this.#leave();
    this.#resolve(reply);
  }

  fail(error: unknown): void {
    this.#leave();
    this.#reject(error);
  }

  async giveUp(): Promise<void> {
    const now = performance.now();
    const stalledMs = Math.max(now - this.givesUpAt, this.#heldMs(now));
    if (stalledMs > STALL_MS && !this.#isExtended) {
      this.#isExtended = true;
      this.givesUpAt = now + Math.min(stalledMs, STALL_GRACE_MS);
    }
    if (now < this.givesUpAt) return due.add(this, now);
    await socketsRead();
    if (this.isGone) return;
    if (this.sent !== undefined) this.sent.isGivenUp = true;
    this.fail(silent(this.#patience.deadlineMs, this.sent !== undefined));
  }

  /** For how long the command was kept in this process, or has been until now. */
  #heldMs(now: number): number {
    return this.sent === undefined ? 0 : (this.sent.heldMs ?? now - this.sent.at);
  }

  #leave(): void {
    this.isGone = true;
    due.delete(this);
  }
}

/** Lets the event loop read its sockets: after a stall, timers fire before replies that have long arrived are seen. */
export const socketsRead = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(() => setImmediate(resolve));
  });

export const silent = (deadlineMs: number, mayHaveRun = false): StoreError =>
  new StoreError('ERR_TURNPIKE_STORE_TIMEOUT', `Redis gave no answer within ${deadlineMs} ms`, { mayHaveRun });
