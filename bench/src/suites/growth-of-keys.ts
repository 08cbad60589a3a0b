import type { Place } from '../harness/case.ts';
import type { Series } from '../harness/growth.ts';
import type { Call } from '../harness/http.ts';
import type { Load } from '../harness/load.ts';
import { addKeys, atMostKeys, numbered } from './ballast.ts';
import { loadedOnce } from './cache-aside.ts';
import { cache, guard, ledger, limiter } from './growing.ts';
import { keyOf, order } from './idempotency.ts';
import { signIn } from './single-session.ts';

/** What of such a series is said of each package. */
type Kept = Omit<Series, 'amounts' | 'open' | 'isKept'>;

const MOST = 1_000_000;

const KEPT = { amounts: [1_000, 10_000, 100_000, MOST], isKept: true } as const;

/** A prime, so that they come in no order that a cache of the processor likes. */
const STRIDE = 7919;

/** The first is made by its request, all others are copies of it; and all are used by turns. */
const allUsed = (series: Kept, callOf: (n: number) => Call): Series => ({
  ...series,
  ...KEPT,
  async open(place) {
    let there = 1;
    return async (amount) => {
      if (place.entrant.role === 'turnpike') {
        await place.app(callOf(0));
        await addKeys(place.redis, there, amount);
        there = amount;
      }
      return { call: (n) => callOf((n * STRIDE) % amount), status: 200 };
    };
  },
});

const USED = 1_000;

const SOME = `${USED.toLocaleString('en-GB')} of them are used by turns; the others are copies that lie there.`;

/** The first are made, and used by turns, where a copy would not be believed under another name. */
const someUsed = (series: Kept, status: number, make: (place: Place, n: number) => Promise<Call>): Series => ({
  ...series,
  ...KEPT,
  async open(place) {
    const calls: Call[] = [];
    for (let n = 0; n < USED; n += 1) calls.push(await make(place, n));
    const load: Load = { call: (n) => calls[n % USED]!, status };
    let there = USED;
    return async (amount) => {
      if (place.entrant.role === 'turnpike') await addKeys(place.redis, there, amount);
      there = amount;
      return load;
    };
  },
});

export const growthOfKeys: readonly Series[] = [
  allUsed(
    {
      ...limiter,
      id: 'growth/callers',
      title: 'Rate limit: more and more callers',
      about: 'All of them come by turns; one policy, fixed window.',
      unit: 'callers',
      verify: atMostKeys(MOST),
    },
    (n) => ({ path: '/one', headers: { 'x-user': `user${numbered(n)}` } }),
  ),
  someUsed(
    {
      ...guard,
      id: 'growth/users',
      title: 'Sessions: more and more users',
      about: `Requests that pass the guard. ${SOME}`,
      unit: 'users',
    },
    200,
    async ({ app }, n) => ({ path: '/me', headers: await signIn(app, `user${numbered(n)}`) }),
  ),
  someUsed(
    {
      ...ledger,
      id: 'growth/records',
      title: 'Idempotency: more and more records',
      about: `Retries, which get the first answer. ${SOME}`,
      unit: 'records',
    },
    201,
    async ({ app }, n) => {
      await app(order(keyOf(n)));
      return order(keyOf(n));
    },
  ),
  allUsed(
    {
      ...cache,
      id: 'growth/entries',
      title: 'Cache: more and more entries',
      about: 'Hits in Redis, each of a product of 0.4 kB; all are read by turns.',
      unit: 'entries',
      verify: loadedOnce(1),
    },
    (n) => ({ path: `/products/small${numbered(n)}` }),
  ),
];
