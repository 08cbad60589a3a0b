import { createHash, timingSafeEqual } from 'node:crypto';
import { type Problem, rateLimit, writeProblem } from '@turnpike/rate-limit';
import express, { Router } from 'express';
import type { Redis } from 'ioredis';

/** The example's one account. A real shop keeps a slow hash (argon2id, scrypt) of each password in its database. */
const ACCOUNTS = new Map([['ann@example.com', digest('correct horse battery staple')]]);

function digest(password: string): Buffer {
  return createHash('sha256').update(password).digest();
}

/** One account in one spelling, or its limit could be passed by writing it in another. */
const accountKey = (email: unknown): string | undefined =>
  typeof email === 'string' ? email.normalize('NFKC').trim().toLowerCase() : undefined;

/**
 * Signing in: per address first, then per account. The other way round, what an address is refused for would use up the
 * account, and lock its owner out. Only failures count against an account. No Redis, no login.
 */
export function login({ redis, prefix }: { redis: Redis; prefix: string }): Router {
  const address = rateLimit({
    redis,
    prefix,
    limit: 100,
    windowMs: 86_400_000,
    name: 'login-address',
    onStoreError: 'deny',
  });
  const account = rateLimit({
    redis,
    prefix,
    key: (req) => accountKey(req.body?.email),
    policies: [
      { name: 'login-short', limit: 5, windowMs: 60_000, charge: 'failure', hidden: true },
      { name: 'login-day', limit: 50, windowMs: 86_400_000, charge: 'failure', hidden: true },
    ],
    onStoreError: 'deny',
  });
  const router = Router();
  router.post('/login', address, express.json({ limit: '4kb' }), account, (req, res) => {
    const { email, password } = (req.body ?? {}) as { email?: unknown; password?: unknown };
    const expected = ACCOUNTS.get(accountKey(email) ?? '');
    const isRight =
      expected !== undefined && typeof password === 'string' && timingSafeEqual(expected, digest(password));
    if (isRight) res.json({ user: accountKey(email) });
    else writeProblem(WRONG, req, res, () => undefined);
  });
  return router;
}

const WRONG: Problem = { status: 401, code: 'wrong_credentials', detail: 'E-mail or password is wrong.' };
