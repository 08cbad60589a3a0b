import { type Problem, rateLimit, writeProblem } from '@turnpike/rate-limit';
import express, { Router } from 'express';
import { accountKey, accountOf } from './accounts.ts';
import type { Shop } from './app.ts';
import type { ShopSessions } from './sessions.ts';

const DAY_MS = 86_400_000;

/**
 * Signing in: failures are limited per address first, then per account and address, then per account. No address may use
 * up an account's day and lock its owner out, so it comes first and has fewer. No Redis, no login.
 */
export function login({ redis, prefix }: Shop, sessions: ShopSessions): Router {
  const failures = { redis, prefix, charge: 'failure', onStoreError: 'deny' } as const;
  const address = rateLimit({ ...failures, name: 'login-address', limit: 20, windowMs: DAY_MS });
  const pair = rateLimit({
    ...failures,
    name: 'login-pair',
    limit: 5,
    windowMs: 60_000,
    hidden: true,
    key: (req) => [accountKey(req.body?.email) ?? '', req.ip ?? ''],
  });
  const account = rateLimit({
    ...failures,
    name: 'login-account',
    limit: 50,
    windowMs: DAY_MS,
    hidden: true,
    key: (req) => accountKey(req.body?.email),
  });
  const router = Router();
  router.post('/login', address, express.json({ limit: '4kb' }), pair, account, async (req, res) => {
    const { email, password } = (req.body ?? {}) as { email?: unknown; password?: unknown };
    const known = accountOf(email, password);
    if (known === undefined) {
      writeProblem(WRONG, req, res, () => undefined);
      return;
    }
    const { token, replaced } = await sessions.login(known.email, {
      claims: { role: known.role },
      device: req.get('user-agent') ?? '',
    });
    res.json({ token, signedOut: replaced.map(({ device }) => device) });
  });
  return router;
}

const WRONG: Problem = { status: 401, code: 'wrong_credentials', detail: 'E-mail or password is wrong.' };
