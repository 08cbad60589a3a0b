import { isDeepStrictEqual } from 'node:util';
import { productOf } from '../contenders/cache/product.ts';
import type { Case, Entrant, Place, Weighing } from '../harness/case.ts';
import type { Load } from '../harness/load.ts';
import { type Call, type Http, must } from '../harness/http.ts';
import { bytesEach, commands, whole } from '../harness/target.ts';

const TURNPIKE = 'turnpike';
const TURNPIKE_BYTES = 'turnpike, a Buffer';
const TURNPIKE_L1 = 'turnpike, from the process';
const BARE = 'bare Express, res.json';
const BY_HAND = 'GET + JSON.parse, by hand';
const GET_AND_END = 'one getBuffer + raw end';
const BENTO = 'bentocache';
const CACHEABLE = 'cacheable';
const MANAGER = 'cache-manager';
const DEDUPE = 'async-cache-dedupe';
const APICACHE = 'apicache';
const APICACHE_MEMORY = 'apicache, in memory';

const RACE =
  'a read that began before an invalidation may be stored after it; one load per process; hangs while Redis hangs';

const bare: Entrant = { name: BARE, role: 'bare', file: 'cache/bare', variant: 'json' };
const byHand: Entrant = {
  name: BY_HAND,
  role: 'limit',
  file: 'cache/by-hand',
  variant: 'json',
  lacks: `${RACE}; all who miss load`,
};
const getAndEnd: Entrant = { ...byHand, name: GET_AND_END, variant: 'bytes' };

const rivals = (variant: string, names: readonly string[]): Entrant[] =>
  [
    { name: BENTO, file: 'cache/bentocache', lacks: RACE },
    { name: CACHEABLE, file: 'cache/cacheable', lacks: RACE },
    { name: MANAGER, file: 'cache/cache-manager', lacks: `${RACE}; no tags` },
    {
      name: DEDUPE,
      file: 'cache/async-cache-dedupe',
      lacks: variant === 'l1' ? `${RACE}; its memory is one process's own: no other hears of an invalidation` : RACE,
    },
  ]
    .filter(({ name }) => names.includes(name))
    .map((rival) => ({ ...rival, variant, role: 'rival' }));

const turnpike = (name: string, variant: string): Entrant => ({
  name,
  role: 'turnpike',
  file: 'cache/turnpike',
  variant,
});

const PRODUCT = productOf('p1');
/** Weighed with little in it, or the allocator's rounding would weigh more than the entry. */
const SMALL_BYTES = Buffer.byteLength(JSON.stringify(productOf('small1')));

async function loadsOf(app: Http): Promise<number> {
  const { body } = await app({ path: '/loads' });
  return (JSON.parse(body) as { loads: number }).loads;
}

/** A value is loaded once and comes from the cache then, until it is changed. */
async function caches({ app }: Place): Promise<void> {
  const read = async (): Promise<void> => {
    const { status, body } = await app({ path: '/products/p1' });
    must(
      status === 200 && isDeepStrictEqual(JSON.parse(body), PRODUCT),
      `a product was answered ${status} ${body.slice(0, 80)}`,
    );
  };
  const before = await loadsOf(app);
  for (let n = 0; n < 5; n += 1) await read();
  const loaded = (await loadsOf(app)) - before;
  must(loaded === 1, `five reads in a row loaded ${loaded} times`);
  await app({ method: 'POST', path: '/products/p1/changed' });
  await read();
  must((await loadsOf(app)) - before === 2, 'a product that has changed is loaded again');
}

async function cachesPages({ app }: Place): Promise<void> {
  for (let n = 0; n < 5; n += 1) {
    const { status, body } = await app({ path: '/products/p1' });
    must(
      status === 200 && isDeepStrictEqual(JSON.parse(body), PRODUCT),
      `a page was answered ${status} ${body.slice(0, 80)}`,
    );
  }
  const loaded = await loadsOf(app);
  must(loaded === 1, `five reads in a row ran the handler ${loaded} times`);
}

