import { type SingleSession, singleSession } from '@turnpike/single-session';
import { type Shop, storeOf } from '../shop.ts';

/** What the shop's tokens say beside who. */
export interface Claims {
  readonly role: 'customer' | 'admin';
}

export type ShopSessions = SingleSession<Claims>;

/** One device at a time: the newest login wins, and the other device is told so at its next request. */
export const shopSessions = (shop: Shop): ShopSessions =>
  singleSession<Claims>({
    ...storeOf(shop),
    jwt: { secret: shop.secret, algorithm: 'HS256', issuer: 'shop', audience: 'shop-web' },
  });
