import express, { type Express, type Request, type RequestHandler, type Response } from 'express';

/** How a contender signs in and out, and who may see '/me'. */
export interface Sessions {
  readonly before: readonly RequestHandler[];
  /** Signs in; resolves to the headers that say so from then on. */
  login(req: Request, res: Response, user: string): Promise<Record<string, string>>;
  readonly guard: RequestHandler;
  userOf(req: Request): string;
  readonly logout: RequestHandler;
}

/** The same three routes for all: '/login' answers with the headers to send, or sets a cookie. */
export function sessionApp({ before, login, guard, userOf, logout }: Sessions): Express {
  const app = express();
  app.use(...before, (_req, _res, next) => next());
  app.post('/login/:user', async (req, res) => void res.json({ headers: await login(req, res, req.params.user) }));
  app.get('/me', guard, (req, res) => void res.json({ user: userOf(req) }));
  app.post('/logout', guard, logout);
  return app;
}

/** Signs the tokens of those who have tokens. */
export const SECRET = 'a secret of thirty-two bytes or more';
