import type { Directives } from '../express/cache-control.ts';

/** What lets a shared cache store the answer to a request with Authorization (RFC 9111 §3.5). */
const ALLOWING = ['must-revalidate', 'public', 's-maxage'];

/** Whether an answer may be stored whose request said who asks. */
export const mayBeShared = (directives: Directives): boolean => ALLOWING.some((name) => directives.has(name));
