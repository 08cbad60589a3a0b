import type { Problem } from '@turnpike/rate-limit';
import express, { Router } from 'express';
import type { Shop } from '../shop.ts';
import type { Carts } from '../cart/carts.ts';
import { forgetGuest, guestOf } from '../cart/guest.ts';
import type { Limits } from '../limits.ts';
import { refuse } from '../problems.ts';
import { accountOf } from './credentials.ts';
import type { ShopSessions } from './sessions.ts';

/** Signing in: what a guest has in the cart goes into the account's. */
export function login({ database }: Shop, limits: Limits, sessions: ShopSessions, carts: Carts): Router {
  const { loginAddress, loginPair, loginAccount } = limits;
  const router = Router();
  router.post('/login', loginAddress, express.json({ limit: '4kb' }), loginPair, loginAccount, async (req, res) => {
    const { email, password } = (req.body ?? {}) as { email?: unknown; password?: unknown };
    const known = await accountOf(database, email, password);
    if (known === undefined) return refuse(WRONG, req, res);
    const { token, session, replaced } = await sessions.login(known.email, {
      claims: { role: known.role },
      device: deviceOf(req.body) ?? req.get('user-agent') ?? '',
    });
    const guest = guestOf(req);
    if (guest !== undefined) {
      // A cart is a convenience: who could sign in is not turned away for it.
      const merging = carts.merge({ guest }, { email: known.email });
      await merging.then(() => forgetGuest(res)).catch(() => undefined);
    }
    res.json({ token, handle: session.handle, role: known.role, signedOut: replaced.map(({ device }) => device) });
  });
  return router;
}

/** What the device calls itself, for people. */
const deviceOf = (body: unknown): string | undefined => {
  const { device } = (body ?? {}) as { device?: unknown };
  return typeof device === 'string' && device !== '' ? device.slice(0, 64) : undefined;
};

const WRONG: Problem = { status: 401, code: 'wrong_credentials', detail: 'E-mail or password is wrong.' };
