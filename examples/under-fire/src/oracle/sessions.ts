import { PROMISED } from '../app.ts';
import {
  type ExchangeOf,
  type History,
  type Interval,
  exchangesOf,
  groupedBy,
  isWithin,
  mayHaveForgotten,
} from '../history.ts';

/**
 * Users that were signed in on more devices than promised, and devices that were signed out though too few had signed in after
 * them. What a failover or an eviction may have forgotten says nothing.
 */
export function wrongDevices(history: History): string[] {
  const logins = groupedBy(exchangesOf(history, 'login'), ({ user }) => user);
  const uses = groupedBy(exchangesOf(history, 'me'), ({ user }) => user);
  return [...logins].flatMap(([user, all]) => {
    const devices = all.flatMap((login) => deviceOf(login, uses.get(user) ?? [], history));
    return [...tooMany(user, devices), ...devices.flatMap((device) => signedOut(device, all, history))];
  });
}

type Login = ExchangeOf<'login'>;

/** One device, by what it was told before anything may have been forgotten. */
interface Device {
  readonly login: Login;
  readonly refused: readonly ExchangeOf<'me'>[];
  /** In which it certainly was signed in: from the answer to its login until it was let in last. */
  readonly life: Interval;
}

function deviceOf(login: Login, uses: readonly ExchangeOf<'me'>[], history: History): Device[] {
  if (login.token === undefined) return [];
  const own = uses.filter(
    ({ token, receivedAt }) =>
      token === login.token && !mayHaveForgotten(history, { from: login.sentAt, to: receivedAt }),
  );
  const isStatus = (wanted: number) => own.filter(({ status }) => status === wanted);
  const to = Math.max(login.receivedAt, ...isStatus(200).map(({ sentAt }) => sentAt));
  return [{ login, refused: isStatus(401), life: { from: login.receivedAt, to } }];
}

/** Logins that were admitted beside as many devices as may be signed in, and let none of them go. */
function tooMany(user: string, devices: readonly Device[]): string[] {
  const most = PROMISED.devicesOf(user);
  return devices.flatMap(({ login, life }) => {
    const others = devices.filter((other) => other.login !== login && isWithin(span(login), other.life));
    return others.length >= most
      ? [`${user} had ${others.length + 1} devices, of ${most} at most, at ${Math.round(life.from)} ms`]
      : [];
  });
}

/** Who has signed in last makes the one go that signed in first: a device outlives one login less than there may be devices. */
function signedOut({ login, refused }: Device, all: readonly Login[], history: History): string[] {
  return refused.flatMap((use) => {
    const later = all.filter(
      (other) =>
        other !== login &&
        other.receivedAt > login.sentAt &&
        other.sentAt < use.receivedAt &&
        mayHaveBegun(other, history),
    );
    const isExcused = later.length >= PROMISED.devicesOf(use.user);
    return isExcused
      ? []
      : [`${use.user} was signed out (${use.code}) by ${later.length === 0 ? 'nobody' : 'too few'}`];
  });
}

const span = ({ sentAt, receivedAt }: Login): Interval => ({ from: sentAt, to: receivedAt });

/**
 * One that was not answered may have begun a session all the same; but not one that was given up before Redis did anything: what
 * comes after its deadline has no effect.
 */
const mayHaveBegun = (login: Login, { silences }: History): boolean =>
  login.status === 200 || !silences.some((silence) => isWithin(span(login), silence));
