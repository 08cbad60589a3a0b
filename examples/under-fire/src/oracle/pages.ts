import { PROMISED } from '../app.ts';
import { type ExchangeOf, type History, exchangesOf, groupedBy, stallsOf, touches } from '../history.ts';

/** A value of a process is given out by a clock that is read once in a turn of its event loop, which takes no longer, in ms. */
const TURN_MS = 50;

/**
 * Reads that were answered with less than what an acknowledged invalidation had made of the page before they were sent.
 * What a process has itself may be as old as its tier allows. Without Redis a process shares a load with whoever asks meanwhile, and says so; what a failover lost is excused until
 * the page is changed again.
 */
export function staleReads(history: History): string[] {
  const writes = groupedBy(
    exchangesOf(history, 'write').filter(({ status, isDelivered }) => status === 200 && isDelivered === true),
    ({ page }) => page,
  );
  return exchangesOf(history, 'read').flatMap((read) => {
    if (read.version === undefined || read.isDegraded === true) return [];
    const required = newestBefore(askedAt(read, history), writes.get(read.page) ?? [], read, history.losses);
    return read.version < required ? [`${read.page} was read as version ${read.version}, after ${required}`] : [];
  });
}

/** At the earliest: when Redis was asked, for this read or, in its process, for one before it. */
function askedAt(read: ExchangeOf<'read'>, { stalls, standstills }: History): number {
  if (read.isNear !== true) return read.sentAt;
  // A turn in which it stood still began before.
  const held = [...stallsOf(read.instance, stalls), ...standstills].filter(
    (still) => still.instance === read.instance && touches(still, { from: read.sentAt, to: read.receivedAt }),
  );
  return Math.min(read.sentAt, ...held.map(({ from }) => from)) - TURN_MS - PROMISED.l1TtlMs;
}

function newestBefore(
  instant: number,
  writes: readonly ExchangeOf<'write'>[],
  read: ExchangeOf<'read'>,
  losses: History['losses'],
): number {
  // By a loss alone: when an eviction takes marks away, pages are absent and not old.
  const forgottenAt = Math.max(-Infinity, ...losses.filter(({ from }) => from <= read.receivedAt).map(({ to }) => to));
  const known = writes.filter(({ sentAt, receivedAt }) => sentAt > forgottenAt && receivedAt < instant);
  return Math.max(0, ...known.map(({ version }) => version ?? 0));
}
