import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from './ask.ts';
import { type Exchange, type ExchangeOf, exchangesOf, groupedBy } from './history.ts';
import { PAGES, buyerOf } from './load.ts';
import { pick } from './random.ts';
import type { Visitor } from './visitor.ts';

export interface Settled {
  readonly visitor: Visitor;
  readonly targets: readonly Target[];
  readonly exchanges: readonly Exchange[];
  readonly random: () => number;
}

/** So many of the last tokens of each user, and of the last keys, are looked at. */
const [TOKENS, KEYS] = [6, 12];

/** A run that was killed is in flight until its lease ends: after so long every key has an answer. */
const KEY_WITHIN_MS = 5_000;

/** What is wrong now that nothing is taken away any more and nobody asks: it has to be right again. */
export async function unsettled(settled: Settled): Promise<string[]> {
  return (await Promise.all([devices(settled), pages(settled), orders(settled)])).flat();
}

/** Of all tokens of a user one is believed, at most. The newest is shown first: a failover may have forgotten it. */
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
    return count > 1 ? [`session: ${user} has ${count} sessions`] : [];
  });
  return (await Promise.all(found)).flat();
}

/** Who made or saw an invalidation that was lost notices it at its next look; then nobody shows what is old. */
async function pages({ visitor, targets, exchanges }: Settled): Promise<string[]> {
  const all = PAGES.flatMap((page) => targets.map((target) => ({ page, target })));
  const readAll = () => Promise.all(all.map(({ page, target }) => visitor.read(target, page)));
  await readAll();
  const versions = await readAll();
  const writes = exchangesOf({ exchanges }, 'write');
  const isTold = (write: ExchangeOf<'write'>): boolean =>
    write.isDelivered === true ||
    (write.isDelivered === false && targets.some(({ instance }) => instance === write.instance));
  return all.flatMap(({ page, target }, n) => {
    // What a process could not tell Redis before it died is healed by the TTL alone.
    const told = writes.filter((write) => write.page === page && isTold(write));
    const newest = Math.max(0, ...told.map(({ version = 0 }) => version));
    const seen = versions[n] ?? -1;
    return seen < newest ? [`page: ${page} is version ${seen} by instance ${target.instance}, after ${newest}`] : [];
  });
}

/** Every key has its answer: the order, or, where a run was broken off and nobody may repeat it, that nobody knows. */
async function orders({ visitor, targets, exchanges, random }: Settled): Promise<string[]> {
  const sent = new Map(exchangesOf({ exchanges }, 'order').map(({ key, how }) => [key, how]));
  const buyers = groupedBy([...sent].slice(-KEYS), ([key]) => buyerOf(key));
  const found = [...buyers].map(async ([buyer, keys]) => {
    const token = await visitor.login(pick(random, targets), buyer);
    if (token === undefined) return [`session: ${buyer} cannot sign in`];
    const wrong: string[] = [];
    for (const [key, how] of keys) {
      for (const deadline = performance.now() + KEY_WITHIN_MS; ; await sleep(50)) {
        const { status, code = '' } = await visitor.order(pick(random, targets), how, token, key);
        if (status === 201 || (how === 'careful' && code === 'outcome_unknown')) break;
        if (performance.now() < deadline) continue;
        wrong.push(`order: ${key} is still answered ${status} ${code}`);
        break;
      }
    }
    return wrong;
  });
  return (await Promise.all(found)).flat();
}
