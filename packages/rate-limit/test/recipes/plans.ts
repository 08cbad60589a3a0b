import { rateLimit } from '@turnpike/rate-limit';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

const PLANS = { free: 10, pro: 1000 };

/** An API whose limit is the caller's plan: known once the caller is. */
export function planApp(
  redis: Redis,
  callerOf: (token: unknown) => { id: string; plan: keyof typeof PLANS },
  prefix: string,
): Express {
  const caller = (req: { headers: { authorization?: string | undefined } }) => callerOf(req.headers.authorization);
  const plan = rateLimit({
    redis,
    prefix,
    name: 'plan',
    algorithm: 'token-bucket',
    limit: (req) => PLANS[caller(req).plan],
    windowMs: 60_000,
    key: (req) => caller(req).id,
  });
  return express().get('/api', plan, (req, res) => void res.json({ left: plan.of(req).remaining }));
}
