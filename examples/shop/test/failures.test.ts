import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Clients,
  type RedisServer,
  clientFactory,
  eventually,
  runningTime,
  scale,
  settableClock,
  skipUnless,
  startRedis,
} from '@turnpike/test-kit';
import type { Redis } from 'ioredis';
import { Client } from 'pg';
import request, { type Response } from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../src/app.ts';
import type { Database } from '../src/database/database.ts';
import { openDatabase } from '../src/database/open.ts';
import { NO_POSTGRES, type PostgresServer, canStartPostgres, startPostgres } from './postgres.ts';
import { PASSWORDS, type Who, problemIn } from './shop.ts';

const seed = Number(process.env['TURNPIKE_SEED'] ?? Date.now() % 1_000_000);
let state = seed;

/** From 0 to below `below`. */
function random(below: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
}

let redis: RedisServer;
let clients: Clients;
beforeEach(async () => {
  redis = await startRedis();
  clients = clientFactory(redis);
});
afterEach(async () => {
  try {
    redis.resume();
    await clients.noKeyWithoutTtl();
  } finally {
    await clients.close();
    await redis.stop();
  }
});

interface OpenShop {
  readonly http: ReturnType<typeof request>;
  login(who: Who): Promise<Response>;
  as(who: Who): Promise<{ Authorization: string }>;
  order(as: { Authorization: string }, key: string, body?: object): Promise<Response>;
  [Symbol.asyncDispose](): Promise<void>;
}

