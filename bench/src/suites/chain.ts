import type { Case, Entrant, Place } from '../harness/case.ts';
import { type Call, must } from '../harness/http.ts';
import type { Load } from '../harness/load.ts';

const entrants: readonly Entrant[] = [
  { name: 'bare Express', role: 'bare', file: 'chain/shop', variant: 'bare' },
  { name: 'the whole chain', role: 'turnpike', file: 'chain/shop', variant: 'chain' },
];

const PRODUCTS = 512;

const page = (n: number): Call => ({ path: `/products/p${n % PRODUCTS}` });

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
  const { body } = await app({ method: 'POST', path: '/login' });
  const { token } = JSON.parse(body) as { token: string };
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const order = JSON.stringify({ productId: 'p1', quantity: 2 });
  return {
    call: (n) => ({
      method: 'POST',
      path: '/orders',
      headers: { ...headers, 'idempotency-key': `order-${String(n).padStart(12, '0')}` },
      body: order,
    }),
    status: 201,
  };
}

async function placesOnce(place: Place): Promise<void> {
  const { call } = await orders(place);
  must(typeof call === 'function', 'orders differ');
  const [first, again] = [await place.app(call(1)), await place.app(call(1))];
  must(first.status === 201 && first.body === again.body, `an order and its retry: ${first.body}, ${again.body}`);
  must(again.headers.get('idempotent-replayed') === 'true', 'a retry is said to be one');
  const stranger = await place.app({ method: 'POST', path: '/orders' });
  must(stranger.status === 401, `a stranger was answered ${stranger.status}`);
}

export const chainCases: readonly Case[] = [
  {
    id: 'chain/page',
    title: 'The page of a product, through the whole chain of the shop',
    about: 'GET: rate limit, page cache (a hit).',
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
    about:
      'POST: rate limit by address, session, rate limit by user, idempotency (a first run), invalidation of one tag and one path.',
    entrants,
    check: placesOnce,
    load: orders,
    roundTrips: true,
  },
];
