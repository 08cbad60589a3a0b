import type { HttpRequest } from '@turnpike/core';

/** `Authorization: Bearer` (RFC 6750 §2.1). */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i;

/**
 * The token of a request: from its one Authorization header, and from nowhere else. Query strings end in logs, and bodies
 * are not read before one knows who sends them.
 */
export function bearerToken(req: HttpRequest): { token: string } | 'missing' | 'ambiguous' | 'invalid' {
  // Node keeps the first of several Authorization headers and drops the others without a word.
  if (linesNamed(req.rawHeaders, 'authorization') > 1) return 'ambiguous';
  const { authorization } = req.headers;
  if (authorization === undefined || !/^Bearer\b/i.test(authorization)) return 'missing';
  const token = BEARER.exec(authorization)?.[1];
  return token === undefined ? 'invalid' : { token };
}

function linesNamed(rawHeaders: readonly string[], name: string): number {
  let lines = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const named = rawHeaders[at] ?? '';
    if (named.length === name.length && named.toLowerCase() === name) lines += 1;
  }
  return lines;
}
