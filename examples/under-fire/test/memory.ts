import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCache } from '@turnpike/cache-aside';
import { idempotency } from '@turnpike/idempotency';
import { createRateLimiter } from '@turnpike/rate-limit';
import { singleSession } from '@turnpike/single-session';
import { refreshing } from '@turnpike/single-session/refresh';
import { eventually } from '@turnpike/test-kit';
import express from 'express';
import type { Redis } from 'ioredis';

/** What one user makes Redis keep, by what the page calls it. */
export interface Habits {
  readonly acts: Readonly<Record<string, (user: string) => Promise<unknown>>>;
  close(): void;
}

const DEVICE = 'Firefox on Linux, at home';

/** Everything that is kept for a user, or by what a user does. */
export async function habitsOn(redis: Redis, prefix: string): Promise<Habits> {
  const common = { redis, prefix, deadlineMs: 2_000 };
  const sessions = singleSession({
    ...common,
    limit: 3,
    jwt: { secret: 'thirty-two bytes or more, in a test', algorithm: 'HS256', issuer: 'a', audience: 'b' },
  });
  const tokens = refreshing(sessions, { accessMs: 60_000 });
  const limiter = createRateLimiter({ ...common, limit: 100, windowMs: 60_000 });
  const cache = createCache({ ...common, ttlMs: 60_000 });
  const once_ = idempotency({ ...common, scope: 'public' });
  const app = express().post('/', once_, (_req, res) => void res.status(201).json({ order: 'x'.repeat(1_000) }));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    acts: {
      'a caller who is limited': (user) => limiter.take(user),
      'a user who is signed in on one device': (user) => sessions.login(user, { device: DEVICE }),
      'a user who is signed in on three': async (user) => {
        for (let n = 0; n < 3; n += 1) await sessions.login(user, { device: DEVICE });
      },
      'a user with refresh tokens': async (user) =>
        tokens.refresh((await tokens.login(user, { device: DEVICE })).refreshToken),
      'an order whose answer is 1 KB': (user) => fetch(at, { method: 'POST', headers: { 'Idempotency-Key': user } }),
      'a value of 1 KB that is cached': async (user) => {
        await cache.getOrLoad(user, () => Promise.resolve('x'.repeat(1_000)));
        await eventually(async () => (await redis.exists(`${prefix}:v1:cache-aside:{${user}}`)) === 1);
      },
    },
    close() {
      sessions.close();
      cache.close();
      server.close();
      server.closeAllConnections();
    },
  };
}
