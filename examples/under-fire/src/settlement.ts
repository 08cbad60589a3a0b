import { setTimeout as sleep } from 'node:timers/promises';
import { PROMISED } from './app.ts';
import type { Target } from './ask.ts';
import { type Exchange, type ExchangeOf, type Interval, exchangesOf, groupedBy } from './history.ts';
import { PAGES, buyerOf } from './load.ts';
import { pick } from './random.ts';
import type { Visitor } from './visitor.ts';

export interface Settled {
  readonly visitor: Visitor;
  readonly targets: readonly Target[];
  readonly exchanges: readonly Exchange[];
  /** As in `History`. */
  readonly losses: readonly Interval[];
  readonly random: () => number;
}

/** So many of the last tokens of each user, and of the last keys, answered and not, are looked at. */
const [TOKENS, KEYS] = [6, 20];

/** A run that was killed is in flight until its lease ends, and a machine may be busy: after so long everything has an answer. */
const PATIENCE_MS = 10_000;

/** What is wrong now that nothing is taken away any more and nobody asks: it has to be right again. */
export async function unsettled(settled: Settled): Promise<string[]> {
  return (await Promise.all([devices(settled), pages(settled), orders(settled)])).flat();
}

/** Of all tokens of a user no more are believed than it may have devices. The newest is shown first: a failover may have forgotten it. */
async function devices({ visitor, targets, exchanges, random }: Settled): Promise<string[]> {
  const users = groupedBy(exchangesOf({ exchanges }, 'login'), ({ user }) => user);
  const found = [...users].map(async ([user, logins]) => {
    const tokens = logins
      .flatMap(({ token }) => token ?? [])
      .slice(-TOKENS)
      .toReversed();
    const believed = async (): Promise<number> => {
      let count = 0;
      for (const token of tokens) if (await visitor.me(pick(random, targets), user, token)) count += 1;
      return count;
    };
    await believed();
    const count = await believed();
    return count > PROMISED.devicesOf(user) ? [`session: ${user} has ${count} sessions`] : [];
  });
  return (await Promise.all(found)).flat();
}

/**
 * Who made or saw an invalidation by tag that was lost notices it at its next look; then nobody shows what is old. One by key
 * is lost for good.
 */
async function pages({ visitor, targets, exchanges, losses }: Settled): Promise<string[]> {
  const all = PAGES.flatMap((page) => targets.map((target) => ({ page, target })));
  const readAll = () => Promise.all(all.map(({ page, target }) => visitor.read(target, page)));
  await readAll();
  await sleep(PROMISED.l1TtlMs);
  const versions = await readAll();
  const writes = exchangesOf({ exchanges }, 'write');
  const isTold = (write: ExchangeOf<'write'>): boolean =>
    write.isDelivered === true ||
    (write.isDelivered === false && targets.some(({ instance }) => instance === write.instance));
  const forgottenAt = Math.max(-Infinity, ...losses.map(({ to }) => to));
  const isLost = ({ page, sentAt }: ExchangeOf<'write'>): boolean => page.startsWith('values/') && sentAt < forgottenAt;
  return all.flatMap(({ page, target }, n) => {
    // What a process could not tell Redis before it died is healed by the TTL alone.
    const told = writes.filter((write) => write.page === page && isTold(write) && !isLost(write));
    const newest = Math.max(0, ...told.map(({ version = 0 }) => version));
    const seen = versions[n] ?? -1;
    return seen < newest ? [`page: ${page} is version ${seen} by instance ${target.instance}, after ${newest}`] : [];
  });
}

/** Every key has its answer: the order, or, where a run was broken off and nobody may repeat it, that nobody knows. */
async function orders({ visitor, targets, exchanges, random }: Settled): Promise<string[]> {
  const all = exchangesOf({ exchanges }, 'order');
  const sent = new Map(all.map(({ key, how }) => [key, how]));
  // Those first that nobody has an answer to: their run was broken off, or never began.
  const placed = new Set(all.flatMap(({ key, status }) => (status === 201 ? key : [])));
  const [known, unknown] = [true, false].map((isPlaced) => [...sent].filter(([key]) => placed.has(key) === isPlaced));
  const asked = [...known!.slice(-KEYS), ...unknown!.slice(-KEYS)];
  const buyers = groupedBy(asked, ([key]) => buyerOf(key));
  const found = [...buyers].map(async ([buyer, keys]) => {
    const signIn = (): Promise<string | undefined> => visitor.login(pick(random, targets), buyer);
    const token = await patiently(signIn, (answer) => answer !== undefined);
    if (token === undefined) return [`session: ${buyer} cannot sign in`];
    const wrong: string[] = [];
    for (const [key, how] of keys) {
      const send = () => visitor.order(pick(random, targets), how, token, key);
      const isKnown = ({ status, code }: Awaited<ReturnType<typeof send>>): boolean =>
        status === 201 || (how === 'careful' && code === 'outcome_unknown');
      const last = await patiently(send, isKnown);
      if (!isKnown(last)) wrong.push(`order: ${key} is still answered ${last.status} ${last.code ?? ''}`);
    }
    return wrong;
  });
  return (await Promise.all(found)).flat();
}

/** Asks until it is told what it wants to hear, and resolves to the last it was told. */
async function patiently<T>(send: () => Promise<T>, isEnough: (answer: T) => boolean): Promise<T> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    const answer = await send();
    if (isEnough(answer) || performance.now() > deadline) return answer;
  }
}
