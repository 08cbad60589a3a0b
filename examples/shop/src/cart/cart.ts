import type { Problem } from '@turnpike/rate-limit';
import express, { type Request, Router } from 'express';
import type { ShopSessions } from '../accounts/sessions.ts';
import { isId } from '../catalogue/catalogue.ts';
import { refuse } from '../problems.ts';
import { CART_TTL_MS, type Carts, type Owner } from './carts.ts';
import { guestOf, newGuest } from './guest.ts';

/** A cart: of the account where there is a token, otherwise of the guest. */
export function cart(sessions: ShopSessions, carts: Carts): Router {
  const router = Router();
  const guard = sessions.guard();
  const signedInIfSaid: typeof guard = (req, res, next) =>
    req.headers.authorization === undefined ? next() : guard(req, res, next);

  const ownerOf = (req: Request): Owner | undefined => {
    if (req.get('authorization') !== undefined) return { email: sessions.of(req).userId };
    const guest = guestOf(req);
    return guest === undefined ? undefined : { guest };
  };

  router.get('/cart', signedInIfSaid, async (req, res) => {
    const owner = ownerOf(req);
    res.set('Cache-Control', 'no-store').json({ lines: owner === undefined ? [] : await carts.read(owner) });
  });
  router.put('/cart/:productId', signedInIfSaid, express.json({ limit: '4kb' }), async (req, res) => {
    const { productId } = req.params;
    const { quantity } = (req.body ?? {}) as { quantity?: unknown };
    const isQuantity = typeof quantity === 'number' && Number.isInteger(quantity) && quantity >= 0 && quantity <= 100;
    if (!isId(productId) || !isQuantity) return refuse(NO_CART_LINE, req, res);
    const owner = ownerOf(req) ?? { guest: newGuest(res, CART_TTL_MS) };
    const lines = await carts.put(owner, { productId, quantity });
    if (lines === undefined) refuse(FULL, req, res);
    else res.set('Cache-Control', 'no-store').json({ lines });
  });
  return router;
}

const NO_CART_LINE: Problem = {
  status: 400,
  code: 'no_cart_line',
  detail: 'A line of a cart is JSON: { "quantity": 0 to 100 }.',
};

const FULL: Problem = { status: 409, code: 'cart_full', detail: 'There is no room for another product in this cart.' };
