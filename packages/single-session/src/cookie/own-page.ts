import type { HttpRequest } from '@turnpike/core';

/** What changes nothing (RFC 9110 §9.2.1), so other sites may link to it. Their pages cannot read what it answers. */
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Whether a request that changes something was made by a page of our own origin, or by one of `allowedOrigins`: a browser
 * sends its cookies whichever page asks. SameSite alone is not enough: to it, every subdomain is the same site.
 *
 * Sec-Fetch-Site decides where there is one; browsers let no page set it. Older ones send Origin; ours begins with https,
 * because a `__Host-` cookie comes by no other way. A request with neither is refused: every browser of these years sends
 * one of them when it changes something, so it comes from one so old that it does not know SameSite either, or from a
 * program, which can send an Origin, or better a Bearer token.
 */
export function isOfOwnPage(req: HttpRequest, allowedOrigins: readonly string[]): boolean {
  // A WebSocket begins with a GET, from any page, and CORS does not stop it.
  const isSafe = SAFE.includes(req.method ?? '') && req.headers.upgrade === undefined;
  if (isSafe) return true;
  const { origin, host } = req.headers;
  if (origin !== undefined && allowedOrigins.includes(origin)) return true;
  const site = req.headers['sec-fetch-site'];
  // 'none': the person did it, by a bookmark or the address bar.
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return origin !== undefined && host !== undefined && origin === originOf(host);
}

/** As browsers write it: in lower case, and without the port that goes without saying. */
function originOf(host: string): string | undefined {
  return URL.canParse(`https://${host}`) ? new URL(`https://${host}`).origin : undefined;
}

/** Whether it is written as browsers write it: another form would never be equal. */
export const isOrigin = (value: unknown): value is string =>
  typeof value === 'string' && URL.canParse(value) && new URL(value).origin === value;
