import type { KnowingDatabase } from '../database.ts';
import { type History, type Interval, exchangesOf, groupedBy, touches } from '../history.ts';

/**
 * Keys that were ordered twice, and keys whose answers differ. Where nothing but Redis keeps a key, a run is excused by
 * each loss since the first; where a UNIQUE column has the last word, nothing is excused.
 */
export function orderedTwice(history: History, { runs }: Pick<KnowingDatabase, 'runs'>): string[] {
  const placed = exchangesOf(history, 'order').filter(({ status, order }) => status === 201 && order !== undefined);
  const answers = groupedBy(placed, ({ how, key }) => `${how} ${key}`);
  return [
    ...[...runs].flatMap(([key, instants]) => {
      const most = 1 + excuses(history, spanOf(instants));
      return instants.length > most ? [`${key} has run ${instants.length} times, of ${most} at most`] : [];
    }),
    ...[...answers].flatMap(([name, of]) => {
      const orders = new Set(of.map(({ order }) => order)).size;
      const span = { from: of[0]!.sentAt, to: of.at(-1)!.receivedAt };
      const most = of[0]!.how === 'certain' ? 1 : 1 + excuses(history, span);
      return orders > most ? [`${name} was answered with ${orders} orders, of ${most} at most`] : [];
    }),
  ];
}

const spanOf = (instants: readonly number[]): Interval => ({ from: Math.min(...instants), to: Math.max(...instants) });

/** An eviction may be any number of losses. */
function excuses({ losses, evictions }: History, span: Interval): number {
  if (evictions.some((eviction) => touches(eviction, span))) return Infinity;
  return losses.filter((loss) => touches(loss, span)).length;
}
