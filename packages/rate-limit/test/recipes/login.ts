import { rateLimit } from '@turnpike/rate-limit';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

const DAY_MS = 86_400_000;

/** One account in one spelling, or its limit could be passed by writing it in another. */
const accountOf = (email: unknown): string | undefined =>
  typeof email === 'string' ? email.normalize('NFKC').trim().toLowerCase() : undefined;

export function loginApp(redis: Redis, login: RequestHandler, prefix: string): Express {
  const failures = { redis, prefix, charge: 'failure', onStoreError: 'deny' } as const;
  // No address may use up an account's day, so it has fewer failures of its own.
  const address = rateLimit({ ...failures, name: 'login-address', limit: 20, windowMs: DAY_MS });
  // Who guesses fast is slowed down at this account, and nobody else is.
  const pair = rateLimit({
    ...failures,
    name: 'login-pair',
    limit: 5,
    windowMs: 60_000,
    hidden: true,
    key: (req) => [accountOf(req.body?.email) ?? '', req.ip ?? ''],
  });
  const account = rateLimit({
    ...failures,
    name: 'login-account',
    limit: 50,
    windowMs: DAY_MS,
    hidden: true,
    key: (req) => accountOf(req.body?.email),
  });
  return express().post('/login', address, express.json(), pair, account, login);
}
