import { type ExchangeOf, type History, exchangesOf, groupedBy } from '../history.ts';

/**
 * Reads that were answered with less than what an acknowledged invalidation had made of the page before they were sent.
 * Without Redis a process shares a load with whoever asks meanwhile, and says so; what a failover lost is excused until
 * the page is changed again.
 */
export function staleReads(history: History): string[] {
  const writes = groupedBy(
    exchangesOf(history, 'write').filter(({ status, isDelivered }) => status === 200 && isDelivered === true),
    ({ page }) => page,
  );
  return exchangesOf(history, 'read').flatMap((read) => {
    if (read.version === undefined || read.isDegraded === true) return [];
    const required = newestBefore(read, writes.get(read.page) ?? [], history.losses);
    return read.version < required ? [`${read.page} was read as version ${read.version}, after ${required}`] : [];
  });
}

function newestBefore(
  read: ExchangeOf<'read'>,
  writes: readonly ExchangeOf<'write'>[],
  losses: History['losses'],
): number {
  // By a loss alone: when an eviction takes marks away, pages are absent and not old.
  const forgottenAt = Math.max(-Infinity, ...losses.filter(({ from }) => from <= read.receivedAt).map(({ to }) => to));
  const known = writes.filter(({ sentAt, receivedAt }) => sentAt > forgottenAt && receivedAt < read.sentAt);
  return Math.max(0, ...known.map(({ version }) => version ?? 0));
}
