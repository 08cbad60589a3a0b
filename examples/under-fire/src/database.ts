import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the app stands on. It outlives every process of the app, and is never wrong. */
export interface Database {
  /** Makes an order, as often as it is asked: here nothing but Redis keeps a key from being ordered twice. */
  order(key: string): Promise<string>;
  /** The order of this id: the one there is, or a new one, as by a UNIQUE column. */
  orderOnce(id: string): Promise<string>;
  /** Which version a page has. The row is read at once, and told a little later. */
  versionOf(page: string): Promise<number>;
  /** Changes a page, and resolves to its new version when that is committed. */
  change(page: string): Promise<number>;
}

/** The database as the oracle sees it. */
export interface KnowingDatabase extends Database {
  /** When each key was ordered, by `performance.now()`. */
  readonly runs: ReadonlyMap<string, readonly number[]>;
}

/** How long a query takes, in ms, at most. */
const SLOWEST_MS = 15;

/** In memory. `random` says how long each query takes. */
export function createDatabase(random: () => number = Math.random): KnowingDatabase {
  const runs = new Map<string, number[]>();
  const orders = new Map<string, string>();
  const versions = new Map<string, number>();
  const query = (): Promise<void> => sleep(random() * SLOWEST_MS);

  return {
    runs,
    async order(key) {
      runs.set(key, [...(runs.get(key) ?? []), performance.now()]);
      await query();
      return randomUUID();
    },
    async orderOnce(id) {
      await query();
      const order = orders.get(id) ?? randomUUID();
      orders.set(id, order);
      return order;
    },
    async versionOf(page) {
      const version = versions.get(page) ?? 0;
      await query();
      return version;
    },
    async change(page) {
      await query();
      const version = (versions.get(page) ?? 0) + 1;
      versions.set(page, version);
      return version;
    },
  };
}
