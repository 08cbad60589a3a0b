import { singleSession } from '@turnpike/single-session';
import { cookieSessions } from '@turnpike/single-session/cookie';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

type CheckPassword = (body: unknown) => Promise<{ id: string } | undefined>;

/** An app of pages: the token is in a `__Host-` cookie, which no script sees and no other site's page can use. */
export function cookieApp(redis: Redis, secret: string, checkPassword: CheckPassword, prefix: string): Express {
  const sessions = cookieSessions(
    singleSession({
      redis,
      prefix,
      jwt: { secret, algorithm: 'HS256', issuer: 'shop', audience: 'shop-pages' },
    }),
  );
  const app = express();
  app.post('/login', express.json(), async (req, res) => {
    const user = await checkPassword(req.body);
    if (user === undefined) {
      res.status(401).json({ error: 'e-mail or password is wrong' });
      return;
    }
    await sessions.login(req, res, user.id, { device: req.get('user-agent') ?? '' });
    res.sendStatus(204);
  });
  app.get('/me', sessions.guard(), (req, res) => {
    res.json({ userId: sessions.of(req).userId });
  });
  app.post('/logout', sessions.guard(), async (req, res) => {
    await sessions.logout(req, res);
    res.sendStatus(204);
  });
  return app;
}
