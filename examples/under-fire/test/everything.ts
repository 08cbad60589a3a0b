import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCache } from '@turnpike/cache-aside';
import { cacheResponse } from '@turnpike/cache-aside/express';
import { l1 } from '@turnpike/cache-aside/l1';
import type { RedisClient } from '@turnpike/core';
import { idempotency } from '@turnpike/idempotency';
import { createRateLimiter } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import { refreshing } from '@turnpike/single-session/refresh';
import { eventually } from '@turnpike/test-kit';
import express from 'express';

/** One who is nobody else, so that one run of everything leaves no trace for the next. */
let people = 0;

/**
 * Does each act for itself, so that one which fails does not keep the others from asking. Resolves to what was thrown.
 */
export async function ask(redis: RedisClient, acts: readonly Act[]): Promise<unknown[]> {
  const who = `user-${(people += 1)}-${process.pid}`;
  const ends: (() => void)[] = [];
  const outcomes = await Promise.all(acts.map((act) => act({ redis, deadlineMs: 1_000 }, who, ends)));
  for (const end of ends) end();
  return outcomes.flat();
}

export type Act = (
  common: { redis: RedisClient; deadlineMs: number },
  who: string,
  ends: (() => void)[],
) => Promise<unknown[]>;

/** Does one thing after the other, and keeps what they throw. */
async function each(...things: (() => unknown)[]): Promise<unknown[]> {
  const thrown: unknown[] = [];
  for (const thing of things) {
    try {
      await thing();
    } catch (error) {
      thrown.push(error);
    }
  }
  return thrown;
}

const limits: Act = (common, who) => {
  const limiter = createRateLimiter({
    ...common,
    onStoreError: 'deny',
    policies: [
      { name: 'a', limit: 5, windowMs: 60_000, charge: 'failure' },
      { name: 'b', limit: 5, windowMs: 60_000, algorithm: 'fixed-window' },
      { name: 'c', limit: 5, windowMs: 60_000, algorithm: 'token-bucket' },
    ],
  });
  return each(
    async () => {
      const { reservation } = await limiter.take(who);
      await limiter.settle(reservation!, 'refund');
    },
    () => limiter.peek(who),
    () => limiter.block(who, 1_000),
    () => limiter.reset(who),
  );
};

const sessionsOf: Act = async (common, who, ends) => {
  const secret = 'thirty-two bytes or more, in a test';
  const sessions = singleSession({
    ...common,
    jwt: { secret, algorithm: 'HS256', issuer: 'a', audience: 'b' },
    idleMs: 1_000,
  });
  const tokens = refreshing(sessions, { accessMs: 1_000 });
  ends.push(sessions.close);
  return each(
    async () => (await sessions.onEnded(() => undefined))(),
    () => sessions.login(who),
    async () => {
      const { token } = await sessions.login(who);
      await sessions.revokeOthers(await sessions.verify(token));
      await sleep(110);
      await sessions.logout(await sessions.verify(token));
    },
    async () => tokens.refresh((await tokens.login(who)).refreshToken),
    () => sessions.list(who),
    async () => sessions.revoke(who, (await sessions.login(who)).session.handle),
    () => sessions.revokeAll(who),
  );
};

const values: Act = async (common, who, ends) => {
  const cache = createCache({ ...common, ttlMs: 1, staleMs: 60_000, jitter: 0 });
  ends.push(cache.close);
  const read = async (value: string | undefined): Promise<void> => {
    await cache.getOrLoad(who, () => Promise.resolve(value), { tags: [who] });
    await sleep(5);
  };
  return each(
    () => read('one'),
    () => read('two'),
    () => read('three'),
    () => cache.invalidate({ tags: [who], keys: [who] }),
    () => read(undefined),
    () => cache.invalidate({ tags: [who], quarantineMs: 10 }),
    () => cache.writeThrough(who, ({ version }) => version(2)),
    () => cache.getOrLoad(`${who}-fails`, () => Promise.reject(new Error('a loader'))).catch(() => undefined),
    () => cache.clear(),
  );
};

/** More variants of a page than are kept. */
const VARIANTS = 21;

const pages: Act = async (common, who, ends) => {
  const cache = createCache({ ...common, ttlMs: 60_000 });
  ends.push(cache.close);
  const app = express().get(
    '/:page',
    cacheResponse({ cache }),
    (_req, res) => void res.vary('Accept-Language').send('a page'),
  );
  const at = await served(app, ends);
  const looks = Array.from({ length: VARIANTS }, (_, n) => async () => {
    await fetch(`${at}/${who}`, { headers: { 'Accept-Language': `x-${n}`, Host: 'a.test' } });
  });
  return each(...looks);
};

/** Longer than a third of the lease. A lease that is short itself refuses a claim over a slow connection. */
const HEARTBEAT_MS = 400;

const orders: Act = async (common, who, ends) => {
  const conflict = idempotency({
    ...common,
    scope: 'public',
    leaseMs: 900,
    onInDoubt: () => ({ status: 201, body: 'known' }),
  });
  const app = express().post('/:status', conflict, async (req, res) => {
    const status = Number(req.params.status);
    if (status === 201) await sleep(HEARTBEAT_MS);
    res.status(status).end();
  });
  const at = await served(app, ends);
  const order = (status: number) => async () => {
    const answer = await fetch(`${at}/${status}`, {
      method: 'POST',
      headers: { 'Idempotency-Key': `${who}-${status}` },
    });
    if (answer.status === 503 && status !== 503) throw new Error(await answer.text());
  };
  return each(order(201), order(201), order(429), order(500), order(500));
};

/** A tier in the process hears in this way, and gives out what it keeps. */
export const near =
  (coherence: 'tracking' | 'publish'): Act =>
  async (common, who, ends) => {
    const cache = createCache({ ...common, ttlMs: 60_000, l1: l1() });
    ends.push(cache.close);
    const tier = () => cache.stats().l1!;
    return each(async () => {
      await eventually(() => tier().coherence === coherence, { withinMs: 1_000 });
      await eventually(async () => (await cache.getOrLoad(who, () => 'a value')) && tier().hits > 0);
    });
  };

/** Everything that any package can ask of Redis, but for what a tier in the process does. */
export const everything: readonly Act[] = [limits, sessionsOf, values, pages, orders];

async function served(app: express.Express, ends: (() => void)[]): Promise<string> {
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
