import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type HttpRequest, type Middleware, type Next, asError, warnOnce } from '@turnpike/core';
import type { Cache, CacheOfAny } from '../cache.ts';
import { type Bypass, cacheStatus } from './cache-status.ts';
import { emitPage } from './events.ts';
import { invalidateAfter } from './invalidation.ts';
import { pathTagOf, targetOf } from './key.ts';
import { type CacheResponseOptions, type ScopeOf, checkedPageOptions } from './options.ts';
import { hasCredentials } from './credentials.ts';
import { createRefreshes, runOf } from './refresh.ts';
import { createPageLoads } from './page-loads.ts';
import { visit } from './visit.ts';

/** The middleware, with the cache it stores in. */
export interface CacheResponse extends Middleware {
  readonly cache: Cache | CacheOfAny;
}

/** What is to become of a request: its page is looked for, or the cache has nothing to do with it. */
type Decision = { readonly kind: 'look'; readonly url: string } | { readonly kind: 'bypass'; readonly why: Bypass };

const bypass = (why: Bypass): Decision => ({ kind: 'bypass', why });

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);

/**
 * Caches the whole responses of a route, for those who may see the same: without a `scope`, for requests without credentials.
 * A page is rendered once over all processes; nothing rendered before an invalidation is served after it; what a response
 * says of itself (Cache-Control, Vary, Set-Cookie: RFC 9111) counts. Where Redis is away every request runs its handler.
 *
 * @throws OptionError when an option breaks its rule
 */
export function cacheResponse(options: CacheResponseOptions): CacheResponse {
  const { cache, engine, scope, query, tags, isAllowed, otherwise } = checkedPageOptions(options);
  const refreshes = createRefreshes();
  const met = new WeakSet<IncomingMessage>();
  const isShared = typeof scope !== 'function';
  const loads = createPageLoads({
    engine,
    refreshes,
    isShared,
    isAllowed,
    otherwise,
    path: pathTagOf,
    tags,
    urlOf(req) {
      const target = targetOf(req, undefined, query);
      return target.kind === 'page' ? target.url : undefined;
    },
  });
  const warn = warnOnce('cacheResponse');

  const ask = async (req: HttpRequest): Promise<Decision> => {
    if (hasBody(req)) return bypass('body');
    const owner = await ownerOf(req, scope);
    if (typeof owner === 'object') return owner;
    const target = targetOf(req, owner, query);
    return target.kind === 'page' ? { kind: 'look', url: target.url } : bypass(target.why);
  };

  const answer = async (decision: Decision, req: HttpRequest, res: ServerResponse, next: Next): Promise<void> => {
    // Somebody has answered meanwhile, a time-out perhaps.
    if (res.headersSent) return;
    if (decision.kind === 'look') {
      return visit({ req, res, next }, decision.url, { engine, loads, refreshes, isShared, warn });
    }
    emitPage(() => ({ type: 'page-bypass', why: decision.why }));
    res.setHeader('Cache-Status', cacheStatus(decision, res.getHeader('Cache-Status')));
    next();
  };

  function cacheResponseMiddleware(req: IncomingMessage, res: ServerResponse, next: Next): void {
    // Mounted twice, it would wait for itself.
    if (met.has(req)) return next();
    met.add(req);
    const run = runOf(req);
    if (run !== undefined) return run.owner === refreshes ? run.onReached(req, res, next) : next();
    const method = req.method ?? '';
    if (method !== 'GET' && method !== 'HEAD') {
      if (!SAFE.has(method)) invalidateAfter(res, cache, () => [pathTagOf(req)]);
      return next();
    }
    ask(req)
      .then((decision) => answer(decision, req, res, next))
      .catch((thrown: unknown) => next(asError(thrown)));
  }

  return Object.assign(cacheResponseMiddleware, { cache });
}

/** Whose page it is: an id, or undefined for everybody's. */
async function ownerOf(
  req: HttpRequest,
  scope: 'public' | ScopeOf | undefined,
): Promise<string | undefined | (Decision & { kind: 'bypass' })> {
  if (scope === 'public') return undefined;
  if (scope === undefined) {
    if (hasCredentials(req)) return { kind: 'bypass', why: 'credentials' };
    return hasClientCertificate(req) ? { kind: 'bypass', why: 'client-certificate' } : undefined;
  }
  const id = await scope(req);
  const isId = (typeof id === 'string' && !NOBODY.has(id)) || (typeof id === 'number' && Number.isFinite(id));
  return isId ? String(id) : { kind: 'bypass', why: 'scope' };
}

/** Verified or not: it says who asks. */
function hasClientCertificate({ socket }: HttpRequest): boolean {
  const { getPeerCertificate } = socket as Partial<TLSSocket>;
  const certificate = getPeerCertificate === undefined ? {} : Reflect.apply(getPeerCertificate, socket, []);
  return Object.keys(certificate ?? {}).length > 0;
}

/** What comes of writing down what is not there. */
const NOBODY: ReadonlySet<string> = new Set(['', 'undefined', 'null', 'NaN', '[object Object]']);

const hasBody = ({ headers }: HttpRequest): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