async function openShop(database: Database, client: Redis): Promise<OpenShop> {
  await client.ping();
  const secret = 'thirty-two bytes or more, in a test';
  const { app, close } = createApp({ redis: client, database, prefix: clients.prefix, secret });
  const server: Server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const http = request(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const login = async (who: Who): Promise<Response> =>
    http.post('/login').send({ email: `${who}@example.com`, password: PASSWORDS[who] });
  return {
    http,
    login,
    async as(who) {
      const { body, status } = await login(who);
      expect(status).toBe(200);
      return { Authorization: `Bearer ${String(body.token)}` };
    },
    order: async (as, key, body = { productId: 'p1', quantity: 2 }) =>
      http
        .post('/orders')
        .set({ ...as, 'Idempotency-Key': key })
        .send(body),
    async [Symbol.asyncDispose]() {
      close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Refused for now: with a code, and with when to come back. */
function expectAway(answer: Response): void {
  expect(answer.status).toBe(503);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  expect(problemIn(answer)).toMatchObject({ status: 503, code: expect.any(String) });
}

const reset = (database: Database): Promise<void> =>
  database.script(`delete from orders; update products set stock = 500, price_cents = 1200`);

const ordersIn = (database: Database) =>
  database.query<{ id: string; email: string; product: string; quantity: number }>(
    'select id, email, product_id as product, quantity from orders order by placed_at',
  );

const stockOf = async (database: Database, id: string): Promise<number | undefined> =>
  (await database.query<{ stock: number }>('select stock from products where id = $1', [id]))[0]?.stock;

describe('Redis', () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase(undefined);
  });
  afterAll(() => database.close());
  beforeEach(() => reset(database));

  const FAILURES = {
    hangs: { stop: () => redis.pause(), start: () => redis.resume() },
    'is killed': { stop: () => redis.kill(), start: () => redis.restart() },
  } as const;

  it.each(Object.keys(FAILURES) as (keyof typeof FAILURES)[])(
    '%s: the catalogue is shown, what has to be counted or known is refused; and all is well when it is back',
    async (how) => {
      const { stop, start } = FAILURES[how];
      await using shop = await openShop(database, clients.client());
      const { http } = shop;
      const ann = await shop.as('ann');
      await http.get('/products/p1').expect(200);
      const inCart = await http.put('/cart/p1').send({ quantity: 1 }).expect(200);
      const [guest = ''] = String(inCart.headers['set-cookie']).split(';');
      await http.get('/readyz').expect(200, { redis: true, database: true });

      await stop();
      const firstMs = await runningTime(async () => {
        await http.get('/products/p1').expect(200);
      });
      // What each guard waits for before it knows, once.
      expect(firstMs).toBeLessThan(1000);
      for (const path of ['/products/p1', '/products/p2', '/products?q=mug']) {
        const ms = await runningTime(async () => {
          await http.get(path).expect(200);
        });
        expect([path, ms < 150 ? 'fast' : ms]).toEqual([path, 'fast']);
      }
      const { body: list } = await http.get('/products?q=enamel mug').expect(200);
      expect(list.products).toMatchObject([{ id: 'p1', name: 'Enamel mug' }]);

      expectAway(await shop.login('ann'));
      expectAway(await shop.order(ann, 'while-it-is-away'));
      expectAway(await http.get('/orders').set(ann));
      expectAway(await http.get('/me').set(ann));
      expectAway(await http.get('/cart').set('Cookie', guest));
      expectAway(await http.put('/cart/p1').send({ quantity: 1 }));
      expectAway(await http.get('/cart').set(ann));
      await http.get('/healthz').expect(200, { ok: true });
      await http.get('/readyz').expect(503, { redis: false, database: true });
      await http.get('/metrics').expect(200);

      await start();
      const backAt = performance.now();
      const again = await eventually(async () => {
        const { status } = await http.get('/readyz');
        expect(status).toBe(200);
        // Of a Redis that was killed, sessions are gone as well.
        const as = how === 'hangs' ? ann : await shop.as('ann');
        expect((await http.get('/me').set(as)).status).toBe(200);
        return as;
      });
      await eventually(async () => {
        await http.get('/products/p1').expect(200).expect('Cache-Status', /hit/);
      });
      await http.put('/cart/p1').set(again).send({ quantity: 1 }).expect(200);
      expect((await shop.order(again, 'while-it-is-away')).status).toBe(201);
      expect(performance.now() - backAt).toBeLessThan(4000);
      expect(await ordersIn(database)).toHaveLength(1);
      expect(await stockOf(database, 'p1')).toBe(498);
    },
  );

  it('that is killed again and again while it is ordered leaves one order for each key', async () => {
    await using shop = await openShop(database, clients.client());
    const KEYS = scale({ quick: 10, full: 25 });
    const over = new AbortController();
    const signIn = () => eventually(() => shop.as('ann'), { withinMs: 10_000, everyMs: 25 });
    let as = signIn();
    const place = async (n: number): Promise<void> => {
      for (;;) {
        const mine = as;
        const { status } = await shop.order(await mine, `k${n}`);
        if (status === 201) return;
        expect([401, 409, 503]).toContain(status);
        if (status === 401 && mine === as) as = signIn();
        await sleep(20);
      }
    };
    const kills = (async () => {
      for (; !over.signal.aborted; await redis.restart()) await sleep(random(300));
    })();
    // By turns, so that there are some under way at each kill.
    for (let n = 0; n < KEYS; n += 5) {
      await Promise.all(Array.from({ length: Math.min(5, KEYS - n) }, (_, m) => place(n + m)));
    }
    over.abort();
    await kills;
    expect(await ordersIn(database)).toHaveLength(KEYS);
    expect(await stockOf(database, 'p1')).toBe(500 - 2 * KEYS);
  });
});

describe(`Postgres (TURNPIKE_SEED=${seed})`, skipUnless(canStartPostgres, NO_POSTGRES), () => {
  let postgres: PostgresServer;
  let database: Database;
  beforeAll(async () => {
    postgres = await startPostgres();
    database = await openDatabase(postgres.url);
  }, 60_000);
  afterAll(async () => {
    await database?.close();
    await postgres?.stop();
  });
  beforeEach(async () => {
    await postgres.restart();
    await reset(database);
  });

  /** What the package for idempotency says while `work` runs. */
  async function said(work: () => Promise<void>): Promise<string[]> {
    const types: string[] = [];
    const listener = (message: unknown): void => void types.push((message as { type: string }).type);
    subscribe('turnpike:idempotency', listener);
    try {
      await work();
    } finally {
      unsubscribe('turnpike:idempotency', listener);
    }
    return types;
  }

  it('is away: a page that has expired is still shown, another is 503; and both are well when it is back', async () => {
    const client = clients.client();
    const clock = await settableClock(client);
    await using shop = await openShop(database, clock.client);
    const page = (id: string) => shop.http.get(`/products/${id}`);
    await page('p1').expect(200);
    await eventually(() =>
      page('p1')
        .expect(200)
        .expect('Cache-Status', /^turnpike; hit; ttl=\d+$/)
        .then(),
    );

    // Fresh for five minutes, and of use for an hour more.
    await clock.advance(1_800_000);
    // A connection of its own learns the time anew.
    const ready = once(client, 'ready');
    client.disconnect(true);
    await ready;
    await postgres.kill();
    for (let n = 0; n < 3; n += 1) {
      const { body } = await page('p1')
        .expect(200)
        .expect('Cache-Status', /^turnpike; hit; ttl=-\d+$/);
      expect(body).toMatchObject({ id: 'p1', name: 'Enamel mug', priceCents: 1200 });
    }
    expectAway(await page('p2'));
    expectAway(await shop.http.get('/products'));
    await shop.http.get('/readyz').expect(503, { redis: true, database: false });
    await shop.http.get('/healthz').expect(200);

    await postgres.restart();
    await eventually(() =>
      page('p1')
        .expect(200)
        .expect('Cache-Status', /^turnpike; hit; ttl=\d+$/)
        .then(),
    );
    await page('p2').expect(200);
    await shop.http.get('/readyz').expect(200);
  });

  it('is away: an order is 503, its key is given back, and the same key places one order then', async () => {
    await using shop = await openShop(database, clients.client());
    const ann = await shop.as('ann');
    await postgres.kill();
    const types = await said(async () => {
      for (let n = 0; n < 3; n += 1) expectAway(await shop.order(ann, 'k'));
    });
    expect(types).toEqual(['run', 'released', 'run', 'released', 'run', 'released']);
    expectAway(await shop.login('bob'));

    await postgres.restart();
    const placed = await eventually(async () => {
      const answer = await shop.order(ann, 'k');
      expect(answer.status).toBe(201);
      return answer;
    });
    const again = await shop.order(ann, 'k');
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, placed.text, 'true']);
    expect(await ordersIn(database)).toHaveLength(1);
    expect(await stockOf(database, 'p1')).toBe(498);
  });

  it('hangs: orders and pages end within the time of a statement, and go on when it does', async () => {
    await using shop = await openShop(database, clients.client());
    const ann = await shop.as('ann');
    // Connections that are open when it stops, and some that are not.
    await Promise.all([1, 2, 3].map(() => database.query('select 1')));
    postgres.pause();
    try {
      const tookMs = await Promise.all(
        [
          async () => shop.order(ann, 'k'),
          async () => shop.order(ann, 'k2'),
          async () => shop.http.get('/products/p3'),
          async () => shop.http.get('/products?sort=price'),
          async () => shop.http.get('/orders').set(ann),
          async () => shop.login('bob'),
        ].map(async (ask) => {
          const startedAt = performance.now();
          expectAway(await ask());
          return performance.now() - startedAt;
        }),
      );
      // A connection's second and the statement's three at most, and our own work.
      expect(Math.max(...tookMs)).toBeLessThan(4500);
      await shop.http.get('/healthz').expect(200);
    } finally {
      postgres.resume();
    }
    await eventually(async () => expect((await shop.order(ann, 'k')).status).toBe(201));
    expect((await shop.order(ann, 'k2')).status).toBe(201);
    await shop.http.get('/products/p3').expect(200);
    expect(await ordersIn(database)).toHaveLength(2);
    expect(await stockOf(database, 'p1')).toBe(496);
  });

  it('is killed between a commit and its answer: the retry finds the one order', async () => {
    await using shop = await openShop(database, clients.client());
    const ann = await shop.as('ann');
    // A commit waits for a standby that never comes: it is on disk, and nobody is told.
    await postgres.restart({ synchronous_standby_names: "'nobody'" });
    const products = ['p1', 'p2', 'p3', 'p4', 'p5'];
    const types = await said(async () => {
      const placing = products.map((productId) => shop.order(ann, productId, { productId, quantity: 3 }));
      await eventually(async () => expect(await waitingCommits(postgres.url)).toBe(products.length));
      await postgres.kill();
      for (const answer of await Promise.all(placing)) expectAway(answer);
    });
    // The shop knows that it does not know.
    expect(types.filter((type) => type === 'doubted')).toHaveLength(products.length);
    expect(types).not.toContain('released');

    await postgres.restart();
    const committed = await eventually(() => ordersIn(database));
    expect(committed.map(({ product }) => product).toSorted()).toEqual(products);
    for (const productId of products) {
      const retried = await shop.order(ann, productId, { productId, quantity: 3 });
      expect(retried.status).toBe(201);
      expect(committed.map(({ id }) => id)).toContain(retried.body.id);
      expect(retried.headers['idempotent-replayed']).toBeUndefined();
      const replayed = await shop.order(ann, productId, { productId, quantity: 3 });
      expect([replayed.text, replayed.headers['idempotent-replayed']]).toEqual([retried.text, 'true']);
      expect(await stockOf(database, productId)).toBe(497);
    }
    expect(await ordersIn(database)).toHaveLength(products.length);
  });

  it('is killed while it is ordered, many times: each key has one order, and the stock is right', async () => {
    const TRIES = scale({ quick: 6, full: 150 });
    const client = clients.client();
    await using shop = await openShop(database, client);
    const keys: string[] = [];
    let [firsts, inDoubt] = [0, 0];
    for (let n = 0; n < TRIES; n += 1) {
      const as = await eventually(() => shop.as('ann'));
      // Thirty orders a minute are enough for anybody else.
      const counts = await clients.scan(':v1:rate-limit:*');
      if (counts.length > 0) await client.del(...counts);
      const batch = Array.from({ length: 8 }, (_, m) => `${n}-${m}`);
      const of = (key: string) => shop.order(as, key, { productId: `p${1 + (keys.indexOf(key) % 4)}`, quantity: 1 });
      keys.push(...batch);
      let answered = 0;
      const placing = batch.map((key) => of(key).finally(() => (answered += 1)));
      const enough = n % batch.length;
      await eventually(() => answered >= enough, { everyMs: 1 });
      await sleep(random(12));
      await postgres.kill();
      const answers = await Promise.all(placing);
      for (const answer of answers) if (answer.status !== 201) expectAway(answer);
      firsts += answers.filter(({ status }) => status === 201).length;

      await postgres.restart();
      const before = new Set((await eventually(() => ordersIn(database))).map(({ id }) => id));
      for (const [m, key] of batch.entries()) {
        const retried = await eventually(async () => {
          const answer = await of(key);
          expect(answer.status).toBe(201);
          return answer;
        });
        if (answers[m]?.status === 201) expect(retried.text).toBe(answers[m].text);
        else if (before.has(String(retried.body.id))) inDoubt += 1;
      }
      expect(await ordersIn(database)).toHaveLength(keys.length);
    }
    for (const id of ['p1', 'p2', 'p3', 'p4']) expect(await stockOf(database, id)).toBe(500 - keys.length / 4);
    console.log(
      `${TRIES} kills: ${keys.length} keys, ${firsts} answered before, ${inDoubt} committed and not answered;` +
        ` TURNPIKE_SEED=${seed}`,
    );
  }, 600_000);
});

/** How many transactions are committed on disk, and wait to say so. */
async function waitingCommits(url: string): Promise<number> {
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    const { rows } = await admin.query("select count(*)::int as n from pg_stat_activity where wait_event = 'SyncRep'");
    return (rows as { n: number }[])[0]?.n ?? 0;
  } finally {
    await admin.end();
  }
}
