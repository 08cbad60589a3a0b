import { SessionEndedError } from '@turnpike/single-session';
import { type Response, Router } from 'express';
import type { ShopSessions } from '../accounts/sessions.ts';
import type { Announcements } from './announcements.ts';

/** How often a stream says that it is still there, in ms: proxies close what is silent. */
const BEAT_MS = 20_000;

export interface Events {
  readonly routes: Router;
  /** Ends the streams that are open: an instance that closes does not wait for those who only listen. */
  end(): void;
}

/** A stream for who is signed in: prices that change, and the end of the session, with who has taken its place. */
export function eventsOf(sessions: ShopSessions, announcements: Announcements): Events {
  const open = new Set<Response>();
  const router = Router();
  router.get('/events', sessions.guard(), (req, res) => {
    const session = sessions.of(req);
    const token = (req.get('authorization') ?? '').replace(/^Bearer /i, '');
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });
    const say = (event: string, data: object): void =>
      void res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    say('hello', { handle: session.handle });

    const stops = [
      announcements.onPrice((price) => say('price', price)),
      sessions.onEnd(session, async () => {
        say('ended', await whyEnded(sessions, token));
        res.end();
      }),
    ];
    open.add(res);
    const beat = setInterval(() => res.write(':\n\n'), BEAT_MS);
    res.once('close', () => {
      open.delete(res);
      clearInterval(beat);
      for (const stop of stops) stop();
    });
  });
  return {
    routes: router,
    end() {
      for (const res of open) res.end();
    },
  };
}

async function whyEnded(sessions: ShopSessions, token: string): Promise<{ reason: string; by?: string }> {
  try {
    await sessions.verify(token);
    return { reason: 'ended' };
  } catch (error) {
    if (!(error instanceof SessionEndedError)) return { reason: 'ended' };
    return { reason: error.reason, ...(error.by !== undefined && { by: error.by.device }) };
  }
}
