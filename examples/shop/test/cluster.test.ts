import { type ChildProcess, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RedisServer, eventually, race, scale, startRedis } from '@turnpike/test-kit';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { PASSWORDS, type Who } from './shop.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Ends what it runs when this process ends, however it ends. */
const TETHER = join(ROOT, 'scripts/setup/tether.mjs');
const WHO = Object.keys(PASSWORDS) as Who[];

const seed = Number(process.env['TURNPIKE_SEED'] ?? Date.now() % 1_000_000);
let state = seed;

/** From 0 to below `below`. */
function random(below: number): number {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
}

/** A program of the shop in a process of its own. */
interface Program {
  readonly child: ChildProcess;
  readonly exited: Promise<number>;
  out(): string;
  errors(): string;
}

function start(program: string, env: Record<string, string>): Program {
  const child = fork(TETHER, [process.execPath, join(ROOT, 'examples/shop/dist', program)], {
    env: { ...process.env, ...env },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => (said[name] += text));
  }
  const exited = once(child, 'exit').then(([code]) => Number(code));
  return { child, exited, out: () => said.stdout, errors: () => said.stderr };
}

async function end({ child, exited }: Program): Promise<void> {
  if (child.connected) child.disconnect();
  await exited;
}

/** What a program says when it is ready. */
const saying = (program: Program, pattern: RegExp): Promise<string> =>
  eventually(
    () => {
      if (program.child.exitCode !== null) throw new Error(`it has ended: ${program.errors()}`);
      const [found] = pattern.exec(program.out()) ?? [];
      if (found === undefined) throw new Error(`it has not said ${String(pattern)}: ${program.errors()}`);
      return found;
    },
    { withinMs: 25_000, everyMs: 20 },
  );

interface Shop extends Program {
  readonly port: number;
}

let redis: RedisServer;
let client: Redis;
let database: Program;
let pool: Pool;
let shops: Shop[];

/** Below the ports of outgoing connections, where any may be taken meanwhile. */
async function openShop(env: Record<string, string>, attempts = 5): Promise<Shop> {
  const port = randomInt(20_000, 32_000);
  const program = start('server.js', { ...env, PORT: String(port) });
  try {
    await saying(program, /is open at/);
    return { ...program, port };
  } catch (error) {
    await end(program);
    if (attempts === 0 || !program.errors().includes('is in use')) throw error;
    return openShop(env, attempts - 1);
  }
}

