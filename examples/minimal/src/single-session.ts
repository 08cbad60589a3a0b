import { singleSession } from '@turnpike/single-session';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

/** Yours: who it is, or undefined when the password is wrong. */
export type CheckPassword = (body: unknown) => Promise<{ id: string } | undefined>;

export function createApp(redis: Redis, secret: string, checkPassword: CheckPassword): Express {
  const jwt = { secret, algorithm: 'HS256', issuer: 'shop', audience: 'shop-web' } as const;
  const sessions = singleSession({ redis, jwt });

  const app = express();
  app.post('/login', express.json(), async (req, res) => {
    const user = await checkPassword(req.body);
    if (user === undefined) return void res.sendStatus(401);
    const { token } = await sessions.login(user.id, { device: req.get('User-Agent') ?? '' });
    res.json({ token });
  });
  app.get('/me', sessions.guard(), (req, res) => {
    res.json({ user: sessions.of(req).userId });
  });
  app.post('/logout', sessions.guard(), async (req, res) => {
    await sessions.logout(req);
    res.sendStatus(204);
  });
  return app;
}
