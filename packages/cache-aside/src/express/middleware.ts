import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HttpRequest, type Middleware, type Next, asError, warnOnce } from '@turnpike/core';
import type { Cache, CacheOfAny } from '../cache.ts';
import { type Bypass, cacheStatus } from './cache-status.ts';
import { emitPage } from './events.ts';
import { invalidateAfter } from './invalidation.ts';
import { pathTag, pathTagOf, targetOf } from './key.ts';
import { type CacheResponseOptions, checkedPageOptions } from './options.ts';
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
  const { cache, engine, profile, rules, query, tags } = checkedPageOptions(options);
  const refreshes = createRefreshes();
  const met = new WeakSet<IncomingMessage>();
  const loads = createPageLoads({
    engine,
    refreshes,
    rules,
    path: pathTagOf,
    tags,
    urlOf(req) {
      const target = targetOf(req, undefined, query, profile);
      return target.kind === 'page' ? target.url : undefined;
    },
  });
  const warn = warnOnce('cacheResponse');

  const ask = async (req: HttpRequest): Promise<Decision> => {
    if (hasBody(req)) return bypass('body');
    const owner = await rules.ownerOf(req);
    if (typeof owner === 'object') return bypass(owner.why);
    const target = targetOf(req, owner, query, profile);
    return target.kind === 'page' ? { kind: 'look', url: target.url } : bypass(target.why);
  };

  const answer = async (decision: Decision, req: HttpRequest, res: ServerResponse, next: Next): Promise<void> => {
    // Somebody has answered meanwhile, a time-out perhaps.
    if (res.headersSent) return;
    if (decision.kind === 'look') {
      return visit({ req, res, next }, decision.url, { engine, loads, refreshes, rules, warn });
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
      if (!SAFE.has(method)) {
        invalidateAfter(res, cache, (head) => {
          const others = head === undefined ? [] : rules.changed(req, head);
          return others === undefined ? [] : [pathTagOf(req), ...others.map(pathTag)];
        });
      }
      return next();
    }
    ask(req)
      .then((decision) => answer(decision, req, res, next))
      .catch((thrown: unknown) => next(asError(thrown)));
  }

  return Object.assign(cacheResponseMiddleware, { cache });
}

const hasBody = ({ headers }: HttpRequest): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
