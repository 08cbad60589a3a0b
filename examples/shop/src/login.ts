import { createHash, timingSafeEqual } from 'node:crypto';
import { rateLimit } from '@turnpike/rate-limit';
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

/** Signing in: five tries a minute for an account, wherever they come from. No Redis, no login. */
export function login({ redis, prefix }: { redis: Redis; prefix: string }): Router {
  const limit = rateLimit({
    redis,
    prefix,
    limit: 5,
    windowMs: 60_000,
    name: 'login',
    key: (req) => accountKey(req.body?.email),
    onStoreError: 'deny',
  });
  const router = Router();
  router.post('/login', express.json({ limit: '4kb' }), limit, (req, res) => {
    const { email, password } = req.body as { email?: unknown; password?: unknown };
    const expected = ACCOUNTS.get(accountKey(email) ?? '');
    const isRight =
      expected !== undefined && typeof password === 'string' && timingSafeEqual(expected, digest(password));
    if (isRight) res.json({ user: accountKey(email) });
    else res.status(401).json({ error: 'e-mail or password is wrong' });
  });
  return router;
}
