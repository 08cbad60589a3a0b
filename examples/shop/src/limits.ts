import { isBackground } from '@turnpike/cache-aside/express';
import { type RateLimitMiddleware, rateLimit } from '@turnpike/rate-limit';
import { accountKey } from './accounts/credentials.ts';
import type { ShopSessions } from './accounts/sessions.ts';
import { type Shop, storeOf } from './shop.ts';

/** Every limit of the shop. */
export interface Limits {
  /** Of one address, on everything. */
  readonly browse: RateLimitMiddleware;
  /** Of one address, on what a database has to look for. */
  readonly search: RateLimitMiddleware;
  /** Failed logins of one address. */
  readonly loginAddress: RateLimitMiddleware;
  /** Failed logins of one address at one account. */
  readonly loginPair: RateLimitMiddleware;
  /** Failed logins at one account. */
  readonly loginAccount: RateLimitMiddleware;
  /** Orders of one account. */
  readonly orders: RateLimitMiddleware;
}

const [MINUTE_MS, DAY_MS] = [60_000, 86_400_000];

/**
 * Where Redis is away, who browses is counted by each instance alone, and nobody signs in: guesses that are not counted are
 * unlimited guesses. No address may use up an account's day and lock its owner out, so it has fewer, and comes first.
 */
export function limitsOf(shop: Shop, sessions: ShopSessions): Limits {
  const common = storeOf(shop);
  // A page that is rendered anew behind a stale one counts for nobody.
  const reads = { ...common, windowMs: MINUTE_MS, skip: isBackground };
  const failures = { ...common, charge: 'failure', onStoreError: 'deny' } as const;
  return {
    browse: rateLimit({ ...reads, name: 'browse', limit: 600 }),
    search: rateLimit({ ...reads, name: 'search', limit: 10 }),
    loginAddress: rateLimit({ ...failures, name: 'login-address', limit: 20, windowMs: DAY_MS }),
    loginPair: rateLimit({
      ...failures,
      name: 'login-pair',
      limit: 5,
      windowMs: MINUTE_MS,
      hidden: true,
      key: (req) => [accountKey(req.body?.email) ?? '', req.ip ?? ''],
    }),
    loginAccount: rateLimit({
      ...failures,
      name: 'login-account',
      limit: 50,
      windowMs: DAY_MS,
      hidden: true,
      key: (req) => accountKey(req.body?.email),
    }),
    orders: rateLimit({
      ...common,
      name: 'orders',
      limit: 30,
      windowMs: MINUTE_MS,
      key: (req) => sessions.of(req).userId,
    }),
  };
}
