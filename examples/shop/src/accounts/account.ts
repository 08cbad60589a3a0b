import { Router } from 'express';
import type { ShopSessions } from './sessions.ts';

/** What somebody who is signed in may see and do of their own. */
export function account(sessions: ShopSessions): Router {
  const router = Router();
  const signedIn = sessions.guard();

  router.get('/me', signedIn, (req, res) => {
    const { userId, claims, device, startedAt } = sessions.of(req);
    res.json({ user: userId, role: claims.role, device, since: startedAt });
  });
  router.post('/logout', signedIn, async (req, res) => {
    await sessions.logout(req);
    res.sendStatus(204);
  });
  router.get('/devices', signedIn, async (req, res) => {
    const { userId, handle } = sessions.of(req);
    const devices = await sessions.list(userId);
    res.json({ devices: devices.map((one) => ({ ...one, isThis: one.handle === handle })) });
  });
  router.delete('/devices/:handle', signedIn, async (req, res) => {
    const isOver = await sessions.revoke(sessions.of(req).userId, req.params.handle);
    res.sendStatus(isOver ? 204 : 404);
  });
  return router;
}
