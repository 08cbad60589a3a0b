import { type ExchangeOf, type History, exchangesOf, groupedBy, isWithin, mayHaveForgotten } from '../history.ts';

/**
 * Devices that were let in though another had signed in after them, and devices that were signed out though none had. A user
 * has one session. What a failover or an eviction may have forgotten says nothing.
 */
export function wrongDevices(history: History): string[] {
  const logins = groupedBy(exchangesOf(history, 'login'), ({ user }) => user);
  return exchangesOf(history, 'me').flatMap((use) => {
    const all = logins.get(use.user) ?? [];
    const own = all.find(({ token }) => token === use.token);
    if (own === undefined || mayHaveForgotten(history, { from: own.sentAt, to: use.receivedAt })) return [];
    if (use.status === 200) {
      const newer = all.find((login) => isBetween(login, own, use));
      return newer === undefined ? [] : [`${use.user} was let in ${lag(newer, use)} ms after a newer login`];
    }
    const others = all.filter(
      (login) => login !== own && login.receivedAt > own.sentAt && login.sentAt < use.receivedAt,
    );
    const isExcused = others.some((login) => mayHaveBegun(login, history));
    return use.status === 401 && !isExcused ? [`${use.user} was signed out (${use.code}) by nobody`] : [];
  });
}

/** Certainly after the one, and certainly before the other. */
const isBetween = (login: ExchangeOf<'login'>, own: ExchangeOf<'login'>, use: ExchangeOf<'me'>): boolean =>
  login.status === 200 && login.sentAt > own.receivedAt && login.receivedAt < use.sentAt;

const lag = (login: ExchangeOf<'login'>, use: ExchangeOf<'me'>): number => Math.round(use.sentAt - login.receivedAt);

/**
 * One that was not answered may have begun a session all the same; but not one that was given up before Redis did anything: what
 * comes after its deadline has no effect.
 */
const mayHaveBegun = (login: ExchangeOf<'login'>, { silences }: History): boolean =>
  login.status === 200 || !silences.some((silence) => isWithin({ from: login.sentAt, to: login.receivedAt }, silence));
