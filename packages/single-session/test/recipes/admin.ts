import type { SingleSession } from '@turnpike/single-session';
import { type RequestHandler, Router } from 'express';

/** What support needs: who is signed in where, and a way to end it. `isAdmin` goes before it. */
export function admin(sessions: SingleSession<object>, isAdmin: RequestHandler): Router {
  const router = Router().use(sessions.guard(), isAdmin);
  router.get('/users/:id/devices', async (req, res) => {
    res.json(await sessions.list(req.params.id));
  });
  router.delete('/users/:id/devices/:handle', async (req, res) => {
    res.sendStatus((await sessions.revoke(req.params.id, req.params.handle)) ? 204 : 404);
  });
  router.delete('/users/:id/devices', async (req, res) => {
    res.json({ ended: await sessions.revokeAll(req.params.id) });
  });
  return router;
}
