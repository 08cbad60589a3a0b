import type { HttpRequest } from '@turnpike/core';

/** `Authorization: Bearer` (RFC 6750 §2.1). */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

/**
 * The token of a request: from its one Authorization header, and from nowhere else. Query strings end in logs, and bodies
 * are not read before one knows who sends them.
 */
export function bearerToken(req: HttpRequest): { token: string } | 'missing' | 'ambiguous' | 'invalid' {
  // Node keeps the first of several Authorization headers and drops the others without a word.
  const headers = req.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization');
  if (headers.length > 1) return 'ambiguous';
  const { authorization } = req.headers;
  if (authorization === undefined || !/^Bearer\b/i.test(authorization)) return 'missing';
  const token = BEARER.exec(authorization)?.[1];
  return token === undefined ? 'invalid' : { token };
}
