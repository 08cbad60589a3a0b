import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HttpRequest, type Middleware, type Next, asError, warnOnce } from '@turnpike/core';
import type { Cache, CacheOfAny } from '../cache.ts';
import { type Bypass, cacheStatus } from './cache-status.ts';
import { emitPage } from './events.ts';
import { enter, isInside } from './inside.ts';
import { invalidateAfter } from './invalidation.ts';
import { pathTag, pathTagOf, targetOf } from './key.ts';
import { type CacheResponseOptions, checkedPageOptions } from './options.ts';
import type { Owner } from './profile.ts';
import { createRefreshes, runOf } from './refresh.ts';
import { createPageLoads } from './page-loads.ts';
import { type VisitParts, visit } from './visit.ts';
import { visitorOf } from './visitor.ts';

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
  const parts: VisitParts = { engine, loads, refreshes, rules, warn: warnOnce('cacheResponse') };

  const decided = (owner: Owner, req: HttpRequest): Decision => {
    if (typeof owner === 'object') return bypass(owner.why);
    const target = targetOf(req, owner, query, profile);
    return target.kind === 'page' ? { kind: 'look', url: target.url } : bypass(target.why);
  };

  const ask = (req: HttpRequest): Decision | Promise<Decision> => {
    if (hasBody(req)) return bypass('body');
    const owner = rules.ownerOf(req);
    return owner instanceof Promise ? owner.then((one) => decided(one, req)) : decided(owner, req);
  };

  const answer = (decision: Decision, req: HttpRequest, res: ServerResponse, next: Next): Promise<void> | void => {
    // Somebody has answered meanwhile, a time-out perhaps.
    if (res.headersSent) return undefined;
    if (decision.kind === 'look') return visit(visitorOf({ req, res, next }, decision.url, rules), parts);
    enter(req, refreshes);
    emitPage(() => ({ type: 'page-bypass', why: decision.why }));
    res.setHeader('Cache-Status', cacheStatus(decision, res.getHeader('Cache-Status')));
    return next();
  };

  const respond = async (req: HttpRequest, res: ServerResponse, next: Next): Promise<void> => {
    const asked = ask(req);
    await answer(asked instanceof Promise ? await asked : asked, req, res, next);
  };

  function cacheResponseMiddleware(req: IncomingMessage, res: ServerResponse, next: Next): void {
    if (isInside(req, refreshes)) return next();
    const method = req.method ?? '';
    const run = runOf(req);
    if (run === undefined && (method === 'GET' || method === 'HEAD')) {
      respond(req, res, next).catch((thrown: unknown) => next(asError(thrown)));
      return undefined;
    }
    enter(req, refreshes);
    if (run !== undefined) return run.owner === refreshes ? run.onReached(req, res, next) : next();
    if (!SAFE.has(method)) {
      invalidateAfter(res, cache, (head) => {
        const others = head === undefined ? [] : rules.changed(req, head);
        return others === undefined ? [] : [pathTagOf(req), ...others.map(pathTag)];
      });
    }
    return next();
  }

  return Object.assign(cacheResponseMiddleware, { cache });
}

const hasBody = ({ headers }: HttpRequest): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
