import { createCache } from '@turnpike/cache-aside';
import compression from 'compression';
import express, { type Express } from 'express';
import { account } from './accounts/account.ts';
import { login } from './accounts/login.ts';
import { shopSessions } from './accounts/sessions.ts';
import { cart } from './cart/cart.ts';
import { cartsOf } from './cart/carts.ts';
import { catalogue } from './catalogue/catalogue.ts';
import { announcementsOf } from './events/announcements.ts';
import { eventsOf } from './events/events.ts';
import { limitsOf } from './limits.ts';
import { health } from './observability/health.ts';
import { metricsOf } from './observability/metrics.ts';
import { countedRedis } from './observability/redis-count.ts';
import { orders } from './orders/orders.ts';
import { hardened, page } from './page.ts';
import { answerErrors, notFound } from './problems.ts';
import { type Shop, storeOf } from './shop.ts';

/** The shop, without a port. */
export interface ShopApp {
  readonly app: Express;
  /** Forgets all pages: those of another database. */
  forgetPages(): Promise<void>;
  /** Ends the streams that are open. */
  drain(): void;
  /** Ends what listens. Redis and the database stay open. */
  close(): void;
}

/** One room per feature, in the order in which a request meets them. */
export function createApp(shop: Shop): ShopApp {
  const sessions = shopSessions(shop);
  const limits = limitsOf(shop, sessions);
  const cache = createCache({ ...storeOf(shop), ttlMs: 60_000, staleMs: 60_000 });
  const carts = cartsOf(shop);
  const announcements = announcementsOf(shop);
  const events = eventsOf(sessions, announcements);
  const metrics = metricsOf();

  const app = express();
  app.disable('x-powered-by');

  // What only looks: it sees every request, and its end.
  app.use(metrics.measured, countedRedis(shop.redis));
  // Who asks whether we live is not counted, and not limited.
  app.use(health(shop), metrics.routes);
  // Outside of everything that keeps an answer: pages and repeated answers are plain bytes inside.
  app.use(compression({ filter: (req, res) => req.path !== '/events' && compression.filter(req, res) }));
  app.use(hardened);
  // Before anything that costs something.
  app.use(limits.browse);
  app.use(page());

  // Rooms. In each route: who (sessions), how often (limits), what (body), whether again (idempotency), what changes
  // (invalidates) or is shown (cache), and then the handler.
  app.use(catalogue(shop, cache, limits, sessions, announcements));
  app.use(login(shop, limits, sessions, carts));
  app.use(account(sessions));
  app.use(cart(sessions, carts));
  app.use(orders(shop, cache, limits, sessions));
  app.use(events.routes);

  // Errors last: they pass through all of the above on their way out.
  app.use(notFound);
  app.use(answerErrors);
  return {
    app,
    async forgetPages() {
      await cache.clear();
    },
    drain: events.end,
    close() {
      announcements.close();
      metrics.close();
      sessions.close();
      cache.close();
    },
  };
}
