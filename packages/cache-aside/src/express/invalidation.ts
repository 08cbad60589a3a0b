import type { ServerResponse } from 'node:http';
import { isolated } from '@turnpike/core';
import { record } from '@turnpike/core/http';
import type { Cache, CacheOfAny } from '../cache.ts';
import type { Head } from './storable.ts';

/** 4xx: the request was refused, and has changed nothing. After a 5xx it may have been committed all the same. */
export const mayHaveChanged = (status: number): boolean => status < 400 || status >= 500;

/**
 * Invalidates what `tags` gives when the response is complete, before its last byte leaves: who has the answer sees what it has
 * changed. `tags` is shown its head; undefined: it was never completed, or its client has hung up before.
 */
export function invalidateAfter(
  res: ServerResponse,
  cache: Cache | CacheOfAny,
  tags: (head: Head | undefined) => readonly string[],
): void {
  let isComplete = false;
  const invalidate = async (named: readonly string[]): Promise<void> => {
    await cache.invalidate({ tags: named });
  };
  record(res, {
    maxBytes: 0,
    onComplete({ recording: { status, headers } }) {
      isComplete = true;
      const said = headers.map(([name, value]) => [name.toLowerCase(), String(value)] as const);
      const named = tags({ status, headers: Object.fromEntries(said) });
      return named.length > 0 ? invalidate(named) : undefined;
    },
  });
  const warnOf = (error: unknown): void =>
    isolated(() => {
      throw error;
    });
  res.once('close', () => {
    if (!isComplete) invalidate(tags(undefined)).catch(warnOf);
  });
}
