import type { IncomingMessage, ServerResponse } from 'node:http';
import { type HttpRequest, type Middleware, type Next, asError, isolated } from '@turnpike/core';
import type { Cache, CacheOfAny } from '../cache.ts';
import { invalidateAfter, mayHaveChanged } from './invalidation.ts';
import { pathTagOf } from './key.ts';
import { type InvalidatesOptions, checkedInvalidatesOptions } from './options.ts';

/** The middleware, with the cache it invalidates. */
export interface Invalidates extends Middleware {
  readonly cache: Cache | CacheOfAny;
}

/**
 * Mounted on a route that changes something: drops the pages of its path, and all that carries one of `tags`, when it has been
 * answered, and before the last byte of the answer leaves. After a 4xx nothing is dropped.
 *
 * @throws OptionError when an option breaks its rule
 */
export function invalidates(options: InvalidatesOptions): Invalidates {
  const { cache, engine, tags } = checkedInvalidatesOptions(options);

  const tagsOf = (req: HttpRequest): readonly string[] => {
    const named = tags(req);
    engine.check.invalidation({ tags: named });
    return named;
  };

  function invalidatesMiddleware(req: IncomingMessage, res: ServerResponse, next: Next): void {
    const path = pathTagOf(req);
    let named: readonly string[];
    try {
      named = tagsOf(req);
    } catch (thrown) {
      return next(asError(thrown));
    }
    invalidateAfter(res, cache, (head) => {
      if (head !== undefined && !mayHaveChanged(head.status)) return [];
      let now: readonly string[] = [];
      isolated(() => {
        now = tagsOf(req);
      });
      return [path, ...new Set([...named, ...now])];
    });
    next();
  }

  return Object.assign(invalidatesMiddleware, { cache });
}
