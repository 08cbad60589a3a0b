import type { HttpRequest } from '@turnpike/core';

/** What a request is inside of: the caches that have handed it on, and the pages these wait for. */
const entered = new WeakMap<HttpRequest, Set<unknown>>();

/**
 * A cache that is mounted twice would wait for itself, and so would an inner cache of the same page for what the outer one is
 * waiting for.
 */
export const isInside = (req: HttpRequest, of: object | string): boolean => entered.get(req)?.has(of) === true;

/** To be said before a request is handed on; of one that is answered nothing has to be remembered. */
export function enter(req: HttpRequest, ...into: readonly (object | string)[]): void {
  const all = entered.get(req) ?? new Set();
  for (const one of into) all.add(one);
  entered.set(req, all);
}
