import { type SingleSession, singleSession } from '@turnpike/single-session';
import express, { type Express } from 'express';
import type { Redis } from 'ioredis';

type Claims = { role: string };
type CheckPassword = (body: unknown) => Promise<{ id: string; role: string } | undefined>;

/** An API with bearer tokens: the newest login wins. */
export function bearerApp(redis: Redis, secret: string, checkPassword: CheckPassword, prefix: string): Express {
  const sessions: SingleSession<Claims> = singleSession<Claims>({
    redis,
    prefix,
    jwt: { secret, algorithm: 'HS256', issuer: 'shop', audience: 'shop-api' },
    idleMs: 30 * 60_000,
    absoluteMs: 12 * 3_600_000,
  });
  const app = express();
  app.post('/login', express.json(), async (req, res) => {
    const user = await checkPassword(req.body);
    if (user === undefined) {
      res.status(401).json({ error: 'e-mail or password is wrong' });
      return;
    }
    const device = req.get('user-agent') ?? '';
    const { token, replaced } = await sessions.login(user.id, { claims: { role: user.role }, device });
    res.json({ token, signedOut: replaced.map((one) => one.device) });
  });
  app.get('/me', sessions.guard(), (req, res) => {
    const { userId, claims, device } = sessions.of(req);
    res.json({ userId, role: claims.role, device });
  });
  app.post('/logout', sessions.guard(), async (req, res) => {
    await sessions.logout(req);
    res.sendStatus(204);
  });
  return app;
}
