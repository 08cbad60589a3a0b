import type { Directives } from '../express/cache-control.ts';

/** The final statuses of RFC 9110 §15 whose rules for caches are kept here. */
const UNDERSTOOD: ReadonlySet<number> = new Set(
  [
    [200, 201, 202, 203, 204, 205],
    [300, 301, 302, 303, 305, 307, 308],
    [400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426],
    [500, 501, 502, 503, 504, 505],
  ].flat(),
);

/** Whether an answer wants to be stored only by who knows its status, and this is not known (RFC 9111 §5.2.2.3). */
export const isNotUnderstood = (status: number, directives: Directives): boolean =>
  directives.has('must-understand') && !UNDERSTOOD.has(status);

/** Whether an answer forbids to be stored (RFC 9111 §5.2.2.5): not to those who understand it, where it says so. */
export const forbidsStoring = (status: number, directives: Directives): boolean =>
  directives.has('no-store') && !(directives.has('must-understand') && UNDERSTOOD.has(status));
