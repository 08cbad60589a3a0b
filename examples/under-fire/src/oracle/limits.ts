import { PROMISED } from '../app.ts';
import { type ExchangeOf, type History, exchangesOf, groupedBy, touches } from '../history.ts';

/** What a server's clock and ours may differ by in one window, in ms. */
const PRECISION_MS = 2;

/**
 * Windows in which more was admitted than promised: `limit` by Redis, and `localShare` of it by each process without Redis.
 * A request was decided at some instant between its way out and its way back; it counts in a window that holds both.
 */
export function tooManyAdmitted(history: History): string[] {
  const admitted = exchangesOf(history, 'take').filter(({ status }) => status === 200);
  const byRedis = admitted.filter(({ isDegraded }) => isDegraded === false);
  const byProcess = admitted.filter(({ isDegraded }) => isDegraded === true);
  const share = Math.max(1, PROMISED.localShare * PROMISED.limit);
  return [
    ...busiest(byRedis, ({ caller }) => caller).flatMap(({ who, from, to, count }) => {
      const span = { from, to };
      if (history.evictions.some((eviction) => touches(eviction, span))) return [];
      // What is forgotten begins anew, once for each time.
      const most = PROMISED.limit * (1 + history.losses.filter((loss) => touches(loss, span)).length);
      return count > most ? [`${who} was admitted ${count} times in a window, of ${most} at most, ${at(from)}`] : [];
    }),
    ...busiest(byProcess, ({ caller, instance }) => `${caller} without Redis by instance ${instance}`).flatMap(
      ({ who, from, count }) =>
        count > share ? [`${who} was admitted ${count} times in a window, of ${share} at most, ${at(from)}`] : [],
    ),
  ];
}

interface Window {
  readonly who: string;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Every window that begins with a request, and how many it certainly holds. */
function busiest(takes: readonly ExchangeOf<'take'>[], whoOf: (take: ExchangeOf<'take'>) => string): Window[] {
  return [...groupedBy(takes, whoOf)].flatMap(([who, of]) =>
    of.map(({ sentAt: from }, first) => {
      const to = from + PROMISED.windowMs - PRECISION_MS;
      let count = 0;
      for (let n = first; n < of.length && of[n]!.sentAt <= to; n += 1) if (of[n]!.receivedAt <= to) count += 1;
      return { who, from, to, count };
    }),
  );
}

const at = (instant: number): string => `at ${Math.round(instant)} ms`;
