import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventually, race } from '@turnpike/test-kit';
import { setting } from '@turnpike/test-kit/vitest';
import type { Express, RequestHandler } from 'express';
import type { Redis } from 'ioredis';
import request from 'supertest';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as cacheAside from '../src/cache-aside.ts';
import * as cacheResponse from '../src/cache-response.ts';
import * as idempotency from '../src/idempotency.ts';
import * as rateLimit from '../src/rate-limit.ts';
import * as singleSession from '../src/single-session.ts';

const it_ = setting();

let clients = 0;

/** The examples leave `prefix` out, as a first app does: here each client has keys of its own. */
async function connected(): Promise<Redis> {
  const redis = it_.clients.client({ keyPrefix: `${it_.clients.prefix}-${(clients += 1)}:` });
  await redis.ping();
  return redis;
}

/** What asks the app at one address, as clients do: a page is its host's. */
async function serve(app: Express) {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return request(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const source = join(import.meta.dirname, '../src');

/** Whose README begins its TypeScript with which files. */
const shownBy: Record<string, string[]> = {
  'rate-limit': ['rate-limit.ts'],
  'single-session': ['single-session.ts'],
  idempotency: ['idempotency.ts'],
  'cache-aside': ['cache-aside.ts', 'cache-response.ts'],
};
const fileOf = (name: string): string => readFileSync(join(source, name), 'utf8').trim();

describe('the examples', () => {
  it('are these, and have thirty lines at most', () => {
    const files = readdirSync(source);
    expect(files.toSorted()).toEqual(Object.values(shownBy).flat().toSorted());
    expect(files.filter((name) => fileOf(name).split('\n').length > 30)).toEqual([]);
  });

  it.each(Object.entries(shownBy))('are what the README of %s shows first, of 150 lines at most', (name, files) => {
    const readme = readFileSync(join(import.meta.dirname, '../../../packages', name, 'README.md'), 'utf8');
    const shown = [...readme.matchAll(/```ts\n([\s\S]*?)\n```/g)].map(([, code]) => code);
    expect(shown.slice(0, files.length)).toEqual(files.map(fileOf));
    expect(readme.trim().split('\n').length).toBeLessThanOrEqual(150);
  });
});

// Their deadlines are those of production. A machine that stalls for longer is no news, and is tried again.

it('rate-limit.ts lets a hundred of a hundred and twenty pass', () =>
  eventually(
    async () => {
      const app = await serve(rateLimit.createApp(await connected()));
      const answers = await race(120, () => app.get('/products'));
      const passed = answers.filter(({ status }) => status === 200);
      expect(passed.length).toBe(100);
      expect(Math.min(...passed.map(({ body }) => body.remaining))).toBe(0);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused.length).toBe(20);
      expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
    },
    { withinMs: 20_000 },
  ));

it('single-session.ts ends the session of the phone when its user signs in on a laptop, and tells it so', async () => {
  const secret = 'thirty-two bytes or more, in a test';
  const checkPassword = async (body: unknown) =>
    (body as { password?: string }).password === 'right' ? { id: 'ann' } : undefined;
  const app = await serve(singleSession.createApp(await connected(), secret, checkPassword));
  const login = (device: string, password = 'right') => app.post('/login').set('User-Agent', device).send({ password });
  const me = ({ body }: request.Response) => app.get('/me').set('Authorization', `Bearer ${body.token}`);

  await login('Phone', 'wrong').expect(401);
  const phone = await login('Phone').expect(200);
  await me(phone).expect(200, { user: 'ann' });
  const laptop = await login('Laptop').expect(200);
  const refused = JSON.parse((await me(phone).expect(401)).text);
  expect(refused).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
  await app.post('/logout').set('Authorization', `Bearer ${laptop.body.token}`).expect(204);
  await me(laptop).expect(401);
});

describe('idempotency.ts', () => {
  function orderTable() {
    const rows = new Map<string, { id: string; order: unknown }>();
    const orders: idempotency.Orders = {
      async insert(idempotencyId, order) {
        if (rows.has(idempotencyId)) return undefined;
        rows.set(idempotencyId, { id: `o${rows.size + 1}`, order });
        return rows.get(idempotencyId);
      },
      find: async (idempotencyId) => rows.get(idempotencyId)!,
    };
    return { rows, orders };
  }
  const signedIn: RequestHandler = (_req, _res, next) => next();

  it('makes one order of two requests with one key, and gives the second the answer of the first', async () => {
    const { rows, orders } = orderTable();
    const app = await serve(idempotency.createApp(await connected(), orders, signedIn, () => 'ann'));
    const send = (key: string) => app.post('/orders').set('Idempotency-Key', key).send({ productId: 'mug' });
    const [first, again, other] = [await send('k1'), await send('k1'), await send('k2')];
    expect([first.status, again.status, other.status]).toEqual([201, 201, 201]);
    expect([again.text, again.headers['location']]).toEqual([first.text, first.headers['location']]);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(other.headers['idempotent-replayed']).toBeUndefined();
    expect(rows.size).toBe(2);
    await app.post('/orders').send({ productId: 'mug' }).expect(400);
  });

  it('runs again after an insert whose reply was lost, and finds the order there', async () => {
    const { rows, orders } = orderTable();
    let isLost = true;
    const losing: idempotency.Orders = {
      ...orders,
      async insert(idempotencyId, order) {
        const inserted = await orders.insert(idempotencyId, order);
        if (isLost) throw new Error('the connection was lost');
        return inserted;
      },
    };
    const made = idempotency.createApp(await connected(), losing, signedIn, () => 'ann');
    made.set('env', 'test'); // Express keeps the stack traces of the errors to itself
    const app = await serve(made);
    const send = () => app.post('/orders').set('Idempotency-Key', 'k').send({ productId: 'mug' });
    await send().expect(500);
    isLost = false;
    await send().expect(201);
    expect(rows.size).toBe(1);
  });
});

function productTable() {
  const names = new Map([['p1', 'Mug']]);
  const reads: string[] = [];
  const product = async (id: string) => {
    reads.push(id);
    const name = names.get(id);
    return name === undefined ? null : { id, name };
  };
  const products = async () => {
    reads.push('all');
    return [...names].map(([id, name]) => ({ id, name }));
  };
  const rename = async (id: string, name: string) => void names.set(id, name);
  return { reads, product, products, rename };
}

it('cache-aside.ts reads a row once for fifty who ask at a time, and shows a new name at once', () =>
  eventually(
    async () => {
      const db = productTable();
      const app = await serve(cacheAside.createApp(await connected(), db));
      const answers = await race(50, () => app.get('/products/p1').expect(200));
      expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['{"id":"p1","name":"Mug"}']));
      expect(db.reads).toEqual(['p1']);
      await app.put('/products/p1').send({ name: 'Cup' }).expect(204);
      await app.get('/products/p1').expect(200, { id: 'p1', name: 'Cup' });
      expect(db.reads).toEqual(['p1', 'p1']);
    },
    { withinMs: 20_000 },
  ));

it('cache-response.ts renders a page once for fifty who ask at a time, and anew when what is on it has changed', () =>
  eventually(
    async () => {
      const db = productTable();
      const list: RequestHandler = async (_req, res) => void res.json(await db.products());
      const rename: RequestHandler = async (req, res) => {
        await db.rename(String(req.params['id']), req.body.name);
        res.sendStatus(204);
      };
      const app = await serve(cacheResponse.createApp(await connected(), list, rename));
      const answers = await race(50, () => app.get('/products').expect(200));
      expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['[{"id":"p1","name":"Mug"}]']));
      expect(db.reads).toEqual(['all']);
      const cached = await app.get('/products');
      expect(cached.headers['cache-status']).toMatch(/^turnpike; hit/);
      await app.put('/products/p1').send({ name: 'Cup' }).expect(204);
      await app.get('/products').expect(200, [{ id: 'p1', name: 'Cup' }]);
    },
    { withinMs: 20_000 },
  ));
