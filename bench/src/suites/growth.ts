import { Redis } from 'ioredis';
import type { Case, Entrant, Place } from '../harness/case.ts';

/** Turnpike alone, with more and more of something: each amount is a contender, and they are measured by turns. */
interface Series {
  readonly id: string;
  readonly title: string;
  readonly about: string;
  readonly file: string;
  readonly bare: Pick<Entrant, 'file' | 'variant'>;
  readonly amounts: readonly number[];
  readonly unit: string;
  variantOf(amount: number): string;
  load(place: Place, amount: number): ReturnType<Case['load']>;
}

const series = ({ id, title, about, file, bare, amounts, unit, variantOf, load }: Series): Case => {
  const nameOf = (amount: number): string => `${amount.toLocaleString('en-GB')} ${unit}`;
  return {
    id: `growth/${id}`,
    title,
    about,
    entrants: [
      { ...bare, name: 'bare Express', role: 'bare' },
      ...amounts.map((amount): Entrant => ({
        name: nameOf(amount),
        role: 'turnpike',
        file,
        variant: variantOf(amount),
      })),
    ],
    roundShare: 1 / 3,
    check: async () => undefined,
    load(place) {
      const amount = amounts.find((one) => nameOf(one) === place.entrant.name) ?? amounts[0] ?? 1;
      return load(place, amount);
    },
  };
};

/** Copies the one key there is under the names of other users, by the server itself: what a million requests would leave. */
async function populate({ redis: { host, port } }: Place, users: number): Promise<void> {
  const redis = new Redis({ host, port });
  const [key = ''] = await redis.keys('*user0000000*');
  const copies = `
    local value = redis.call('DUMP', KEYS[1])
    for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
      redis.call('RESTORE', (string.gsub(KEYS[1], 'user%d+', string.format('user%07d', n))), 3600000, value, 'REPLACE')
    end`;
  const STEP = 50_000;
  for (let n = 1; n < users; n += STEP) await redis.eval(copies, 1, key, n, Math.min(n + STEP, users) - 1);
  redis.disconnect();
}

const userName = (n: number): string => `user${String(n).padStart(7, '0')}`;

/** A prime, so that users come in no order that a cache of the processor likes. */
const STRIDE = 7919;

const rateLimit = { file: 'rate-limit/turnpike', bare: { file: 'rate-limit/bare', variant: '' } } as const;
const cache = { file: 'cache/turnpike', bare: { file: 'cache/bare', variant: 'json' } } as const;

export const growthCases: readonly Case[] = [
  series({
    ...rateLimit,
    id: 'keys',
    title: 'Rate limit: more and more callers',
    about: 'Callers by turns, each with a key of its own; one policy, sliding window.',
    amounts: [1_000, 10_000, 100_000, 1_000_000],
    unit: 'keys',
    variantOf: () => 'sliding-window',
    async load(place, users) {
      const call = (n: number) => ({ path: '/one', headers: { 'x-user': userName((n * STRIDE) % users) } });
      await place.app(call(0));
      if (place.entrant.role === 'turnpike') await populate(place, users);
      return { call, status: 200 };
    },
  }),
  series({
    ...rateLimit,
    id: 'policies',
    title: 'Rate limit: more and more policies',
    about: 'All policies in one call, fixed windows.',
    amounts: [1, 2, 4, 8],
    unit: 'policies',
    variantOf: () => 'fixed-window',
    load: async (_place, policies) => ({ call: { path: `/many/${policies}` }, status: 200 }),
  }),
  series({
    ...rateLimit,
    id: 'connections',
    title: 'Rate limit: more and more connections',
    about: 'One policy, fixed window.',
    amounts: [1, 8, 32, 128, 512],
    unit: 'connections',
    variantOf: () => 'fixed-window',
    load: async (_place, connections) => ({ call: { path: '/one' }, status: 200, connections }),
  }),
  series({
    ...cache,
    id: 'values',
    title: 'Cache: larger and larger values',
    about: 'A hit in Redis, parsed and answered with `res.json`. The bare one answers with the same product.',
    amounts: [1, 16, 128, 512],
    unit: 'kB',
    variantOf: () => 'json',
    async load({ app }, kilobytes) {
      const call = { path: `/products/${kilobytes}kb` };
      await app(call);
      return { call, status: 200 };
    },
  }),
  series({
    ...cache,
    id: 'tags',
    title: 'Cache: more and more tags',
    about: 'A hit in Redis, 1 kB of JSON.',
    amounts: [0, 2, 8, 32],
    unit: 'tags',
    variantOf: (tags) => `tags ${tags}`,
    async load({ app }) {
      const call = (n: number) => ({ path: `/products/p${n % 64}` });
      for (let n = 0; n < 64; n += 1) await app(call(n));
      return { call, status: 200 };
    },
  }),
];
