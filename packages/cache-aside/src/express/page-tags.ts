import type { ServerResponse } from 'node:http';

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
 * @throws OptionError for what is no tag
 */
export function cacheTags(res: ServerResponse, ...tags: string[]): void {
  takers.get(res)?.(tags);
}
