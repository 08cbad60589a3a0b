import type { ServerResponse } from 'node:http';
import { type Shop, createApp, openDatabase, shopSessions } from '@turnpike/example-shop';
import type { Contender } from '../../harness/contender.ts';
import { LIMITER_DEADLINE_MS, connected } from '../client.ts';
import { SECRET } from '../single-session/routes.ts';
import { bareShop } from './bare-shop.ts';

/** Somebody each for as many as the shop allows thirty orders a minute. */
const USERS = 2_000;

/** More of everything than can be ordered, and accounts that sign in by no password. */
const STOCKED = `
update products set stock = 1000000000;
insert into accounts (email, role, password_salt, password_hash)
select 'user' || n || '@example.com', 'customer', '', '' from generate_series(0, ${USERS - 1}) n;`;

/**
 * The example shop as it is, with its database in its process; or (the variant 'bare') without Turnpike. It stands behind a
 * proxy that says who asks, since it allows one address 600 requests a minute. `/tokens` is not the shop's: it lets everybody in.
 */
export const contender: Contender = async ({ redis: address, variant }) => {
  const [redis, database] = await Promise.all([connected(address), openDatabase(undefined)]);
  await database.script(STOCKED);
  const shop: Shop = { redis, database, prefix: 'shop', secret: SECRET, deadlineMs: LIMITER_DEADLINE_MS };
  const app = variant === 'bare' ? bareShop(shop) : createApp(shop).app;
  app.set('trust proxy', 'loopback');
  return (req, res) => (req.url === '/tokens' ? void letIn(shop, res) : app(req, res));
};

async function letIn(shop: Shop, res: ServerResponse): Promise<void> {
  const sessions = shopSessions(shop);
  const tokens: string[] = [];
  for (let n = 0; n < USERS; n += 1) {
    const { token } = await sessions.login(`user${n}@example.com`, { claims: { role: 'customer' }, device: 'a phone' });
    tokens.push(token);
  }
  res.setHeader('Content-Type', 'application/json');
  res.end(JSON.stringify(tokens));
}
