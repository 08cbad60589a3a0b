import type { HttpRequest } from '@turnpike/core';

/** That a handler looks at who asks, on a route whose pages are everybody's. */
export const personalWarning = (req: HttpRequest, what: string): string =>
  `the handler of ${routeOf(req)} reads ${what}, so its pages may differ by who asks, and are not stored. Give "scope", ` +
  "(req) => the user's id; or let what reads it run before the cache.";

/** As the app names it. */
function routeOf(req: HttpRequest): string {
  const { baseUrl = '', route } = req as HttpRequest & { baseUrl?: string; route?: { path?: unknown } };
  const path = typeof route?.path === 'string' ? baseUrl + route.path : (req.originalUrl ?? '').replace(/\?.*/s, '');
  return `${req.method ?? ''} ${path}`;
}
