import { type HttpRequest, type KnownAnswer, idempotency } from '@turnpike/idempotency';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

type Charge = { id: string; amount: number };

/** Tops up a balance by a payment provider that honours an idempotency key of its own. */
export function topUpApp(
  redis: Redis,
  provider: string,
  userOf: (req: HttpRequest) => string,
  prefix: string,
): Express {
  const once = idempotency({
    redis,
    prefix,
    scope: userOf,
    async onInDoubt({ id }) {
      const lookUp = `${provider}/charges?reference=${id}`;
      const found = await fetch(lookUp, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
      if (!found?.ok) return 'unknown';
      const [charge] = (await found.json()) as Charge[];
      // A charge that is still under way is not found. To ask again is safe: the provider is given the same key.
      return charge === undefined ? 'not-done' : receipt(charge);
    },
  });

  const app = express();
  app.post('/top-ups', express.json(), once, async (req, res) => {
    const { id, signal } = once.of(req);
    const answer = await fetch(`${provider}/charges`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Idempotency-Key': `${id}.charge` },
      body: JSON.stringify({ amount: req.body.amount, reference: id }),
      signal,
    });
    if (answer.status === 402) {
      // Kept, as every 4xx: another card is another request, with another key.
      res.status(402).json({ error: 'the card was declined' });
      return;
    }
    // A 500 of ours: in doubt, and the next try looks the charge up.
    if (!answer.ok) throw new Error(`the provider answered ${answer.status}`);
    const { status, body } = receipt((await answer.json()) as Charge);
    res.status(status).json(body);
  });
  return app;
}

/** One answer for a charge, whether it was just made or looked up. */
const receipt = ({ id, amount }: Charge): KnownAnswer => ({ status: 201, body: { charge: id, amount } });
