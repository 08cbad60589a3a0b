import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from './ask.ts';
import { pick } from './random.ts';
import type { Visitor } from './visitor.ts';

export interface LoadOptions {
  readonly visitor: Visitor;
  /** Those that can be asked at the moment. */
  readonly targets: () => readonly Target[];
  /** How many ask at once. */
  readonly workers: number;
  readonly random: () => number;
  /** How long a worker rests between two requests, in ms, at most. */
  readonly restMs: number;
  /** Ends the load; what is under way is answered. */
  readonly until: AbortSignal;
}

/** Few of each, so that requests meet. */
const CALLERS = ['caller-a', 'caller-b'];
const USERS = ['ann', 'bob', 'eve', 'dan'];
/** Cached as they leave, and forgotten by tag; or cached as values, and forgotten by key. */
export const PAGES: readonly string[] = ['pages/1', 'pages/2', 'pages/3', 'pages/4', 'values/1', 'values/2'];

/** So many send one key at once, and then one more. */
const SENDS = 3;

/** Whose key it is: that of the worker who made it. */
export const buyerOf = (key: string): string => `buyer-${key.split('-')[1]}`;

/** Asks for all that the app can do, in an order that `random` determines, until it is told to stop. */
export async function load({ visitor, targets, workers, random, restMs, until }: LoadOptions): Promise<void> {
  const tokens = new Map<string, string[]>();
  let keys = 0;

  const anyone = async (): Promise<Target> => {
    for (;;) {
      const there = targets();
      if (there.length > 0) return pick(random, there);
      await sleep(10);
    }
  };

  async function device(): Promise<void> {
    const user = pick(random, USERS);
    const known = tokens.get(user) ?? [];
    if (known.length > 0 && random() < 0.75) {
      await visitor.me(await anyone(), user, pick(random, known));
      return;
    }
    const token = await visitor.login(await anyone(), user);
    if (token !== undefined) tokens.set(user, [...known.slice(-2), token]);
  }

  /** A buyer of its own signs in for each worker, and once more whenever Redis has forgotten it. */
  async function buyer(worker: number): Promise<void> {
    const key = `key-${worker}-${(keys += 1)}`;
    const user = buyerOf(key);
    const token = tokens.get(user)?.[0] ?? (await visitor.login(await anyone(), user));
    if (token === undefined) return;
    tokens.set(user, [token]);
    const how = pick(random, ['careful', 'certain'] as const);
    const send = async (): Promise<number> => (await visitor.order(await anyone(), how, token, key)).status;
    const statuses = await Promise.all(Array.from({ length: SENDS }, send));
    statuses.push(await send());
    if (statuses.includes(401)) tokens.delete(user);
  }

  const read = async (page = pick(random, PAGES)): Promise<unknown> => visitor.read(await anyone(), page);

  /** A page is changed while it is read: what was read before may not be kept after. */
  async function change(): Promise<void> {
    const page = pick(random, PAGES);
    await Promise.all([read(page), visitor.write(await anyone(), page), read(page)]);
    await read(page);
  }

  const take = async (): Promise<void> => visitor.take(await anyone(), pick(random, CALLERS));

  const acts: ((worker: number) => Promise<unknown>)[] = [
    take,
    take,
    take,
    device,
    buyer,
    () => read(),
    () => read(),
    change,
  ];

  const work = async (worker: number): Promise<void> => {
    while (!until.aborted) {
      await pick(random, acts)(worker);
      await sleep(random() * restMs);
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
}
