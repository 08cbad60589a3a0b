import { type Problem, rateLimit, writeProblem } from '@turnpike/rate-limit';
import express, { Router } from 'express';
import { accountKey, accountOf } from './accounts.ts';
import type { Shop } from './app.ts';
import type { ShopSessions } from './sessions.ts';

/**
 * Signing in: limited per address first, then per account. The other way round, what an address is refused for would use
 * up the account, and lock its owner out. Only failures count against an account. No Redis, no login.
 */
export function login({ redis, prefix }: Shop, sessions: ShopSessions): Router {
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
  router.post('/login', address, express.json({ limit: '4kb' }), account, async (req, res) => {
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
