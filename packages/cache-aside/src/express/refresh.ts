import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpRequest, Next } from '@turnpike/core';
import { detachedFrom, outsideOfRequests } from './detached.ts';
import { OVERRIDES } from './key.ts';

/** The request of a run in the background, once it has come as far as the cache it is for. */
export type Reached = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** Runs of a route that no client waits for: through the whole app, with a request and a response of their own. */
export interface Refreshes {
  /** True: as many run as may. */
  readonly isFull: boolean;
  /**
   * Sends the request of `from` through its app once more. Calls `onReached` when it comes back to this cache; `onEnded` when it
   * was answered, perhaps without having come so far. `signal` ends it.
   */
  begin(from: HttpRequest, fields: readonly string[], signal: AbortSignal, run: Run): void;
}

interface Run {
  readonly onReached: Reached;
  readonly onEnded: () => void;
}

/** So many run at a time, for one `cacheResponse`. */
const MOST = 10;

/**
 * What a run is given of the headers of who has caused it, beside the fields that the page varies by: all that its key is made
 * of, and from where it was asked.
 */
const ALLOWED = [
  'host',
  'accept',
  'accept-language',
  'accept-encoding',
  'user-agent',
  'forwarded',
  'x-forwarded-for',
  ...OVERRIDES,
];

type Listener = (req: IncomingMessage, res: ServerResponse) => void;

/** What a request came in through, if something listens there. */
function serverOf({ socket }: HttpRequest): EventEmitter | undefined {
  const { server } = socket as Socket & { server?: unknown };
  return server instanceof EventEmitter && server.listenerCount('request') > 0 ? server : undefined;
}

/** Where no server is known. */
const appOf = (req: HttpRequest): Listener | undefined => {
  const { app } = req as { app?: unknown };
  return typeof app === 'function' ? (app as Listener) : undefined;
};

/** What a request came in through: the server, with all that listens there; or the app. */
function entryOf(req: HttpRequest): Listener | undefined {
  const server = serverOf(req);
  return server === undefined ? appOf(req) : (again, res) => void server.emit('request', again, res);
}

/** Whether a request can be sent again at all. */
export const canRunAgain = (req: HttpRequest): boolean => (serverOf(req) ?? appOf(req)) !== undefined;

const runs = new WeakMap<IncomingMessage, { readonly owner: Refreshes; readonly onReached: Reached }>();

/** What a request in the background is for: undefined for one that a client has sent. */
export const runOf = (req: IncomingMessage): { readonly owner: Refreshes; readonly onReached: Reached } | undefined =>
  runs.get(req);

/**
 * True for a request that `cacheResponse` has made itself, to render a stale page anew: what is mounted in front may skip it, as
 * `rateLimit({ skip: isBackground })` does. No client can make one.
 */
export const isBackground = (req: IncomingMessage): boolean => runs.has(req);

export function createRefreshes(): Refreshes {
  const outside = outsideOfRequests();
  let running = 0;

  const refreshes: Refreshes = {
    get isFull() {
      return running >= MOST;
    },
    begin(from, fields, signal, { onReached, onEnded }) {
      const enter = entryOf(from);
      if (enter === undefined) return onEnded();
      const { req, res, hangUp } = detachedFrom(from, from.originalUrl ?? from.url ?? '/', [
        ...new Set([...ALLOWED, ...fields]),
      ]);
      runs.set(req, { owner: refreshes, onReached });
      running += 1;
      const over = (): void => {
        res.off('finish', over).off('close', over);
        signal.removeEventListener('abort', hangUp);
        running -= 1;
        onEnded();
        hangUp();
      };
      res.once('finish', over).once('close', over);
      signal.addEventListener('abort', hangUp, { once: true });
      outside(() => enter(req, res));
    },
  };
  return refreshes;
}
