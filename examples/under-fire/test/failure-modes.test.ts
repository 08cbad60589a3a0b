import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createCache } from '@turnpike/cache-aside';
import { cacheResponse } from '@turnpike/cache-aside/express';
import { idempotency } from '@turnpike/idempotency';
import { rateLimit } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import {
  type FaultProxy,
  type RedisServer,
  clientFactory,
  eventually,
  faultProxy,
  startRedis,
} from '@turnpike/test-kit';
import express, { type ErrorRequestHandler } from 'express';
import type { Redis } from 'ioredis';
import { type TestContext, describe, expect, it } from 'vitest';

const page = readFileSync(join(import.meta.dirname, '../../../docs/failure-modes.md'), 'utf8');

/** What the page says of one fault and one package. */
interface Row {
  readonly fault: string;
  readonly packageName: string;
  readonly sees: string;
  readonly kept: string;
}

/** A cell that is left empty says what the one above it says. */
function rowsOf(text: string): Row[] {
  let last = '';
  return [...text.matchAll(/^\| (.*?) ?\| (.+?) \| (.+?) \| (.+?) \|$/gm)]
    .slice(1)
    .map(([, fault, packageName, sees, kept]) => {
      last = fault === '' ? last : fault!;
      return { fault: last, packageName: packageName!, sees: sees!, kept: kept! };
    });
}

interface Place {
  readonly server: RedisServer;
  readonly proxy: FaultProxy;
  /** A client of the server that no fault stands before. */
  readonly admin: Redis;
}

/** How each begins, and how it ends; those that are over at once have no end. */
const FAULTS: Record<string, { begin(place: Place): unknown; end?(place: Place): unknown }> = {
  'Redis hangs': { begin: ({ server }) => server.pause(), end: ({ server }) => server.resume() },
  'Redis is down': { begin: ({ server }) => server.kill(), end: ({ server }) => server.restart() },
  'Redis restarts empty': { begin: ({ admin }) => admin.flushall() },
  'Redis answers in 80 ms': { begin: ({ proxy }) => proxy.delay(40), end: ({ proxy }) => proxy.pass() },
  'a reply is lost, and the command sent again': { begin: ({ proxy }) => void proxy.dropNextReply() },
  'Redis forgets its scripts': { begin: ({ admin }) => admin.script('FLUSH') },
  'Redis is full, and evicts nothing': {
    begin: ({ admin }) => admin.config('SET', 'maxmemory', '1'),
    end: ({ admin }) => admin.config('SET', 'maxmemory', '0'),
  },
  'Redis may not be used like this (`NOPERM`)': {
    begin: ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha', '-mget'),
    end: ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '+@all'),
  },
};

const PACKAGES = ['rate-limit', 'single-session', 'idempotency', 'cache-aside'] as const;
type Package = (typeof PACKAGES)[number];

/** More is taken of the limit before than after. */
const [LIMIT, TAKEN] = [100, 20];

/** An app with a route for each package, and nothing else in it. */
function createApp(redis: Redis, prefix: string) {
  // A busy machine is not what is shown here; the cache has its own deadline, which is.
  const common = { redis, prefix, deadlineMs: 1_000 };
  const sessions = singleSession({
    ...common,
    jwt: { secret: 'thirty-two bytes or more, in a test', algorithm: 'HS256', issuer: 'a', audience: 'b' },
  });
  const limit = rateLimit({ ...common, limit: LIMIT, windowMs: 60_000 });
  const cache = createCache({ redis, prefix, ttlMs: 60_000 });
  const once = idempotency({ ...common, scope: 'public' });
  let [orders, renderings] = [0, 0];
  const app = express()
    .get('/limit', limit, (req, res) => void res.json({ remaining: limit.of(req).remaining }))
    .get('/session', sessions.guard(), (_req, res) => void res.json({}))
    .post('/order', once, (_req, res) => void res.status(201).json({ order: (orders += 1) }))
    .get(
      '/page',
      cacheResponse({ cache, scope: 'public' }),
      (_req, res) => void res.json({ rendering: (renderings += 1) }),
    );
  const answerErrors: ErrorRequestHandler = (_error, _req, res, _next) => void res.status(500).json({});
  app.use(answerErrors);
  const close = (): void => {
    sessions.close();
    cache.close();
  };
  return { app, sessions, close };
}

