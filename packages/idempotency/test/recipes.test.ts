import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { eventually, race } from '@turnpike/test-kit';
import express from 'express';
import type { Redis } from 'ioredis';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HttpRequest } from '../src/index.ts';
import { browserApp } from './recipes/cors.ts';
import { topUpApp } from './recipes/payment.ts';
import { SCHEMA, orderApp } from './recipes/unique.ts';
import { webhookApp } from './recipes/webhook.ts';
import { windowApp } from './recipes/window.ts';
import { setting } from '@turnpike/test-kit/vitest';

const it_ = setting();

/** A client that is connected, so that no test waits for that within a recipe's deadline. */
async function connected(): Promise<Redis> {
  const redis = it_.clients.client();
  await redis.ping();
  return redis;
}

const userOf = (req: HttpRequest): string => String(req.headers['x-user'] ?? 'ann');

describe('RECIPES.md', () => {
  it('shows the recipes as they are tested here', () => {
    const page = readFileSync(join(import.meta.dirname, '../RECIPES.md'), 'utf8');
    const recipes = readdirSync(join(import.meta.dirname, 'recipes'));
    expect(recipes.length).toBe(5);
    for (const recipe of recipes) {
      expect(page).toContain(readFileSync(join(import.meta.dirname, 'recipes', recipe), 'utf8').trim());
    }
  });
});

