import express from 'express';
import type { Contender } from '../../harness/contender.ts';
import { REFUSAL } from './routes.ts';

/** The answer to a caller over the limit, and nobody who decides it: head and body as Turnpike's are. */
export const contender: Contender = () => {
  const app = express();
  app.get('/strict', (_req, res) => {
    res.statusCode = 429;
    res.setHeader('RateLimit-Policy', '5;w=3600');
    res.setHeader('RateLimit', 'limit=5, remaining=0, reset=3600');
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('Content-Type', 'application/problem+json');
    res.setHeader('Retry-After', '3600');
    res.end(JSON.stringify(REFUSAL));
  });
  return app;
};
