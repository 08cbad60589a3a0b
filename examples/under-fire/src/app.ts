import { createCache } from '@turnpike/cache-aside';
import { cacheResponse } from '@turnpike/cache-aside/express';
import { l1 } from '@turnpike/cache-aside/l1';
import type { RedisClient } from '@turnpike/core';
import { type IdempotencyOptions, idempotency } from '@turnpike/idempotency';
import { rateLimit } from '@turnpike/rate-limit';
import { refusal, singleSession } from '@turnpike/single-session';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Database } from './database.ts';
import { createEar } from './heard.ts';
import { createPulse } from './pulse.ts';

/** What the app promises, for the oracle to hold it to. */
export const PROMISED = {
  /** Of one caller, in any trailing window. */
  limit: 10,
  windowMs: 1_000,
  /** How much of it a process admits by itself while Redis does not decide. */
  localShare: 0.5,
  /** For how long a killed run still counts as in flight. */
  leaseMs: 1_000,
  /** On how many a user may be signed in. */
  devicesOf: (user: string): number => (['eve', 'dan'].includes(user) ? 2 : 1),
  /** How old a value may be that a process gives out without asking Redis. */
  l1TtlMs: 500,
} as const;

/** What an app is made of. */
export interface Foundation {
  readonly redis: RedisClient;
  readonly prefix: string;
  readonly database: Database;
  /** Instead of what each package allows Redis by itself, in ms. */
  readonly deadlineMs?: number;
}

export interface UnderFireApp {
  readonly app: Express;
  close(): void;
}

/** Every package at work in one app, with an answer to each request that says what was decided, and by whom. */
export function createApp({ database, ...common }: Foundation): UnderFireApp {
  const sessions = singleSession({
    ...common,
    limit: PROMISED.devicesOf,
    // Whose use is noted after a tenth of it: here never, so that the oldest login makes room.
    idleMs: 43_200_000,
    jwt: { secret: 'thirty-two bytes or more, in a test', algorithm: 'HS256', issuer: 'under-fire', audience: 'tests' },
  });
  const { limit, windowMs, localShare, leaseMs, l1TtlMs } = PROMISED;
  const browse = rateLimit({ ...common, name: 'browse', limit: 1_000_000, windowMs: 60_000 });
  const few = rateLimit({
    ...common,
    name: 'few',
    limit,
    windowMs,
    localShare,
    key: ({ params }) => String(params?.['caller']),
  });
  const freshness = { ttlMs: 60_000, loadTimeoutMs: 500 };
  const cache = createCache({ ...common, ...freshness });
  const near = createCache({ ...common, ...freshness, l1: l1({ l1TtlMs }) });
  const once = (onInDoubt: 'conflict' | 'rerun') =>
    idempotency({
      ...common,
      leaseMs,
      onInDoubt,
      scope: (req) => sessions.of(req).userId,
    } satisfies IdempotencyOptions);
  const [careful, certain] = [once('conflict'), once('rerun')];
  const tagOf = (page: unknown): string => `page-${String(page)}`;
  const keyOf = (page: string): string => `value-${page}`;

  const ear = createEar();
  const pulse = createPulse({ limiter: browse.limiter, sessions, ledger: careful.ledger, cache, ear });

  const app = express();
  app.disable('x-powered-by');
  app.get('/pulse', async (_req, res) => {
    res.json({ away: await pulse(), backlog: cache.stats().backlog + near.stats().backlog });
  });
  app.use(browse);
  app.get('/few/:caller', few, (req, res) => {
    res.json({ isDegraded: few.of(req).degraded });
  });
  app.post('/login/:user', async (req, res) => {
    const { token } = await sessions.login(req.params.user);
    res.json({ token });
  });
  app.get('/me', sessions.guard(), (req, res) => {
    res.json({ user: sessions.of(req).userId });
  });
  app.post('/orders/careful', sessions.guard(), express.json(), careful, async (req, res) => {
    res.status(201).json({ order: await database.order(String(req.body.key)) });
  });
  app.post('/orders/certain', sessions.guard(), express.json(), certain, async (req, res) => {
    res.status(201).json({ order: await database.orderOnce(certain.of(req).id) });
  });
  app.get(
    '/pages/:page',
    cacheResponse({ cache, tags: ({ params }) => [tagOf(params?.['page'])] }),
    async (req, res) => {
      res.json({ version: await database.versionOf(req.params['page']) });
    },
  );
  app.put('/pages/:page', async (req, res) => {
    const version = await database.change(req.params.page);
    const { queued } = await cache.invalidate({ tags: [tagOf(req.params.page)] });
    res.json({ version, isDelivered: queued === 0 });
  });
  app.get('/values/:page', async ({ params: { page } }, res) => {
    const load = () => database.versionOf(page);
    const { value: version, heard } = await ear.listen(() => near.getOrLoad(keyOf(page), load));
    // Who loads without Redis shares that with whoever asks meanwhile.
    res.json({ version, isDegraded: heard.has('alone') || heard.has('joined'), isNear: heard.has('hit in l1') });
  });
  app.put('/values/:page', async ({ params: { page } }, res) => {
    const version = await database.change(page);
    const { queued } = await near.invalidate({ keys: [keyOf(page)] });
    res.json({ version, isDelivered: queued === 0 });
  });
  app.use(answerErrors);

  const close = (): void => {
    ear.close();
    sessions.close();
    cache.close();
    near.close();
  };
  return { app, close };
}

/** What is not for the client to mend is told by its name: the oracle wants to know which promise has failed. */
const answerErrors: ErrorRequestHandler = (error: Error & { code?: unknown }, _req, res, next) => {
  if (res.headersSent) return next(error);
  const { status, code } = refusal(error) ?? { status: 500, code: error.code };
  res.status(status).json({ code, detail: error.message });
};
