import { rateLimit } from '@turnpike/rate-limit';
import express, { type Express, type RequestHandler } from 'express';
import type { Redis } from 'ioredis';

/**
 * A one-time code: few tries, and who goes on is blocked for longer and longer. It counts by the challenge, which only
 * who has passed the password knows; by the user's id, any stranger could block its user.
 */
export function otpApp(redis: Redis, verify: RequestHandler, prefix: string): Express {
  const tries = rateLimit({
    redis,
    prefix,
    name: 'otp',
    limit: 3,
    windowMs: 300_000,
    charge: 'failure',
    block: { afterDenials: 2, durationMs: 600_000, maxMs: 86_400_000 },
    onStoreError: 'deny',
    key: (req) => req.body?.challenge,
  });
  return express().post('/otp', express.json(), tries, verify);
}
