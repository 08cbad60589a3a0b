import express, { type Express } from 'express';
import type { Redis } from 'ioredis';
import { catalogue } from './catalogue.ts';
import { login } from './login.ts';
import { answerErrors } from './problems.ts';

/** The shop, without a port: one room per feature, each with the limits it needs. */
export function createApp({ redis, prefix = 'shop' }: { redis: Redis; prefix?: string }): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(catalogue({ redis, prefix }));
  app.use(login({ redis, prefix }));
  app.use(answerErrors);
  return app;
}
