import type { IncomingMessage } from 'node:http';
import express, { type Express, type RequestHandler } from 'express';

/** A limit, as every limiter can be told it. */
export interface Limit {
  readonly limit: number;
  readonly windowMs: number;
}

const MINUTE_MS = 60_000;

/** What a round never reaches, so that every request is admitted. */
const PLENTY = 100_000_000;

/** The limits that the routes of every contender have. */
const ROUTES: Readonly<Record<string, readonly Limit[]>> = {
  '/one': [{ limit: PLENTY, windowMs: MINUTE_MS }],
  '/three': [
    { limit: PLENTY, windowMs: 1000 },
    { limit: PLENTY, windowMs: MINUTE_MS },
    { limit: PLENTY, windowMs: 60 * MINUTE_MS },
  ],
  '/strict': [{ limit: 5, windowMs: 60 * MINUTE_MS }],
  ...Object.fromEntries(
    [1, 2, 4, 8].map((policies) => [
      `/many/${policies}`,
      Array.from({ length: policies }, (_, n) => ({ limit: PLENTY + n, windowMs: MINUTE_MS })),
    ]),
  ),
  '/weighed': [{ limit: 100, windowMs: MINUTE_MS }],
  '/weighed-full': [{ limit: 100, windowMs: 10_000 }],
};

/** The app of a limiter: `limited` makes the handlers that stand before a route with these limits. */
export function limitedApp(limited: (limits: readonly Limit[], path: string) => RequestHandler[]): Express {
  const app = express();
  for (const [path, limits] of Object.entries(ROUTES)) {
    app.get(path, ...limited(limits, path), (_req, res) => void res.json({ ok: true }));
  }
  return app;
}

/** Who is counted: whom a header names, and else who has that address. The same for all. */
export const callerOf = (req: IncomingMessage & { ip?: string | undefined }): string =>
  String(req.headers['x-user'] ?? req.ip);

/** What everybody says to a caller who is over the limit of '/strict', in the words of Turnpike. */
export const REFUSAL: Readonly<Record<string, unknown>> = {
  type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  title: 'Request cannot be satisfied as assigned quota has been exceeded',
  status: 429,
  detail: 'The limit "5-in-3600s" is used up. Try again in 3600 s.',
  code: 'rate_limited',
  'violated-policies': ['5-in-3600s'],
};

/** By hand, for limiters that leave the headers to the app: those of draft 7, as the others write them. */
export function tellQuota(
  set: (name: string, value: string) => unknown,
  { limit, windowMs }: Limit,
  remaining: number,
  resetMs: number,
): void {
  set('RateLimit-Policy', `${limit};w=${Math.ceil(windowMs / 1000)}`);
  set('RateLimit', `limit=${limit}, remaining=${remaining}, reset=${Math.ceil(resetMs / 1000)}`);
}
