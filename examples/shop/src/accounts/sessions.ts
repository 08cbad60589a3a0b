import { type SingleSession, singleSession } from '@turnpike/single-session';
import type { Shop } from '../app.ts';

/** What the shop's tokens say beside who. */
export interface Claims {
  readonly role: 'customer' | 'admin';
}

export type ShopSessions = SingleSession<Claims>;

/** One device at a time: the newest login wins, and the other device is told so at its next request. */
export const shopSessions = ({ redis, prefix, secret }: Shop): ShopSessions =>
  singleSession<Claims>({
    redis,
    prefix,
    jwt: { secret, algorithm: 'HS256', issuer: 'shop', audience: 'shop-web' },
  });
