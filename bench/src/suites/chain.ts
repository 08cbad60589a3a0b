import type { Case, Entrant, Place } from '../harness/case.ts';
import { type Call, must } from '../harness/http.ts';
import type { Load } from '../harness/load.ts';

const entrants: readonly Entrant[] = [
  { name: 'the shop without Turnpike', role: 'bare', file: 'chain/shop', variant: 'bare' },
  { name: 'the shop', role: 'turnpike', file: 'chain/shop', variant: 'whole' },
];

const ABOUT =
  'The example shop, with Postgres (PGlite) in its process: what its queries take is in all figures. Beside it the same queries, handlers and middlewares, without those of Turnpike.';

/** Those of the shop's catalogue that are asked for. */
const PRODUCTS = 256;

/** As many addresses as it takes for none of them to reach its limit, and a browser behind each. */
const visitor = (n: number): Record<string, string> => ({
  'x-forwarded-for': `198.18.${(n >> 8) % 8}.${n % 256}`,
  'accept-encoding': 'gzip, deflate, br',
});

const page = (n: number): Call => ({ path: `/products/p${(n % PRODUCTS) + 1}`, headers: visitor(n) });

async function showsPages({ app }: Place): Promise<void> {
  const replies = [await app(page(1)), await app(page(1))];
  const said = replies.map(({ status, headers }) => `${status} ${headers.get('cache-status')}`).join(', then ');
  must(/^200 turnpike; fwd=\S+, then 200 turnpike; hit/.test(said), `a page was answered ${said}`);
  must(
    replies.every(({ headers }) => headers.has('ratelimit')),
    'a page tells the quota',
  );
}

async function orders({ app }: Place): Promise<Load> {
  const { body } = await app({ path: '/tokens' });
  const tokens = JSON.parse(body) as string[];
  const order = JSON.stringify({ productId: 'p1', quantity: 2 });
  return {
    call: (n) => ({
      method: 'POST',
      path: '/orders',
      headers: {
        ...visitor(n),
        authorization: `Bearer ${tokens[n % tokens.length]}`,
        'content-type': 'application/json',
        'idempotency-key': `order-${String(n).padStart(12, '0')}`,
      },
      body: order,
    }),
    status: 201,
    // The database takes one order after the other: more of them at once wait for it.
    connections: 16,
  };
}

async function placesOnce(place: Place): Promise<void> {
  const { call } = await orders(place);
  must(typeof call === 'function', 'orders differ');
  // A number that no request of the load has: they go up from nought, by millions at the most.
  const once = call(999_999_999_999);
  const [first, again] = [await place.app(once), await place.app(once)];
  must(first.status === 201 && first.body === again.body, `an order and its retry: ${first.body}, ${again.body}`);
  must(again.headers.get('idempotent-replayed') === 'true', 'a retry is said to be one');
  const stranger = await place.app({ method: 'POST', path: '/orders' });
  must(stranger.status === 401, `a stranger was answered ${stranger.status}`);
}

export const chainCases: readonly Case[] = [
  {
    id: 'chain/page',
    title: 'The page of a product, through the whole chain of the shop',
    about: `GET: rate limit, page cache (a hit). ${ABOUT}`,
    entrants,
    check: showsPages,
    async load({ app }) {
      for (let n = 0; n < PRODUCTS; n += 1) await app(page(n));
      return { call: page, status: 200 };
    },
    roundTrips: true,
  },
  {
    id: 'chain/order',
    title: 'An order, through the whole chain of the shop',
    about: `POST: rate limit by address, session, rate limit by user, idempotency (a first run), the order in a transaction, invalidation of one tag. ${ABOUT}`,
    entrants,
    check: placesOnce,
    load: orders,
    roundTrips: true,
  },
];
