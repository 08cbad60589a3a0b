/** One command on its way: sent, and not yet answered. */
export interface Sent {
  readonly at: number;
}

/**
 * How long one connection has owed an answer. Redis answers a connection in order, so one real reply settles every
 * command sent before it; commands whose promise never settles (`autoResendUnfulfilledCommands: false`) leave with them.
 */
export interface Silence {
  sent(at: number): Sent;
  /** A real reply, an error reply included: the server speaks. */
  heard(sent: Sent): void;
  /** The connection failed under the command. That is no reply, so the silence it was part of goes on. */
  lost(sent: Sent, now: number): void;
  /** A new connection owes nothing. */
  renew(): void;
  /** The age of the oldest unanswered command, in ms; 0 when all are answered. */
  ms(now: number): number;
}

/** A failed connection that nobody has tried since is no longer news: the next caller may try it in person. */
const LOSS_REMEMBERED_MS = 500;

export function createSilence(): Silence {
  const unanswered = new Set<Sent>();
  let loss: { since: number; last: number } | undefined;
  return {
    sent(at) {
      const sent = { at };
      unanswered.add(sent);
      return sent;
    },
    heard(sent) {
      loss = undefined;
      for (const earlier of unanswered) {
        if (earlier.at > sent.at) break;
        unanswered.delete(earlier);
      }
    },
    lost(sent, now) {
      if (unanswered.delete(sent)) loss = { since: Math.min(loss?.since ?? sent.at, sent.at), last: now };
    },
    renew() {
      unanswered.clear();
      loss = undefined;
    },
    ms(now) {
      const [oldest] = unanswered;
      if (loss !== undefined && now - loss.last > LOSS_REMEMBERED_MS) loss = undefined;
      return now - Math.min(oldest?.at ?? now, loss?.since ?? now);
    },
  };
}
