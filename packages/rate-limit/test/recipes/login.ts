import { rateLimit } from '@turnpike/rate-limit';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

/** One account in one spelling, or its limit could be passed by writing it in another. */
const accountOf = (email: unknown): string | undefined =>
  typeof email === 'string' ? email.normalize('NFKC').trim().toLowerCase() : undefined;

export function loginApp(redis: Redis, login: RequestHandler, prefix: string): Express {
  const address = rateLimit({
    redis,
    prefix,
    name: 'login-address',
    limit: 100,
    windowMs: 86_400_000,
    onStoreError: 'deny',
  });
  const account = rateLimit({
    redis,
    prefix,
    onStoreError: 'deny',
    key: (req) => accountOf(req.body?.email),
    policies: [
      { name: 'login-short', limit: 5, windowMs: 60_000, charge: 'failure', hidden: true },
      { name: 'login-day', limit: 50, windowMs: 86_400_000, charge: 'failure', hidden: true },
    ],
  });
  return express().post('/login', address, express.json(), account, login);
}
