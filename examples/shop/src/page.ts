import { fileURLToPath } from 'node:url';
import express, { type RequestHandler } from 'express';

/** What the browser may do on our pages: talk to us, and nothing else. */
const POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

export const hardened: RequestHandler = (_req, res, next) => {
  res.set({
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
  });
  next();
};

/** The page at `/`, as it lies in `public`. */
export const page = (): RequestHandler =>
  express.static(fileURLToPath(new URL('../public', import.meta.url)), { maxAge: 0 });
