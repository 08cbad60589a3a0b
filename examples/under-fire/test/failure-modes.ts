import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
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
import type { TestContext } from 'vitest';

export const PACKAGES = ['rate-limit', 'single-session', 'idempotency', 'cache-aside'] as const;
export type Package = (typeof PACKAGES)[number];

interface Place {
  readonly server: RedisServer;
  readonly proxy: FaultProxy;
  /** The app's, behind the proxy. */
  readonly client: Redis;
  /** How many replies the proxy has lost. */
  lost: number;
  /** A client of the server that no fault stands before. */
  readonly admin: Redis;
}

/** One without an end is over at once: it begins anew before each package is asked. */
interface Fault {
  begin(place: Place, asked: Package): unknown;
  end?(place: Place): unknown;
  /** The order is one that was placed before. */
  readonly isOfOld?: true;
}

export const FAULTS: Readonly<Record<string, Fault>> = {
  'Redis hangs': { begin: ({ server }) => server.pause(), end: ({ server }) => server.resume() },
  'Redis is down': { begin: ({ server }) => server.kill(), end: ({ server }) => server.restart() },
  'Redis restarts empty': { begin: ({ admin }) => admin.flushall(), isOfOld: true },
  'Redis answers in 80 ms': { begin: ({ proxy }) => proxy.delay(40), end: ({ proxy }) => proxy.pass() },
  'a reply is lost, and the command sent again': {
    async begin(place, asked) {
      await eventually(() => place.client.status === 'ready');
      const lost = place.proxy.dropNextReply((command) => command.some((part) => part.includes(`:v1:${asked}:`)));
      lost.then(() => (place.lost += 1)).catch(() => undefined);
    },
  },
  'Redis forgets its scripts': { begin: ({ admin }) => admin.script('FLUSH'), isOfOld: true },
  'Redis is full, and evicts nothing': {
    begin: ({ admin }) => admin.config('SET', 'maxmemory', '1'),
    end: ({ admin }) => admin.config('SET', 'maxmemory', '0'),
  },
  'Redis may not be used like this (`NOPERM`)': {
    begin: ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '-eval', '-evalsha', '-mget'),
    end: ({ admin }) => admin.call('ACL', 'SETUSER', 'default', '+@all'),
  },
};

/** A route for each package, which has its defaults, and nothing else in the way. */
function createApp(redis: Redis, prefix: string) {
  const sessions = singleSession({
    redis,
    prefix,
    jwt: { secret: 'thirty-two bytes or more, in a test', algorithm: 'HS256', issuer: 'a', audience: 'b' },
  });
  const limit = rateLimit({ redis, prefix, limit: 1_000, windowMs: 60_000 });
  const cache = createCache({ redis, prefix, ttlMs: 60_000 });
  const once_ = idempotency({ redis, prefix, scope: 'public' });
  let [orders, renderings] = [0, 0];
  const app = express()
    .get('/limit', limit, (req, res) => {
      const { used, degraded } = limit.of(req);
      res.json({ used, degraded });
    })
    .get('/session', sessions.guard(), (req, res) => void res.json({ degraded: sessions.of(req).degraded }))
    .post('/login', async (_req, res) => void res.json(await sessions.login('bob')))
    .post('/order', once_, (_req, res) => void res.status(201).json({ order: (orders += 1) }))
    .get('/page', cacheResponse({ cache, scope: 'public' }), (_req, res) => {
      res.json({ rendering: (renderings += 1) });
    })
    .post('/change', async (_req, res) => void res.json(await cache.invalidate({ tags: ['something else'] })));
  const answerErrors: ErrorRequestHandler = ({ status = 500, code }, _req, res, _next) =>
    void res.status(status).json({ code });
  app.use(answerErrors);
  const close = (): void => {
    sessions.close();
    cache.close();
  };
  return { app, sessions, orders: () => orders, close };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Readonly<Record<string, unknown>>;
}

export type Opened = Awaited<ReturnType<typeof opened>>;

/** That app, on a Redis of its own behind a network that can fail. */
export async function opened(onTestFinished: TestContext['onTestFinished']) {
  const server = await startRedis({ config: { appendonly: 'yes', appendfsync: 'always' } });
  const proxy = await faultProxy(server);
  const [direct, behind] = [clientFactory(server), clientFactory(proxy)];
  // Back at once, or what a lost reply shows would be how long a client takes to connect.
  const client = behind.client({ retryStrategy: () => 10 });
  const { app, sessions, orders, close } = createApp(client, behind.prefix);
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
  const ask = async (path: string, init?: RequestInit): Promise<Answer> => {
    const answer = await fetch(at + path, init);
    return { status: answer.status, headers: answer.headers, json: (await answer.json()) as Answer['json'] };
  };
  const post = (path: string, headers: Record<string, string> = {}) => ask(path, { method: 'POST', headers });
  return {
    place: { server, proxy, client, lost: 0, admin: direct.client() },
    orders,
    limit: () => ask('/limit'),
    session: () => ask('/session', { headers: { Authorization: `Bearer ${token}` } }),
    login: () => post('/login'),
    order: (key: string) => post('/order', { 'Idempotency-Key': key }),
    page: (query = '') => ask(`/page${query}`),
    invalidate: () => post('/change'),
  };
}

/** What an answer says of who decided: the decision itself, the problem's code, Cache-Status. */
export const wordsOf = ({ status, headers, json }: Answer): string =>
  [
    status,
    json['degraded'] === true && 'degraded',
    json['code'],
    headers.has('idempotent-replayed') && 'replayed',
    headers.has('idempotent-unprotected') && 'unprotected',
    /hit|fwd=[\w-]+/.exec(headers.get('cache-status') ?? '')?.[0],
  ]
    .filter((word) => word !== undefined && word !== false)
    .map((word) => `\`${String(word)}\``)
    .join(' ');
