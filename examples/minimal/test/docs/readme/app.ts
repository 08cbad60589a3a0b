import express from 'express';
import { Redis } from 'ioredis';
import { rateLimit } from '@turnpike/rate-limit';

export const app = express();
export const redis = new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379');

app.use(rateLimit({ redis, limit: 100, windowMs: 60_000 }));
