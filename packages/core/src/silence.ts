/** One command on its way. */
export interface Sent {
  /** When it was given to the client, and from the next turn of the event loop on, when it can have left this process. */
  at: number;
  /** For how long this process kept it until then; undefined while it still does. */
  heldMs: number | undefined;
  /** Greater than that of whatever was sent before. */
  readonly order: number;
  /** Answered, lost, or left behind by a later reply. */
  isSettled: boolean;
  /** Whoever sent it waits no longer. */
  isGivenUp: boolean;
  /** The command sent after it, while both may be unanswered. */
  next: Sent | undefined;
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
  // A list and not an array: what is answered is let go at once, instead of growing old in a place of its own.
  let oldest: Sent | undefined;
  let newest: Sent | undefined;
  let unwritten: Sent[] = [];
  let order = 0;
  let loss: { since: number; last: number } | undefined;
  /** Unknown until the first reply: then nothing is too slow. */
  let slowReplyMs = Infinity;

  /** Lets go of what is settled at the head of the list, and of all that was sent up to `last`. */
  const skip = (last = 0): void => {
    while (oldest !== undefined && (oldest.isSettled || oldest.order <= last)) {
      const { next }: Sent = oldest;
      // Or one that the collector counts as old would keep all that came after it.
      oldest.next = undefined;
      oldest = next;
    }
  };

  const silence: Silence = {
    sent(at) {
      order += 1;
      const sent: Sent = { at, heldMs: undefined, order, isSettled: false, isGivenUp: false, next: undefined };
      if (oldest === undefined) oldest = sent;
      else if (newest !== undefined) newest.next = sent;
      newest = sent;
      unwritten.push(sent);
      return sent;
    },
    written(now) {
      for (const sent of unwritten) {
        sent.heldMs = now - sent.at;
        sent.at = now;
      }
      unwritten = [];
    },
    heard(sent, now) {
      loss = undefined;
      sent.isSettled = true;
      skip(sent.order);
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
      for (let sent = oldest; sent !== undefined; sent = sent.next) sent.isSettled = true;
      oldest = undefined;
      loss = undefined;
    },
    ms(now) {
      skip();
      if (loss !== undefined && now - loss.last > LOSS_REMEMBERED_MS) loss = undefined;
      return now - Math.min(oldest?.at ?? now, loss?.since ?? now);
    },
    excessMs(now) {
      const ms = silence.ms(now);
      const isGivenUp = loss !== undefined || oldest?.isGivenUp === true;
      return isGivenUp ? Math.max(0, ms - slowReplyMs) : 0;
    },
  };
  return silence;
}
