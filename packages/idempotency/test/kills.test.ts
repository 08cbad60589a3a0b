import { setTimeout as sleep } from 'node:timers/promises';
import { fleet, scale } from '@turnpike/test-kit';
import { describe, expect, it } from 'vitest';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

const LEASE_MS = 400;
const VICTIMS = 5;
/** In each of two modes, at least. */
const KILLS = scale({ quick: 30, full: 500 });

const seed = Number(process.env['TURNPIKE_SEED'] ?? Date.now() % 1_000_000);
let state = seed;

/** From 0 to below `below`. */
function random(below: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
}

const newCart = (): string => `cart-${seed}-${random(1_000_000)}-${random(1_000_000)}`;

type StorePoint =
  `during the store, ${'its command not sent' | 'its command sent' | 'its command executed, its reply not read'}`;
type Point =
  | 'before the claim'
  | 'after the claim'
  | 'mid-effect'
  | 'after the effect'
  | StorePoint
  | 'after the store';

const STORE_POINTS: readonly [StorePoint, ...StorePoint[]] = [
  'during the store, its command not sent',
  'during the store, its command sent',
  'during the store, its command executed, its reply not read',
];

interface Order {
  readonly number: number;
  readonly cart: string;
}

/** The table of orders. It outlives the shops. */
interface Orders {
  /** Undefined when the column of the id is UNIQUE and has it. */
  insert(id: string, cart: string): Order | undefined;
  select(id: string): Order | undefined;
  of(cart: string): Order[];
  /** How many inserts the UNIQUE column refused. */
  readonly refused: number;
}

