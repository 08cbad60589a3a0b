import type { SingleSession } from '@turnpike/single-session';
import { Router } from 'express';

/** A stream that ends, with the reason why, as soon as its session does: on whichever process that happens. */
export function events(sessions: SingleSession<object>): Router {
  return Router().get('/events', sessions.guard(), (req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }).flushHeaders();
    const stopWatching = sessions.onEnd(sessions.of(req), () => res.end('event: signed-out\ndata: {}\n\n'));
    res.once('close', stopWatching);
  });
}