beforeAll(async () => {
  database = start('database/served.js', { PORT: '0' });
  [redis] = await Promise.all([startRedis(), saying(database, /postgres:\S+/)]);
  const url = database.out().trim();
  client = new Redis(redis.url);
  pool = new Pool({ connectionString: url, max: 1 });
  const env = { REDIS_URL: redis.url, DATABASE_URL: url, SHOP_SECRET: 'thirty-two bytes or more, in a test' };
  shops = await Promise.all([0, 1, 2].map(() => openShop(env)));
}, 60_000);
afterAll(async () => {
  await Promise.all((shops ?? []).map(end));
  await pool?.end();
  client?.disconnect();
  await Promise.all([end(database), redis?.stop()]);
});
beforeEach(async () => {
  await client.flushall();
  await pool.query('delete from orders');
  await pool.query('update products set stock = 500, price_cents = 1200');
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly json: any;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly agent?: Agent;
}

/** All shops have one name, as behind a load balancer: a page of one is a page of all. */
const NAME = 'shop.example';

function send(shop: number, path: string, { method = 'GET', headers = {}, body, agent }: Asked = {}): ClientRequest {
  const text = body === undefined ? '' : JSON.stringify(body);
  return request({
    host: '127.0.0.1',
    port: shops[shop]!.port,
    path,
    method,
    agent: agent ?? false,
    headers: {
      Host: NAME,
      ...(body !== undefined && { 'Content-Type': 'application/json', 'Content-Length': String(text.length) }),
      ...headers,
    },
  });
}

async function answerTo(sent: ClientRequest): Promise<Answer> {
  const [res] = (await once(sent, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += chunk;
  const { statusCode: status = 0, headers } = res;
  const json = /json/.test(headers['content-type'] ?? '') ? JSON.parse(text) : undefined;
  return { status, headers, text, json };
}

async function ask(shop: number, path: string, asked: Asked = {}): Promise<Answer> {
  const sent = send(shop, path, asked);
  sent.end(asked.body && JSON.stringify(asked.body));
  return answerTo(sent);
}

const credentials = (who: Who, device = 'a test') => ({
  email: `${who}@example.com`,
  password: PASSWORDS[who],
  device,
});

const login = (shop: number, who: Who, device?: string): Promise<Answer> =>
  ask(shop, '/login', { method: 'POST', body: credentials(who, device) });

type As = Record<'Authorization', string>;

async function signIn(shop: number, who: Who, device?: string): Promise<As> {
  const { status, json } = await login(shop, who, device);
  expect(status).toBe(200);
  return { Authorization: `Bearer ${json.token}` };
}

interface Order {
  readonly productId: string;
  readonly quantity: number;
}

const MUGS: Order = { productId: 'p1', quantity: 2 };

const order = (shop: number, as: As, key: string, body = MUGS): Promise<Answer> =>
  ask(shop, '/orders', { method: 'POST', headers: { ...as, 'Idempotency-Key': key }, body });

async function ordersIn(): Promise<{ id: string; email: string; quantity: number; product: string }[]> {
  return (await pool.query('select id, email, quantity, product_id as product from orders')).rows;
}

async function stockOf(id: string): Promise<number> {
  return (await pool.query('select stock from products where id = $1', [id])).rows[0].stock;
}

/** A stream of events, as a browser has it. */
interface Stream {
  /** Resolves to what the next event of this name says. */
  next(event: string): Promise<any>;
  readonly ended: Promise<unknown>;
}

async function listen(shop: number, as: As): Promise<Stream> {
  const sent = send(shop, '/events', { headers: as });
  sent.end();
  const [res] = (await once(sent, 'response')) as [IncomingMessage];
  expect(res.statusCode).toBe(200);
  let text = '';
  res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = once(res, 'close');
  const stream: Stream = {
    ended,
    next: (event) =>
      eventually(() => {
        const [whole, data] = new RegExp(`event: ${event}\ndata: (.*)\n\n`).exec(text) ?? [];
        if (whole === undefined || data === undefined) throw new Error(`no event ${event} in: ${text}`);
        text = text.replace(whole, '');
        return JSON.parse(data);
      }),
  };
  await stream.next('hello');
  return stream;
}

describe('three shops on one Redis and one database', () => {
  it('have one login: the newest, anywhere, ends the other, anywhere', async () => {
    const phone = await signIn(0, 'ann', 'Phone');
    const stream = await listen(1, phone);
    const { json } = await login(0, 'ann', 'Laptop');
    expect(json.signedOut).toEqual(['Phone']);
    expect(await stream.next('ended')).toEqual({ reason: 'replaced', by: 'Laptop' });
    await stream.ended;
    const refused = await ask(2, '/me', { headers: phone });
    expect(refused.status).toBe(401);
    expect(refused.json).toMatchObject({ code: 'session_replaced', 'replaced-by': { device: 'Laptop' } });
    const laptop = await ask(2, '/me', { headers: { Authorization: `Bearer ${json.token}` } });
    expect([laptop.status, laptop.json.device]).toEqual([200, 'Laptop']);
  });

  it('place one order of those that come with one key to all of them at once', async () => {
    const KEYS = 4; // thirty orders a minute are an account's
    const quantity = 2;
    for (const who of WHO) {
      const as = await signIn(0, who);
      for (let n = 0; n < KEYS; n += 1) {
        const answers = await race(3, (shop) => order(shop, as, `k${n}`));
        const placed = answers.filter(({ status }) => status === 201);
        expect(placed.length).toBeGreaterThan(0);
        for (const { status, json, headers } of answers) {
          if (status === 201) continue;
          expect([status, json.code]).toEqual([409, 'idempotency_in_flight']);
          expect(Number(headers['retry-after'])).toBeGreaterThan(0);
        }
        const again = await Promise.all([0, 1, 2].map((shop) => order(shop, as, `k${n}`)));
        for (const answer of again) expect(answer.headers['idempotent-replayed']).toBe('true');
        expect(new Set([...placed, ...again].map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
      }
    }
    expect(await ordersIn()).toHaveLength(WHO.length * KEYS);
    expect(await stockOf('p1')).toBe(500 - WHO.length * KEYS * quantity);
  });

  it('show a price that was changed at one at the next look at every other, and tell those who listen', async () => {
    const eve = await signIn(0, 'eve');
    const streams = await Promise.all([0, 1, 2].map((shop) => listen(shop, eve)));
    const look = async (shop: number): Promise<number[]> => {
      const [page, list] = await Promise.all([ask(shop, '/products/p1'), ask(shop, '/products?q=enamel%20mug')]);
      expect([page.status, list.status]).toEqual([200, 200]);
      return [page.json.priceCents, list.json.products[0].priceCents];
    };
    for (let n = 0; n < scale({ quick: 9, full: 300 }); n += 1) {
      const counts = await client.keys('shop:v1:rate-limit:*');
      if (counts.length > 0) await client.del(...counts);
      await Promise.all([0, 1, 2].map(look));
      const priceCents = 1000 + n;
      const changed = await ask(n % 3, '/products/p1/price', { method: 'PUT', headers: eve, body: { priceCents } });
      expect(changed.status).toBe(200);
      const seen = await Promise.all([0, 1, 2].map(look));
      expect(seen).toEqual([0, 1, 2].map(() => [priceCents, priceCents]));
      for (const stream of streams) expect(await stream.next('price')).toEqual({ id: 'p1', priceCents });
    }
    const [hit] = await Promise.all([0, 1, 2].map((shop) => ask(shop, '/products/p1')));
    expect(hit?.headers['cache-status']).toMatch(/hit/);
  });

  it(`place one order for each key while Redis forgets everything again and again (TURNPIKE_SEED=${seed})`, async () => {
    const KEYS = scale({ quick: 30, full: 300 });
    const TIMES = 3;
    let [flushes, logins, asked] = [0, 0, 0];
    const over = new AbortController();
    const counts = new Map<string, number>();
    const signedIn = new Map<Who, Promise<As>>();

    /** One login for all that find out at once that there is none. */
    const renew = (who: Who, old: Promise<As> | undefined): void => {
      if (signedIn.get(who) !== old) return;
      logins += 1;
      signedIn.set(
        who,
        eventually(() => signIn(random(3), who), { withinMs: 20_000 }),
      );
    };
    /** Until it is placed: as whoever has to have it would. */
    const place = async (who: Who, key: string, body: Order): Promise<Answer> => {
      for (;;) {
        if (!signedIn.has(who)) renew(who, undefined);
        const mine = signedIn.get(who)!;
        const answer = await order(random(3), await mine, key, body);
        asked += 1;
        const word = `${answer.status} ${answer.json.code ?? ''}${answer.headers['idempotent-replayed'] ? 'replayed' : ''}`;
        counts.set(word, (counts.get(word) ?? 0) + 1);
        if (answer.status === 201) return answer;
        expect([401, 409, 429, 503]).toContain(answer.status);
        if (answer.status === 401) renew(who, mine);
        else await sleep(random(20));
      }
    };

    const wanted = Array.from({ length: KEYS }, (_, n) => ({
      who: WHO[n % WHO.length]!,
      key: `k${n}`,
      body: { productId: `p${1 + (n % 4)}`, quantity: 1 + random(3) },
    }));
    const flushing = (async () => {
      for (; !over.signal.aborted; flushes += 1) {
        await client.flushall();
        await sleep(2 + random(90));
      }
    })();
    const texts = new Map<string, Set<string>>();
    try {
      // Not all at once, so that each account's turn comes before the next flush.
      const waiting = wanted.flatMap((one) => Array.from({ length: TIMES }, () => one));
      const worker = async (): Promise<void> => {
        for (let one = waiting.shift(); one; one = waiting.shift()) {
          const { text } = await place(one.who, one.key, one.body);
          texts.set(one.key, (texts.get(one.key) ?? new Set()).add(text));
        }
      };
      await Promise.all(Array.from({ length: 12 }, worker));
    } finally {
      over.abort();
      await flushing;
    }

    const placed = await ordersIn();
    console.log(`${KEYS} keys, ${asked} requests, ${flushes} flushes, ${logins} logins`, Object.fromEntries(counts));
    expect(placed).toHaveLength(KEYS);
    expect([...texts].filter(([, { size }]) => size !== 1)).toEqual([]);
    for (const id of ['p1', 'p2', 'p3', 'p4']) {
      const sold = wanted.reduce((sum, { body }) => sum + (body.productId === id ? body.quantity : 0), 0);
      expect([id, await stockOf(id)]).toEqual([id, 500 - sold]);
    }
    expect(flushes).toBeGreaterThan(5);
  }, 300_000);

  // Behind those that search: a denial is remembered for a while, whatever Redis forgets.
  it('count together: of eleven searches over all of them ten are answered', async () => {
    const answers = await race(11, (n) => ask(n % 3, `/products?q=mug`));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(1);
    const refused = await ask(0, '/products?q=pan');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('go on when one is told to end: it answers what is under way, closes its connections and ends with code 0', async () => {
    const LAST = 2;
    const last = shops[LAST]!;
    const ann = await signIn(0, 'ann');
    const stream = await listen(LAST, ann);

    // Load on all of them, on connections that are kept alive.
    let isEnding = false;
    const over = new AbortController();
    const failed: string[] = [];
    const served = [0, 0, 0];
    const agents = [0, 1, 2].map(() => new Agent({ keepAlive: true, maxSockets: 2 }));
    onTestFinished(() => {
      over.abort();
      for (const agent of agents) agent.destroy();
    });
    const load = async (shop: number): Promise<void> => {
      for (let n = 0; !over.signal.aborted; n += 1) {
        try {
          const { status } = await ask(shop, `/products/p${1 + (n % 9)}`, { agent: agents[shop]! });
          served[shop]! += 1;
          if (status !== 200 && status !== 429) failed.push(`${shop}: ${status}`);
        } catch (error) {
          if (shop === LAST && isEnding) return;
          failed.push(`${shop}: ${String(error)}`);
        }
        await sleep(5);
      }
    };
    const loads = [0, 1, 2].flatMap((shop) => [load(shop), load(shop)]);
    await eventually(() => served.every((n) => n > 5), { withinMs: 10_000 });

    // Under way for certain: it has the head of each, and waits for the body.
    const underWay = await Promise.all(
      [
        { path: '/orders', headers: { ...ann, 'Idempotency-Key': 'at-the-end' }, body: MUGS },
        { path: '/login', headers: {}, body: credentials('bob') },
        { path: '/cart/p1', method: 'PUT', headers: ann, body: { quantity: 3 } },
      ].map(async ({ path, method = 'POST', headers, body }) => {
        const sent = send(LAST, path, { method, headers: { ...headers, Expect: '100-continue' }, body });
        sent.flushHeaders();
        await once(sent, 'continue');
        return { sent, body };
      }),
    );
    isEnding = true;
    const toldAt = performance.now();
    last.child.kill('SIGTERM');
    await stream.ended;
    // It takes nobody new.
    await eventually(async () => {
      await expect(ask(LAST, '/healthz')).rejects.toThrow(/ECONNREFUSED/);
    });
    const answers = await Promise.all(
      underWay.map(({ sent, body }) => {
        sent.end(JSON.stringify(body));
        return answerTo(sent);
      }),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200]);
    expect(await last.exited).toBe(0);
    const tookMs = performance.now() - toldAt;
    expect(last.errors()).toBe('');

    // The others have not noticed.
    const before = [...served];
    await eventually(() => [0, 1].every((shop) => served[shop]! > before[shop]! + 5), { withinMs: 10_000 });
    const again = await order(0, ann, 'at-the-end');
    expect([again.status, again.text, again.headers['idempotent-replayed']]).toEqual([201, answers[0]?.text, 'true']);
    over.abort();
    await Promise.all(loads);
    console.log(`ended ${Math.round(tookMs)} ms after SIGTERM, served ${served.join(', ')}`);
    expect(failed).toEqual([]);
    expect(await ordersIn()).toHaveLength(1);
    // Nobody's keep-alive holds it up.
    expect(tookMs).toBeLessThan(3000);
  }, 60_000);
});
