import express, { type Express } from 'express';
import type { Redis } from 'ioredis';
import { account } from './account.ts';
import { catalogue } from './catalogue.ts';
import { login } from './login.ts';
import { createOrderBook } from './order-book.ts';
import { orders } from './orders.ts';
import { answerErrors } from './problems.ts';
import { createProductTable } from './products.ts';
import { shopSessions } from './sessions.ts';

/** What the shop stands on. */
export interface Shop {
  readonly redis: Redis;
  /** Begins every key in Redis. */
  readonly prefix: string;
  /** Signs the tokens; at least 32 bytes. */
  readonly secret: string;
}

/** The shop, without a port: one room per feature, each with the limits it needs. */
export function createApp(shop: Shop): Express {
  const sessions = shopSessions(shop);
  const products = createProductTable();
  const app = express();
  app.disable('x-powered-by');
  app.use(catalogue(shop, sessions, products));
  app.use(login(shop, sessions));
  app.use(account(sessions));
  app.use(orders(shop, sessions, products, createOrderBook()));
  app.use(answerErrors);
  return app;
}
