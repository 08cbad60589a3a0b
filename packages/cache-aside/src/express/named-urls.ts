import type { HttpRequest } from '@turnpike/core';
import type { Head } from './storable.ts';

/** Where an answer says what else an unsafe method has changed. */
const NAMING = ['location', 'content-location'];

/** The paths of the same origin that the answer to an unsafe method names, besides its own (RFC 9111 §4.4). */
export function namedUrls(req: HttpRequest, headers: Head['headers']): readonly string[] {
  const asked = absolute(req.originalUrl ?? req.url ?? '/', originOf(req));
  return NAMING.flatMap((field) => {
    const said = headers[field];
    const url = said === undefined ? undefined : absolute(said, asked?.href);
    return url !== undefined && url.origin === asked?.origin ? [url.pathname] : [];
  });
}

function originOf(req: HttpRequest): string {
  const { protocol = 'http' } = req as { protocol?: string };
  return `${protocol}://${req.headers.host ?? 'localhost'}`;
}

function absolute(url: string, base: string | undefined): URL | undefined {
  try {
    return new URL(url, base);
  } catch {
    return undefined;
  }
}
