import { singleSession } from '@turnpike/single-session';
import { refreshing } from '@turnpike/single-session/refresh';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

type CheckPassword = (body: unknown) => Promise<{ id: string } | undefined>;

/** Access tokens of five minutes, and refresh tokens that are good for one use: a stolen one ends its session. */
export function refreshApp(redis: Redis, secret: string, checkPassword: CheckPassword, prefix: string): Express {
  const sessions = singleSession({
    redis,
    prefix,
    jwt: { secret, algorithm: 'HS256', issuer: 'shop', audience: 'shop-app' },
  });
  const tokens = refreshing(sessions, { accessMs: 5 * 60_000 });
  const app = express();
  app.post('/login', express.json(), async (req, res) => {
    const user = await checkPassword(req.body);
    if (user === undefined) {
      res.status(401).json({ error: 'e-mail or password is wrong' });
      return;
    }
    const { token, refreshToken } = await tokens.login(user.id);
    res.json({ token, refreshToken });
  });
  app.post('/refresh', express.json(), tokens.handler());
  app.get('/me', sessions.guard(), (req, res) => {
    res.json({ userId: sessions.of(req).userId });
  });
  return app;
}
