import type { HttpRequest } from '@turnpike/core';
import type { Head } from '../express/storable.ts';

/** Where an answer says what else an unsafe method has changed. */
const NAMING = ['location', 'content-location'];

/**
 * What an unsafe method has changed besides its own URL (RFC 9111 §4.4): the URLs of the same origin that its answer names.
 * Undefined: nothing has changed, for the answer is an error.
 */
export function changedUrls(req: HttpRequest, { status, headers }: Head): readonly string[] | undefined {
  if (status < 200 || status >= 400) return undefined;
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
