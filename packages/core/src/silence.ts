/** One command on its way. */
export interface Sent {
  /** When it was given to the client, and from the next turn of the event loop on, when it can have left this process. */
  at: number;
  /** Greater than that of whatever was sent before. */
  readonly order: number;
  /** Answered, lost, or left behind by a later reply. */
  isSettled: boolean;
  /** Whoever sent it waits no longer. */
  isGivenUp: boolean;
}

/**
 * How long one connection has owed an answer. Redis answers a connection in order, so one real reply settles every
 * command sent before it; commands whose promise never settles (`autoResendUnfulfilledCommands: false`) leave with them.
 */
export interface Silence {
  sent(at: number): Sent;
  /** The event loop has turned: clients that write late have written by now, whatever held them up. */
  written(now: number): void;
  /** A real reply, an error reply included: the server speaks. */
  heard(sent: Sent, now: number): void;
  /** The connection failed under the command. That is no reply, so the silence it was part of goes on. */
  lost(sent: Sent, now: number): void;
  /** A new connection owes nothing. */
  renew(): void;
  /** The age of the oldest unanswered command, in ms; 0 when all are answered. */
  ms(now: number): number;
  /**
   * What of it others need not wait again: 0 while nobody has given up on the oldest command, and 0 within the time that
   * replies take here anyway. A slow server is not a silent one.
   */
  excessMs(now: number): number;
}

/** A failed connection that nobody has tried since is no longer news: the next caller may try it in person. */
const LOSS_REMEMBERED_MS = 500;

/** A reply that took longer says that the server was away, not that it is slow. */
const SLOWEST_REPLY_MS = 1000;

/** How much of a slow reply is remembered with each faster one: what RFC 6298 §2.3 takes for its smoothed round trip. */
const MEMORY = 7 / 8;

export function createSilence(): Silence {
  let queue: Sent[] = [];
  let head = 0;
  let unwritten: Sent[] = [];
  let order = 0;
  let loss: { since: number; last: number } | undefined;
  /** Unknown until the first reply: then nothing is too slow. */
  let slowReplyMs = Infinity;

  const skip = (isOver: (sent: Sent) => boolean): void => {
    while (head < queue.length && isOver(queue[head] as Sent)) head += 1;
    if (head > 1000 && head * 2 > queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
  };

  const silence: Silence = {
    sent(at) {
      order += 1;
      const sent = { at, order, isSettled: false, isGivenUp: false };
      queue.push(sent);
      unwritten.push(sent);
      return sent;
    },
    written(now) {
      for (const sent of unwritten) sent.at = now;
      unwritten = [];
    },
    heard(sent, now) {
      loss = undefined;
      sent.isSettled = true;
      skip(({ order, isSettled }) => isSettled || order <= sent.order);
      const tookMs = now - sent.at;
      if (tookMs > SLOWEST_REPLY_MS) return;
      slowReplyMs = slowReplyMs === Infinity ? tookMs : Math.max(tookMs, MEMORY * slowReplyMs);
    },
    lost(sent, now) {
      if (sent.isSettled) return;
      sent.isSettled = true;
      loss = { since: Math.min(loss?.since ?? sent.at, sent.at), last: now };
    },
    renew() {
      for (const sent of queue) sent.isSettled = true;
      queue = [];
      unwritten = [];
      head = 0;
      loss = undefined;
    },
    ms(now) {
      skip(({ isSettled }) => isSettled);
      if (loss !== undefined && now - loss.last > LOSS_REMEMBERED_MS) loss = undefined;
      return now - Math.min(queue[head]?.at ?? now, loss?.since ?? now);
    },
    excessMs(now) {
      const ms = silence.ms(now);
      const isGivenUp = loss !== undefined || queue[head]?.isGivenUp === true;
      return isGivenUp ? Math.max(0, ms - slowReplyMs) : 0;
    },
  };
  return silence;
}
