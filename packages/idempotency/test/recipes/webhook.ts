import { createHmac, timingSafeEqual } from 'node:crypto';
import { idempotency } from '@turnpike/idempotency';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

type Event = { id: string; type: string };

/** The signature is over the bytes, so they are read as something only after it was checked. */
const verified =
  (secret: string): RequestHandler =>
  (req, res, next) => {
    const bytes = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    const right = createHmac('sha256', secret).update(bytes).digest();
    const given = Buffer.from(req.get('Acme-Signature') ?? '', 'hex');
    if (given.length !== right.length || !timingSafeEqual(given, right)) {
      res.sendStatus(401);
      return;
    }
    req.body = JSON.parse(bytes.toString());
    next();
  };

/**
 * Events of a provider that delivers each at least once, and again until it is answered 2xx. `handle` puts the event's id
 * into a UNIQUE column together with its effect, so that an event which may have been handled can be handled again.
 */
export function webhookApp(
  redis: Redis,
  secret: string,
  handle: (event: Event) => Promise<void>,
  prefix: string,
): Express {
  const once = idempotency({
    redis,
    prefix,
    scope: () => 'acme-pay',
    key: (req) => (req.body as Event).id,
    // The other members may differ between deliveries: a count of attempts, the time.
    fingerprint: { fields: ['id'] },
    // Nobody else comes back: an event in doubt that was refused would be lost.
    onInDoubt: 'rerun',
    // Longer than the provider tries.
    ttlMs: 7 * 86_400_000,
  });
  const app = express();
  app.post('/webhooks/acme', express.raw({ type: () => true }), verified(secret), once, async (req, res) => {
    await handle(req.body as Event);
    res.sendStatus(200);
  });
  return app;
}