function createOrders({ isUnique }: { isUnique: boolean }): Orders {
  const rows: { id: string; order: Order }[] = [];
  const select = (id: string): Order | undefined => rows.find((row) => row.id === id)?.order;
  let refused = 0;
  return {
    insert(id, cart) {
      if (isUnique && select(id) !== undefined) {
        refused += 1;
        return undefined;
      }
      const order = { number: rows.length + 1, cart };
      rows.push({ id, order });
      return order;
    },
    select,
    of: (cart) => rows.flatMap(({ order }) => (order.cart === cart ? [order] : [])),
    get refused() {
      return refused;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly isReplay: boolean;
  readonly text: string;
  /** Of a refusal. */
  readonly code: string | undefined;
}

/** The process that retries go to. */
const SURVIVOR = 0;

/** Processes that sell from one table. */
interface Shops {
  /** Undefined when the connection broke before all of the answer was there. */
  order(shop: number, cart: string, stopAt?: Point): Promise<Answer | undefined>;
  /** Resolves when the request for `cart` stands at the point it was told. */
  standing(cart: string): Promise<void>;
  /** Resolves when this shop says that an answer of its own is stored. */
  stored(shop: number): Promise<void>;
  /** Whether it says that one was not stored in time, and left before: Redis was slow. */
  hasNotStored(shop: number): boolean;
  letGo(cart: string): void;
  kill(shop: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type FromShop =
  | { kind: 'listening'; port: number }
  | { kind: 'event'; type: string }
  | { kind: 'aborted' }
  | { kind: 'begin'; cart: string; replyTo: string }
  | { kind: 'insert'; id: string; cart: string; replyTo: string }
  | { kind: 'select'; id: string; replyTo: string }
  | { kind: 'reached'; point: Point; cart: string; replyTo: string };

async function openShops(count: number, orders: Orders, onInDoubt: 'rerun' | 'conflict'): Promise<Shops> {
  const shops = await fleet(count, new URL('fleet/shop.mjs', import.meta.url), {
    args: { url: it_.server.url, prefix: it_.clients.prefix, options: { onInDoubt, leaseMs: LEASE_MS } },
  });
  const ports: number[] = [];
  const stands = new Map<string, string>();
  const events = new Set<string>();

  shops.onMessage((message, shop) => {
    const said = message as FromShop;
    const answer = (value: unknown): void => {
      if ('replyTo' in said) shops.broadcast({ to: said.replyTo, value });
    };
    if (said.kind === 'listening') ports[shop] = said.port;
    else if (said.kind === 'begin') answer('begun');
    else if (said.kind === 'insert') answer(orders.insert(said.id, said.cart));
    else if (said.kind === 'select') answer(orders.select(said.id));
    else if (said.kind === 'event') events.add(`${shop} ${said.type}`);
    else if (said.kind === 'reached') stands.set(said.cart, said.replyTo);
  });
  const until = async (isSo: () => boolean, what: string): Promise<void> => {
    for (const startedAt = performance.now(); !isSo();) {
      if (performance.now() - startedAt > 20_000) throw new Error(`not within 20 s: ${what}`);
      await sleep(5);
    }
  };
  await until(() => Object.keys(ports).length === count, 'all shops are open');

  return {
    order: (shop, cart, stopAt) => post(ports[shop] ?? 0, cart, stopAt).catch(() => undefined),
    standing: (cart) => until(() => stands.has(cart), `the request for ${cart} stands where it was told`),
    stored: (shop) => until(() => events.has(`${shop} kept`), `shop ${shop} has stored an answer`),
    hasNotStored: (shop) => events.has(`${shop} not-stored`),
    letGo: (cart) => shops.broadcast({ to: stands.get(cart), value: 'go' }),
    kill: async (shop) => shops.members[shop]?.kill('SIGKILL'),
    [Symbol.asyncDispose]: () => shops.stop(),
  };
}

async function post(port: number, cart: string, stopAt?: Point): Promise<Answer> {
  const answer = await fetch(`http://127.0.0.1:${port}/orders`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `"${cart}"`,
      'x-cart': cart,
      ...(stopAt && { 'x-stop-at': stopAt }),
    },
    body: JSON.stringify({ cart }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    isReplay: answer.headers.get('idempotent-replayed') === 'true',
    text,
    code: answer.ok ? undefined : (JSON.parse(text) as { code?: string }).code,
  };
}

/** Asks as long as it is told that the first request is in flight; once more when `forMs` have passed since `since`. */
async function retry(
  shops: Shops,
  cart: string,
  { since = performance.now(), forMs = 20_000 } = {},
): Promise<Answer | undefined> {
  for (;;) {
    const isLast = performance.now() - since > forMs;
    const answer = await shops.order(SURVIVOR, cart);
    if (answer?.code !== 'idempotency_in_flight' || isLast) return answer;
    await sleep(40);
  }
}

/** One kill, and what came of it. */
interface Kill {
  readonly point: Point;
  readonly cart: string;
  /** What the client of the killed process got. */
  readonly first: Answer | undefined;
  readonly rowsAtKill: number;
  /** What the survivor said as soon as it did not say "in flight", and then again. */
  readonly retried: Answer | undefined;
  readonly again: Answer | undefined;
  /** From the kill to that answer. */
  readonly tookMs: number;
  readonly rows: Order[];
}

/** Brings one process to all six points, each in a request of its own, and kills it there. */
async function killAtSixPoints(shops: Shops, victim: number, orders: Orders, storePoint: StorePoint): Promise<Kill[]> {
  const start = (point: Point): { point: Point; cart: string; first: Promise<Answer | undefined> } => {
    const cart = newCart();
    return { point, cart, first: shops.order(victim, cart, point) };
  };
  const stopped = (['before the claim', 'after the claim', 'mid-effect', 'after the effect'] as const).map(start);
  const answered = start('after the store');
  await Promise.all([answered.first, shops.stored(victim), ...stopped.map(({ cart }) => shops.standing(cart))]);
  // Last, because it stops the whole process.
  const storing = start(storePoint);
  await shops.standing(storing.cart);

  await sleep(random(30));
  // An answer that has left before is not at its point.
  const requests = [...stopped, ...(shops.hasNotStored(victim) ? [] : [storing]), answered];
  const atKill = requests.map(({ cart }) => orders.of(cart).length);
  const killedAt = performance.now();
  await shops.kill(victim);
  return Promise.all(
    requests.map(async ({ point, cart, first }, n) => {
      const retried = await retry(shops, cart, { since: killedAt, forMs: LEASE_MS + 1000 });
      const tookMs = performance.now() - killedAt;
      const again = await shops.order(SURVIVOR, cart);
      return {
        point,
        cart,
        first: await first,
        rowsAtKill: atKill[n] ?? 0,
        retried,
        again,
        tookMs,
        rows: orders.of(cart),
      };
    }),
  );
}

async function killMany(orders: Orders, onInDoubt: 'rerun' | 'conflict'): Promise<Kill[]> {
  const kills: Kill[] = [];
  for (let batch = 0; kills.length < KILLS; batch += 1) {
    await using shops = await openShops(1 + VICTIMS, orders, onInDoubt);
    const ofVictims = Array.from({ length: VICTIMS }, (_, n) => {
      const storePoint = STORE_POINTS[(batch * VICTIMS + n) % STORE_POINTS.length] ?? STORE_POINTS[0];
      return killAtSixPoints(shops, 1 + n, orders, storePoint);
    });
    kills.push(...(await Promise.all(ofVictims)).flat());
  }
  return kills;
}

/** How many orders had been placed when the process was killed. */
const ROWS_AT_KILL: Readonly<Record<Point, number>> = {
  'before the claim': 0,
  'after the claim': 0,
  'mid-effect': 0,
  'after the effect': 1,
  'during the store, its command not sent': 1,
  'during the store, its command sent': 1,
  'during the store, its command executed, its reply not read': 1,
  'after the store': 1,
};

/** What a retry is told under `'conflict'`: the first run's answer where Redis has it, and a first run where none began. */
const UNDER_CONFLICT: Readonly<Record<Point, readonly string[]>> = {
  'before the claim': ['201'],
  'after the claim': ['409 outcome_unknown'],
  'mid-effect': ['409 outcome_unknown'],
  'after the effect': ['409 outcome_unknown'],
  'during the store, its command not sent': ['409 outcome_unknown'],
  'during the store, its command sent': ['409 outcome_unknown', '201 replayed'],
  'during the store, its command executed, its reply not read': ['201 replayed'],
  'after the store': ['201 replayed'],
};

const wordOf = (answer: Answer | undefined): string =>
  [answer?.status, answer?.code, answer?.isReplay === true && 'replayed'].filter(Boolean).join(' ');

/** What both modes owe. */
function expectKills(kills: Kill[]): void {
  for (const { point, first, rowsAtKill, retried, again, rows } of kills) {
    expect(rowsAtKill, `rows at the kill ${point}`).toBe(ROWS_AT_KILL[point]);
    expect(wordOf(first), `the first answer, killed ${point}`).toBe(point === 'after the store' ? '201' : '');
    expect(retried?.code, `lease + 1 s after the kill ${point}`).not.toBe('idempotency_in_flight');
    expect(again?.text, `the second retry, killed ${point}`).toBe(retried?.text);
    if (retried?.status === 201) expect(JSON.parse(retried.text), `killed ${point}`).toEqual(rows[0]);
    if (first !== undefined) expect(retried?.text, `killed ${point}`).toBe(first.text);
  }
}

/** A line for the README. */
function report(mode: string, kills: Kill[], more = ''): void {
  const keysWith = (isSo: (rows: number) => boolean): number => kills.filter(({ rows }) => isSo(rows.length)).length;
  const slowest = Math.max(...kills.map(({ tookMs }) => tookMs));
  const figures = [
    `${kills.length} kills`,
    `keys with 0 rows ${keysWith((rows) => rows === 0)}`,
    `with 1 row ${keysWith((rows) => rows === 1)}`,
    `with more ${keysWith((rows) => rows > 1)}`,
    `slowest final answer ${Math.round(slowest)} ms after the kill (lease ${LEASE_MS} ms)`,
  ];
  process.stdout.write(`kills, ${mode}: ${figures.join(', ')}${more}; TURNPIKE_SEED=${seed}\n`);
}

describe(`processes that are killed at six points (TURNPIKE_SEED=${seed})`, () => {
  it("leave one order for each key, which every retry gets, with 'rerun', a UNIQUE id and onDuplicate", async () => {
    const orders = createOrders({ isUnique: true });
    const kills = await killMany(orders, 'rerun');
    report("'rerun' + UNIQUE + onDuplicate", kills, `, second inserts that UNIQUE refused ${orders.refused}`);
    expectKills(kills);
    for (const { point, retried, rows } of kills) {
      expect(retried?.status, `the retry, killed ${point}`).toBe(201);
      expect(rows.length, `rows, killed ${point}`).toBe(1);
    }
    // Redis alone would have placed these twice.
    expect(orders.refused).toBeGreaterThan(0);
  }, 600_000);

  it("leave at most one order for each key with 'conflict', and a retry is never run after an effect", async () => {
    const orders = createOrders({ isUnique: false });
    const kills = await killMany(orders, 'conflict');
    report("'conflict'", kills);
    expectKills(kills);
    for (const { point, retried, rows } of kills) {
      expect(UNDER_CONFLICT[point], `the retry, killed ${point}`).toContain(wordOf(retried));
      expect(rows.length, `rows, killed ${point}`).toBe(point === 'before the claim' ? 1 : ROWS_AT_KILL[point]);
    }
  }, 600_000);
});

it("leaves one order for each key when Redis is flushed mid-run, with 'rerun', a UNIQUE id and onDuplicate", async () => {
  const OTHER = 1;
  const orders = createOrders({ isUnique: true });
  const redis = it_.clients.client();
  await using shops = await openShops(2, orders, 'rerun');
  const points: Point[] = ['after the claim', 'mid-effect', 'after the effect'];
  for (let round = 0; round < scale({ quick: 1, full: 10 }); round += 1) {
    const requests = Array.from({ length: 15 }, (_, n) => {
      const cart = newCart();
      return { cart, first: shops.order(OTHER, cart, points[n % points.length]) };
    });
    await Promise.all(requests.map(({ cart }) => shops.standing(cart)));

    await redis.flushall();
    const answers = await Promise.all(
      requests.map(async ({ cart, first }) => {
        const retried = retry(shops, cart);
        await sleep(random(200));
        shops.letGo(cart);
        return { cart, all: [await first, await retried, await retry(shops, cart)] };
      }),
    );
    await redis.flushall();
    for (const { cart, all } of answers) {
      all.push(await shops.order(OTHER, cart));
      expect(orders.of(cart)).toHaveLength(1);
      const [order] = orders.of(cart);
      expect(all.map((one) => [one?.status, JSON.parse(one?.text ?? 'null')])).toEqual(all.map(() => [201, order]));
    }
  }
  expect(orders.refused).toBeGreaterThan(0);
});