/** Of one product, a library may join many reads in one command: of many, each pays for itself. */
const PRODUCTS = 512;

const productPath = (n: number): Call => ({ path: `/products/p${n % PRODUCTS}` });

const hit = async ({ app }: Place): Promise<Load> => {
  for (let n = 0; n < PRODUCTS; n += 1) await app(productPath(n));
  return { call: productPath, status: 200 };
};

/** That what was read by so many names was loaded once for each of them: all else were hits. */
export const loadedOnce =
  (names: number) =>
  async ({ app }: Pick<Place, 'app'>): Promise<void> => {
    const loads = await loadsOf(app);
    must(loads <= names, `${loads} loads under ${names} names were no hits`);
  };

/** Every product, and the one of the check twice. */
const wereHits = loadedOnce(PRODUCTS + 2);

const weighing: Weighing = {
  thing: 'entry',
  things: 10,
  make: async ({ app }, n) => void (await app({ path: `/products/small${n}` })),
  payloadBytes: SMALL_BYTES,
};

const ALL = [BENTO, CACHEABLE, MANAGER, DEDUPE];
const TAGGED = [BENTO, CACHEABLE, DEDUPE];

export const cacheAsideCases: readonly Case[] = [
  {
    id: 'cache-aside/l2-hit',
    title: 'A value comes from Redis',
    about:
      'GET of one of 512 products, 1 kB of JSON; every contender reads it from Redis, parses it, and answers with `res.json`, where it is not said otherwise.',
    entrants: [
      bare,
      getAndEnd,
      byHand,
      turnpike(TURNPIKE, 'json'),
      turnpike(TURNPIKE_BYTES, 'bytes'),
      ...rivals('l2', ALL),
    ],
    check: caches,
    load: hit,
    verify: wereHits,
    weighing,
    targets: [
      {
        text: `CPU of a request for a Buffer, to ${GET_AND_END}`,
        atMost: 1.25,
        unit: '×',
        value: whole(TURNPIKE_BYTES, GET_AND_END),
        why: 'It reads under a deadline and a guard against silence, asks beside the entry for the clock that invalidations move, and judges what it finds; the other takes whatever a key holds.',
      },
      {
        text: 'CPU of a request, to the cheapest rival',
        atMost: 1,
        unit: '×',
        value: whole(TURNPIKE, ...ALL),
        why: 'It reads under a deadline, asks beside the entry for the clock that invalidations move, judges what it finds, and freezes what it has parsed; the cheapest takes whatever a key holds. Without Express, and many at a time, its own hit is the cheaper one: it asks for eight keys in one command.',
      },
      { text: 'commands', atMost: 1, unit: 'commands', value: commands(TURNPIKE) },
      {
        text: 'bytes per entry, beside the body',
        atMost: 120,
        unit: 'B',
        value: bytesEach(TURNPIKE),
        why: 'About a third is Redis’s own (the entry of its table, the object, the rounding of the allocator), a third the name of the key with its prefix, layout, package and id, a third what stands beside the value: who loads it, until when it is fresh, by which clock, its tags. With a short id it would be a byte or two over that.',
      },
    ],
  },
  {
    id: 'cache-aside/l2-hit-tagged',
    title: 'A value with two tags comes from Redis',
    about: 'As above, stored with two tags.',
    entrants: [bare, turnpike(TURNPIKE, 'tagged'), ...rivals('tagged', TAGGED)],
    check: caches,
    load: hit,
    verify: wereHits,
    weighing,
    targets: [
      {
        text: 'CPU of a request, to the cheapest rival',
        atMost: 1,
        unit: '×',
        value: whole(TURNPIKE, ...TAGGED),
        why: 'As above. The cheapest reads the value alone: its tags are lists of keys, which an invalidation walks through.',
      },
      { text: 'commands', atMost: 1, unit: 'commands', value: commands(TURNPIKE) },
    ],
  },
  {
    id: 'cache-aside/miss',
    title: 'A value is loaded and stored',
    about: 'GET of another product each time. Turnpike asks Redis for the lease without which no value is stored.',
    entrants: [bare, byHand, turnpike(TURNPIKE, 'json'), ...rivals('l2', ALL)],
    check: caches,
    load: async () => ({ call: (n) => ({ path: `/products/m${n}` }), status: 200 }),
    targets: [{ text: 'commands', atMost: 3, unit: 'commands', value: commands(TURNPIKE) }],
  },
  {
    id: 'cache-aside/l1-hit',
    title: 'A value comes from the memory of the process',
    about: 'GET of one of 512 products, with the in-process tier of those who have one.',
    entrants: [bare, turnpike(TURNPIKE, 'l1'), ...rivals('l1', ALL)],
    check: caches,
    load: hit,
    verify: wereHits,
    targets: [
      {
        text: 'CPU of a request, to the cheapest rival',
        atMost: 1,
        unit: '×',
        value: whole(TURNPIKE, ...ALL),
        why: 'A hit itself is a fraction of a microsecond, and what is measured here is what a process with a tier does besides: it listens, and its memory is larger for the collector. The cheapest is a Map, which no other process can tell of a change.',
      },
      { text: 'commands', atMost: 0, unit: 'commands', value: commands(TURNPIKE) },
    ],
  },
  {
    id: 'cache-aside/response-hit',
    title: 'A whole response comes from the cache',
    about: 'GET of one of 512 pages, 1 kB of JSON. The bare one makes it with `res.json` each time.',
    entrants: [
      { ...bare, file: 'cache/page-bare' },
      getAndEnd,
      { name: TURNPIKE, role: 'turnpike', file: 'cache/page-turnpike', variant: 'l2' },
      { name: TURNPIKE_L1, role: 'turnpike', file: 'cache/page-turnpike', variant: 'l1' },
      {
        name: APICACHE,
        role: 'rival',
        file: 'cache/page-apicache',
        variant: 'redis',
        lacks: 'one user may get the page of another; no invalidation across processes; all who miss run the handler',
      },
      {
        name: APICACHE_MEMORY,
        role: 'rival',
        file: 'cache/page-apicache',
        variant: 'memory',
        lacks: 'as the one above, in one process',
      },
    ],
    check: cachesPages,
    load: hit,
    verify: wereHits,
    targets: [
      {
        text: `CPU of a request, to ${GET_AND_END}`,
        atMost: 1.25,
        unit: '×',
        value: whole(TURNPIKE, GET_AND_END),
        why: 'A page is looked up by a digest of everything that could make it another page, is judged, has all the headers of its answer set where middlewares outside can see them, and says where it came from (Age, Cache-Status); the other writes the bytes of a key behind two headers. About half of the rest is the collector.',
      },
      {
        text: 'CPU of a request from the process, to bare Express',
        atMost: 1.2,
        unit: '×',
        value: whole(TURNPIKE_L1, BARE),
        why: 'The key, the judging and the headers, as above; nearly all else is what Node takes to answer.',
      },
      {
        text: `CPU of a request, to ${APICACHE}`,
        atMost: 1,
        unit: '×',
        value: whole(TURNPIKE, APICACHE),
        why: 'apicache looks a page up by its URL alone, and writes it whoever asks: callers, conditions and invalidations of other processes are nothing to it.',
      },
      {
        text: `CPU of a request from the process, to ${APICACHE_MEMORY}`,
        atMost: 1,
        unit: '×',
        value: whole(TURNPIKE_L1, APICACHE_MEMORY),
        why: 'As for apicache in Redis: a third of what is ours is the digest of the key, and as much the headers, one by one.',
      },
      { text: 'commands', atMost: 1, unit: 'commands', value: commands(TURNPIKE) },
      { text: 'commands, from the process', atMost: 0, unit: 'commands', value: commands(TURNPIKE_L1) },
    ],
  },
];
