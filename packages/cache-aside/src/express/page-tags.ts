import type { ServerResponse } from 'node:http';
import { OptionError } from '@turnpike/core';

const takers = new WeakMap<ServerResponse, (tags: string[]) => void>();

/** Hands the tags of a response to `take`, until the function returned is called. */
export function takeTags(res: ServerResponse, take: (tags: string[]) => void): () => void {
  const outer = takers.get(res);
  takers.set(res, (tags) => {
    take(tags);
    outer?.(tags);
  });
  return () => void (outer === undefined ? takers.delete(res) : takers.set(res, outer));
}

/**
 * Says, in a handler, what the page depends on: `invalidate({ tags })` with one of them drops it. Nothing happens where the
 * response is not being stored.
 *
 * @throws OptionError for what is no tag, and after the answer: they would be lost, and the page stay
 */
export function cacheTags(res: ServerResponse, ...tags: string[]): void {
  if (res.writableEnded) throw new OptionError('cacheTags: must be called before the response is ended');
  takers.get(res)?.(tags);
}
