import { eventsOf } from '@turnpike/core';
import type { Bypass } from './cache-status.ts';
import type { Refusal } from './storable.ts';

/**
 * What became of a request before a `cacheResponse`, on the diagnostics channel `turnpike:cache-aside`, beside the events of the
 * cache it stands on.
 * - `page-hit`, `page-stale`: answered from Redis; `page-collapsed`: by the run of another request
 * - `page-miss`: its handler was called under a lease; `page-refused`: and what it answered was not stored, by `why`
 * - `page-bypass`: its handler was called, and the cache was not asked, by `why`
 * - `page-alone`: its handler was called without a lease: what it answers is known not to be storable, or Redis is away, or
 *   the client asks for more than others would have of it
 * - `page-validated`: the handler that was called has said that a stored page still holds
 * - `page-unavailable`: nothing was stored, and the client wanted nothing else (`only-if-cached`)
 */
export type PageEvent =
  | {
      readonly type:
        | 'page-hit'
        | 'page-stale'
        | 'page-collapsed'
        | 'page-miss'
        | 'page-alone'
        | 'page-validated'
        | 'page-unavailable';
    }
  | { readonly type: 'page-refused'; readonly why: Refusal }
  | { readonly type: 'page-bypass'; readonly why: Bypass };

export const emitPage: (make: () => PageEvent) => void = eventsOf<PageEvent>('cache-aside');
