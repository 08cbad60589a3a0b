import { type HttpRequest, idempotency } from '@turnpike/idempotency';
import cors from 'cors';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

/** An API for pages of other origins: who may ask, who it is, how often, what, whether again, and only then the work. */
export function browserApp(
  redis: Redis,
  { signedIn, limit, placeOrder }: Record<'signedIn' | 'limit' | 'placeOrder', RequestHandler>,
  userOf: (req: HttpRequest) => string,
  prefix: string,
): Express {
  const once = idempotency({ redis, prefix, scope: userOf });
  const app = express();
  // Before everything: preflights carry no credentials, and a page can read a refusal only with these headers.
  app.use(
    cors({
      origin: ['https://shop.example', 'https://admin.shop.example'],
      allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key'],
      exposedHeaders: ['Idempotent-Replayed', 'Idempotent-Unprotected', 'Location', 'Retry-After'],
    }),
  );
  app.post('/orders', signedIn, limit, express.json(), once, placeOrder);
  return app;
}
