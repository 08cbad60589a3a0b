import { rateLimit } from '@turnpike/rate-limit';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

/** An endpoint that costs by what is asked of it: a page of a hundred rows counts as ten. */
export function exportApp(redis: Redis, isOurs: (req: { headers: object }) => boolean, prefix: string): Express {
  const rows = (value: unknown): number => Math.min(Math.max(Number(value) || 10, 10), 1000);
  const budget = rateLimit({
    redis,
    prefix,
    name: 'export',
    limit: 100,
    windowMs: 3_600_000,
    cost: (req) => Math.ceil(rows(req.query.rows) / 10),
    skip: isOurs,
  });
  return express().get('/export', budget, (req, res) => void res.json({ rows: rows(req.query['rows']) }));
}