describe('a UNIQUE column', () => {
  let db: PGlite;
  // Two to four seconds, and more on a machine that is busy: it sets up a new Postgres.
  beforeAll(async () => {
    db = await PGlite.create();
    await db.exec(SCHEMA);
  }, 120_000);
  afterAll(() => db?.close());
  beforeEach(async () => {
    await db.exec(`truncate orders, products; insert into products values ('p1', 1000)`);
  });

  const made = async (sql: Parameters<typeof orderApp>[1] = db) =>
    orderApp(await connected(), sql, userOf, it_.clients.prefix);
  const order = (app: express.Express, key: string, quantity = 2) =>
    request(app).post('/orders').set('Idempotency-Key', key).send({ productId: 'p1', quantity });
  const count = async (sql: string): Promise<number> => (await db.query<{ n: number }>(sql)).rows[0]!.n;
  const orders = () => count('select count(*)::int as n from orders');
  const stock = () => count('select stock as n from products');

  it('holds one order per key, and the stock right, while Redis is flushed again and again', async () => {
    // Each stands for a process: one knows of its own runs, also when Redis does not.
    const apps = await Promise.all([1, 2, 3, 4].map(() => made()));
    const [admin, keys] = [it_.clients.client(), 20];
    const over = new AbortController();
    let flushes = 0;
    const flushing = (async () => {
      for (; !over.signal.aborted; flushes += 1) {
        await admin.flushall();
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    const locations = await race(keys * 5, async (n) => {
      const key = `k${Math.floor(n / 5)}`;
      // The others are told that it is under way, and ask again, as a client would.
      const answer = await eventually(
        async () => {
          const said = await order(apps[n % apps.length]!, key);
          if (said.status !== 201) throw new Error(`${said.status} ${said.text}`);
          return said;
        },
        { withinMs: 20_000, everyMs: 50 },
      );
      return `${key} ${answer.headers['location']}`;
    }).finally(() => over.abort());
    await flushing;
    expect(flushes).toBeGreaterThan(2);
    expect(new Set(locations).size).toBe(keys);
    expect(await orders()).toBe(keys);
    expect(await stock()).toBe(1000 - 2 * keys);
  });

  it('holds one order when Redis forgets a run in the midst of its transaction', async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    let runs = 0;
    const slow = {
      query: db.query.bind(db),
      transaction: (async (run: Parameters<PGlite['transaction']>[0]) =>
        db.transaction(async (tx) => {
          runs += 1;
          if (runs === 1) await gate;
          return run(tx);
        })) as PGlite['transaction'],
    };
    const [app, otherProcess] = await Promise.all([made(slow), made(slow)]);
    const first = order(app, 'k').then((answer) => answer);
    await eventually(() => runs === 1);
    await it_.clients.client().flushall();
    const second = order(otherProcess, 'k').then((answer) => answer);
    // The second waits for the transaction of the first, as it would for its row in any Postgres.
    await eventually(async () => (await it_.clients.scan()).length === 1);
    go();
    const [one, other] = await Promise.all([first, second]);
    expect([one.status, other.status, runs]).toEqual([201, 201, 2]);
    expect(other.text).toBe(one.text);
    expect(other.headers['idempotent-replayed']).toBeUndefined();
    expect([await orders(), await stock()]).toEqual([1, 998]);
    const third = await order(app, 'k').expect(201).expect('Idempotent-Replayed', 'true');
    expect(third.text).toBe(one.text);
  });

  it('tells two users and two keys apart, and lets a key that found no stock try again', async () => {
    const app = await made();
    await order(app, 'k').expect(201);
    await order(app, 'k').set('X-User', 'bob').expect(201);
    await order(app, 'k', 3).expect(422);
    await order(app, 'many', 5000).expect(409, { error: 'sold out' });
    expect([await orders(), await stock()]).toEqual([2, 996]);
    await db.query('update products set stock = 5000');
    await order(app, 'many', 5000).expect(201);
    expect([await orders(), await stock()]).toEqual([3, 0]);
  });
});

describe('a payment provider', () => {
  /** What the provider does with the next charge: whatever it says, it may have been made. */
  let mood: 'well' | 'charges and hangs up' | 'fails' | 'declines';
  let canLookUp: boolean;
  let charges: Map<string, { id: string; amount: number; reference: string }>;

  const bank = createServer(
    express()
      .post('/charges', express.json(), (req, res) => {
        if (mood === 'fails') return void res.sendStatus(503);
        if (mood === 'declines') return void res.sendStatus(402);
        const key = req.get('Idempotency-Key') ?? '';
        const charge = charges.get(key) ?? { id: `ch_${charges.size + 1}`, ...req.body };
        charges.set(key, charge);
        if (mood === 'charges and hangs up') return void req.socket.destroy();
        res.json(charge);
      })
      .get('/charges', (req, res) => {
        if (!canLookUp) return void res.sendStatus(503);
        res.json([...charges.values()].filter(({ reference }) => reference === req.query['reference']));
      }),
  );
  beforeAll(async () => {
    await once(bank.listen(0, '127.0.0.1'), 'listening');
  });
  afterAll(() => {
    bank.close();
    bank.closeAllConnections();
  });
  beforeEach(() => {
    [mood, canLookUp, charges] = ['well', true, new Map()];
    // Express says on the console what was thrown.
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const made = async () => {
    const address = bank.address() as AddressInfo;
    const app = topUpApp(await connected(), `http://127.0.0.1:${address.port}`, userOf, it_.clients.prefix);
    return () => request(app).post('/top-ups').set('Idempotency-Key', 'k').send({ amount: 500 });
  };

  it('is asked once, and its answer replayed', async () => {
    const topUp = await made();
    await topUp().expect(201, { charge: 'ch_1', amount: 500 });
    await topUp().expect(201, { charge: 'ch_1', amount: 500 }).expect('Idempotent-Replayed', 'true');
    expect(charges.size).toBe(1);
    expect([...charges.keys()][0]).toMatch(/^[\w-]{43}\.charge$/);
  });

  it('charges and hangs up: the retry finds the charge, and the next one replays that', async () => {
    const topUp = await made();
    mood = 'charges and hangs up';
    await topUp().expect(500);
    mood = 'well';
    await topUp().expect(201, { charge: 'ch_1', amount: 500 });
    canLookUp = false;
    await topUp().expect(201, { charge: 'ch_1', amount: 500 }).expect('Idempotent-Replayed', 'true');
    expect(charges.size).toBe(1);
  });

  it('fails and cannot be asked: nobody charges again before it can', async () => {
    const topUp = await made();
    [mood, canLookUp] = ['fails', false];
    await topUp().expect(500);
    const refused = await topUp().expect(409);
    expect(JSON.parse(refused.text)).toMatchObject({ code: 'outcome_unknown', 'first-status': 500 });
    [mood, canLookUp] = ['well', true];
    await topUp().expect(201, { charge: 'ch_1', amount: 500 });
    expect(charges.size).toBe(1);
  });

  it('declines: that is an answer, and kept', async () => {
    const topUp = await made();
    mood = 'declines';
    await topUp().expect(402);
    mood = 'well';
    await topUp().expect(402).expect('Idempotent-Replayed', 'true');
    expect(charges.size).toBe(0);
  });
});

describe('a page of another origin', () => {
  const made = async () => {
    let orders = 0;
    return browserApp(
      await connected(),
      {
        signedIn: (req, res, next) => {
          if (req.get('Authorization') === undefined) res.sendStatus(401);
          else next();
        },
        limit: (_req, _res, next) => next(),
        placeOrder: (_req, res) =>
          void res
            .status(201)
            .location(`/orders/${(orders += 1)}`)
            .end(),
      },
      userOf,
      it_.clients.prefix,
    );
  };

  it('may ask with a key: its preflight passes without one, and without being signed in', async () => {
    const preflight = await request(await made())
      .options('/orders')
      .set('Origin', 'https://shop.example')
      .set('Access-Control-Request-Method', 'POST')
      .set('Access-Control-Request-Headers', 'authorization,content-type,idempotency-key')
      .expect(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('https://shop.example');
    expect(preflight.headers['access-control-allow-headers']).toContain('Idempotency-Key');
  });

  it('may read a replay and a refusal, each for the origin that asks', async () => {
    const app = await made();
    const order = (origin: string) => request(app).post('/orders').set({ Origin: origin, Authorization: 'Bearer t' });
    await order('https://shop.example').set('Idempotency-Key', 'k').send({ a: 1 }).expect(201);
    const again = await order('https://admin.shop.example').set('Idempotency-Key', 'k').send({ a: 1 }).expect(201);
    expect(again.headers).toMatchObject({
      'idempotent-replayed': 'true',
      location: '/orders/1',
      'access-control-allow-origin': 'https://admin.shop.example',
    });
    expect(again.headers['access-control-expose-headers']).toContain('Idempotent-Replayed');
    const refused = await order('https://shop.example').send({ a: 1 }).expect(400);
    expect(refused.headers['access-control-allow-origin']).toBe('https://shop.example');
    await request(app).post('/orders').set('Idempotency-Key', 'k').send({ a: 1 }).expect(401);
  });
});

describe('a webhook', () => {
  const SECRET = 'whsec';
  const made = async (handle: (event: { id: string }) => Promise<void>) => {
    const app = webhookApp(await connected(), SECRET, handle, it_.clients.prefix);
    return (event: object, secret = SECRET) => {
      const body = JSON.stringify(event);
      return request(app)
        .post('/webhooks/acme')
        .set('Content-Type', 'application/json')
        .set('Acme-Signature', createHmac('sha256', secret).update(body).digest('hex'))
        .send(body);
    };
  };

  it('is handled once, and 200 is replayed to every redelivery, whatever else it says', async () => {
    const handled: string[] = [];
    const deliver = await made(async ({ id }) => void handled.push(id));
    await deliver({ id: 'evt_1', type: 'paid', attempt: 1 }).expect(200);
    await deliver({ id: 'evt_1', type: 'paid', attempt: 2 }).expect(200).expect('Idempotent-Replayed', 'true');
    await deliver({ id: 'evt_2', type: 'paid', attempt: 1 }).expect(200);
    expect(handled).toEqual(['evt_1', 'evt_2']);
  });

  it('that was not signed by the provider reaches neither Redis nor the handler', async () => {
    const deliver = await made(async () => expect.unreachable());
    await deliver({ id: 'evt_1' }, 'guessed').expect(401);
    expect(await it_.clients.scan()).toEqual([]);
  });

  it('that arrives ten times at once is handled once; one that failed is handled again', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    let runs = 0;
    const deliver = await made(async () => {
      runs += 1;
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (runs === 1) throw new Error('the database is not there');
    });
    const statuses = await race(10, async () => (await deliver({ id: 'evt_1' })).status);
    expect(statuses.filter((status) => status === 409)).toHaveLength(9);
    expect(statuses).toContain(500);
    await deliver({ id: 'evt_1' }).expect(200);
    await deliver({ id: 'evt_1' }).expect(200).expect('Idempotent-Replayed', 'true');
    expect(runs).toBe(2);
    vi.restoreAllMocks();
  });
});

describe('a window', () => {
  const [mug, lamp] = [
    { sku: 'mug', quantity: 2 },
    { sku: 'lamp', quantity: 1 },
  ];

  it('takes the same basket of the same user for a double click, and later for an order', async () => {
    const ids: string[] = [];
    const app = windowApp(
      await connected(),
      userOf,
      async (id) => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return { id: ids.push(id) };
      },
      it_.clients.prefix,
    );
    const order = (user: string, items: object[]) => request(app).post('/orders').set('X-User', user).send({ items });
    const clicks = await race(5, async () => order('ann', [mug, lamp]));
    expect(clicks.map(({ text }) => text)).toEqual(Array.from({ length: 5 }, () => '{"id":1}'));
    await order('ann', [lamp, mug]).expect(201, { id: 1 }).expect('Idempotent-Replayed', 'true');
    await order('bob', [mug, lamp]).expect(201, { id: 2 });
    await order('ann', [mug]).expect(201, { id: 3 });

    const redis = it_.clients.client();
    const keys = await it_.clients.scan();
    expect(keys).toHaveLength(3);
    for (const key of keys) {
      expect(await redis.pttl(key)).toBeGreaterThan(5000);
      expect(await redis.pttl(key)).toBeLessThanOrEqual(10_000);
      await redis.pexpire(key, 1);
    }
    await eventually(async () => (await it_.clients.scan()).length === 0);
    await order('ann', [mug, lamp]).expect(201, { id: 4 });
    // A UNIQUE column would take it for a second order, too.
    expect(new Set(ids).size).toBe(4);
  });
});
