import type { ServerResponse } from 'node:http';
import { isolated } from '@turnpike/core';
import { record } from '@turnpike/core/http';
import type { Cache, CacheOfAny } from '../cache.ts';

/** 4xx: the request was refused, and has changed nothing. After a 5xx it may have been committed all the same. */
const hasChanged = (status: number): boolean => status < 400 || status >= 500;

/**
 * Invalidates what `tags` gives when the response is complete, before its last byte leaves: who has the answer sees what it has
 * changed. Also where the client has hung up, or the response is never completed.
 */
export function invalidateAfter(res: ServerResponse, cache: Cache | CacheOfAny, tags: () => readonly string[]): void {
  let isComplete = false;
  const invalidate = async (): Promise<void> => {
    await cache.invalidate({ tags: tags() });
  };
  record(res, {
    maxBytes: 0,
    onComplete({ recording: { status } }) {
      isComplete = true;
      return hasChanged(status) ? invalidate() : undefined;
    },
  });
  const warnOf = (error: unknown): void =>
    isolated(() => {
      throw error;
    });
  res.once('close', () => {
    if (!isComplete) invalidate().catch(warnOf);
  });
}
