import type { Place } from '../harness/case.ts';
import type { Series } from '../harness/growth.ts';
import type { Call } from '../harness/http.ts';
import type { Load } from '../harness/load.ts';
import { loadedOnce } from './cache-aside.ts';
import { cache, guard, ledger, limiter, pages } from './growing.ts';
import { growthOfKeys } from './growth-of-keys.ts';
import { keyOf, order } from './idempotency.ts';
import { byCallers } from './rate-limit.ts';
import { signIn } from './single-session.ts';

/** The same request again and again, over more and more connections. */
const connections = (
  series: Pick<Series, 'bare' | 'turnpike' | 'id' | 'title'>,
  loadOf: (place: Place) => Promise<Load>,
): Series => ({
  ...series,
  about: 'As in the suite of the package.',
  unit: 'connections',
  amounts: [1, 8, 64, 512],
  async open(place) {
    const load = await loadOf(place);
    return async (amount) => ({ ...load, connections: amount });
  },
});

const KILOBYTES = [1, 16, 128, 1024];

/** Few at a time, or a hundred megabytes would be on their way. */
const FEW = 8;

const values = (series: Pick<Series, 'bare' | 'turnpike' | 'id' | 'title' | 'about'>): Series => ({
  ...series,
  unit: 'kB',
  amounts: KILOBYTES,
  open:
    async ({ app }) =>
    async (kilobytes) => {
      const call = { path: `/products/${kilobytes}kb` };
      await app(call);
      return { call, status: 200, connections: FEW };
    },
  verify: loadedOnce(KILOBYTES.length),
});

const TAGS = [0, 2, 8, 32];
const TAGGED = 64;

export const growth: readonly Series[] = [
  ...growthOfKeys,
  {
    ...limiter,
    id: 'growth/policies',
    title: 'Rate limit: more and more policies',
    about: 'All policies in one call, fixed windows.',
    unit: 'policies',
    amounts: [1, 2, 4, 8],
    open: async () => async (policies) => ({ call: byCallers(`/many/${policies}`), status: 200 }),
  },
  values({
    ...cache,
    turnpike: { file: 'cache/turnpike', variant: 'large' },
    id: 'growth/values',
    title: 'Cache: larger and larger values',
    about: 'A hit in Redis, parsed and answered with `res.json`. The bare one answers with the same product.',
  }),
  values({
    ...pages,
    turnpike: { file: 'cache/page-turnpike', variant: 'large' },
    id: 'growth/pages',
    title: 'Cache: larger and larger pages',
    about:
      'A hit in Redis, of a whole response. The bare one makes it with `res.json` each time: what is added may be less than nothing.',
  }),
  {
    ...cache,
    turnpike: { file: 'cache/turnpike', variant: 'tagged' },
    id: 'growth/tags',
    title: 'Cache: more and more tags of what is read',
    about: 'A hit in Redis, 1 kB of JSON.',
    unit: 'tags',
    amounts: TAGS,
    open:
      async ({ app }) =>
      async (tags) => {
        const call = (n: number): Call => ({ path: `/products/${tags}tags${n % TAGGED}` });
        for (let n = 0; n < TAGGED; n += 1) await app(call(n));
        return { call, status: 200 };
      },
    verify: loadedOnce(TAGS.length * TAGGED),
  },
  {
    ...cache,
    turnpike: { file: 'cache/turnpike', variant: 'tagged' },
    id: 'growth/put-tags',
    title: 'Cache: more and more tags of what is stored',
    about: 'Another product each time, 1 kB of JSON: not there, loaded and stored.',
    unit: 'tags',
    amounts: TAGS,
    open: async () => async (tags) => ({ call: (n) => ({ path: `/products/${tags}tags-m${n}` }), status: 200 }),
  },
  connections(
    { ...limiter, id: 'growth/limiter-connections', title: 'Rate limit: more and more connections' },
    async () => ({
      call: byCallers('/one'),
      status: 200,
    }),
  ),
  connections(
    { ...guard, id: 'growth/guard-connections', title: 'Sessions: more and more connections' },
    async ({ app }) => ({ call: { path: '/me', headers: await signIn(app, 'ann') }, status: 200 }),
  ),
  connections(
    { ...ledger, id: 'growth/ledger-connections', title: 'Idempotency: more and more connections' },
    async () => ({ call: (n) => order(keyOf(n)), status: 201 }),
  ),
  connections(
    { ...cache, id: 'growth/cache-connections', title: 'Cache: more and more connections' },
    async ({ app }) => {
      const call = (n: number): Call => ({ path: `/products/p${n % TAGGED}` });
      for (let n = 0; n < TAGGED; n += 1) await app(call(n));
      return { call, status: 200 };
    },
  ),
];