async function opened(onTestFinished: TestContext['onTestFinished']) {
  const server = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
  const proxy = await faultProxy(server);
  const [direct, behind] = [clientFactory(server), clientFactory(proxy)];
  const { app, sessions, close } = createApp(behind.client(), behind.prefix);
  const http = createServer(app).listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(async () => {
    close();
    http.close().closeAllConnections();
    await Promise.all([direct.close(), behind.close(), proxy.close()]);
    await server.stop();
  });
  const { token } = await eventually(() => sessions.login('ann'));
  const at = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const ask = async (path: string, init?: RequestInit) => {
    const answer = await fetch(at + path, init);
    return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Record<string, number> };
  };
  const order = (key: string) => ask('/order', { method: 'POST', headers: { 'Idempotency-Key': key } });
  const session = () => ask('/session', { headers: { Authorization: `Bearer ${token}` } });
  return { place: { server, proxy, admin: direct.client() }, ask, order, session };
}

type Opened = Awaited<ReturnType<typeof opened>>;

/** Asks once by each package. An order that was placed before, where `retried`. */
const statuses = async ({ ask, order, session }: Opened, retried: boolean): Promise<Record<Package, number>> => ({
  'rate-limit': (await ask('/limit')).status,
  'single-session': (await session()).status,
  idempotency: (await order(retried ? 'before' : 'meanwhile')).status,
  'cache-aside': (await ask('/page')).status,
});

/** What was told before anything happened: the answer to an order, and which rendering of the page is kept. */
interface Known {
  readonly order: number | undefined;
  readonly rendering: number | undefined;
}

/** Has every package know something, in Redis. */
async function used({ ask, order }: Opened): Promise<Known> {
  await eventually(async () => expect((await ask('/limit')).json['remaining']).toBeLessThanOrEqual(LIMIT - TAKEN), {
    everyMs: 1,
  });
  const placed = await order('before');
  const rendering = await eventually(async () => {
    const { headers, json } = await ask('/page');
    expect(headers.get('cache-status')).toMatch(/hit/);
    return json['rendering'];
  });
  return { order: placed.json['order'], rendering };
}

/** Whether each package still knows it. */
const kept = async ({ ask, order, session }: Opened, known: Known): Promise<Record<Package, boolean>> => ({
  'rate-limit': (await ask('/limit')).json['remaining']! < LIMIT - TAKEN,
  'single-session': (await session()).status === 200,
  idempotency: (await order('before')).json['order'] === known.order,
  'cache-aside': (await ask('/page')).json['rendering'] === known.rendering,
});

describe('docs/failure-modes.md', () => {
  const rows = rowsOf(page);

  it('says of every fault what comes of it in every package', () => {
    const faults = [...new Set(rows.map(({ fault }) => fault))];
    expect(faults.length).toBeGreaterThan(12);
    for (const fault of faults) {
      const told = rows.filter((row) => row.fault === fault).map(({ packageName }) => packageName);
      expect([fault, told]).toEqual([fault, told[0] === 'all' ? ['all'] : [...PACKAGES]]);
    }
    const withStatus = rows.filter(({ sees }) => sees.startsWith('`')).map(({ fault }) => fault);
    expect([...new Set(withStatus)].toSorted()).toEqual(Object.keys(FAULTS).toSorted());
  });

  it.concurrent.for(Object.entries(FAULTS))(
    'is right about what is seen and kept: %s',
    async ([fault, { begin, end }], { expect, onTestFinished }) => {
      const opening = await opened(onTestFinished);
      const known = await used(opening);
      const ofFault = rows.filter((row) => row.fault === fault);
      const told = (of: (row: Row) => unknown) => Object.fromEntries(ofFault.map((row) => [row.packageName, of(row)]));
      await begin(opening.place);
      const meanwhile = await statuses(opening, end === undefined);
      expect(meanwhile).toEqual(told(({ sees }) => Number(/^`(\d+)`/.exec(sees)?.[1])));

      await end?.(opening.place);
      await eventually(async () => expect(new Set(Object.values(await statuses(opening, false)))).not.toContain(503), {
        withinMs: 5_000,
      });
      const isKept = told((row) => row.kept.startsWith('all'));
      await eventually(async () => expect(await kept(opening, known)).toEqual(isKept), { withinMs: 5_000 });
    },
  );
});
