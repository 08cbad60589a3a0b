import { type Clients, scale } from '@turnpike/test-kit';
import { cacheResponse } from '../../src/express/index.ts';
import { type Rfc9111Options, rfc9111 } from '../../src/rfc9111/index.ts';
import { type Cached, EXPRESSES, type Handler } from '../express/app.ts';

/** Where time has to pass, or each answer is asked for twice: one of them tells as much as both. */
export const VERSIONS: typeof EXPRESSES = scale({ quick: EXPRESSES.slice(1), full: EXPRESSES });

interface More {
  readonly deadlineMs?: number;
  readonly maxBytes?: number;
  readonly loadTimeoutMs?: number;
  readonly staleIfErrorMs?: number;
  readonly tags?: (req: object) => readonly string[];
}

/** A shared cache as nobody has set it up. */
export const sharedCache = (
  clients: Pick<Clients, 'client' | 'prefix'>,
  more: More = {},
  options: Rfc9111Options = {},
): Cached =>
  cacheResponse({
    redis: clients.client(),
    prefix: clients.prefix,
    profile: rfc9111(options),
    deadlineMs: 5000,
    ...more,
  });

/** What an origin says. */
export type Headers = Readonly<Record<string, string>>;

/** Answers the questions of a cache as an origin does: 304 to who has this version. */
export const versioned =
  (version: () => string, headers: Headers): Handler =>
  (req, res, run) => {
    res.set({ ETag: `"${version()}"`, 'X-Run': String(run), ...headers });
    if (req.headers['if-none-match'] === `"${version()}"`) res.status(304).end();
    else res.type('text').send(`version ${version()}, run ${run}`);
  };

/** Answers with what it says, and which run it is; not with the ETag that Express makes. */
export const saying =
  (headers: Headers, status = 200): Handler =>
  (_req, res, run) => {
    res.status(status).set(headers).type('text').end(`run ${run}`);
  };
