import type { ServerResponse } from 'node:http';

const FRAMINGS = ['Content-Length', 'Transfer-Encoding', 'Trailer'];

/**
 * Declares the length of a body that is known before its head leaves, as Node's own `end(chunk)` does, and says whether it
 * was for us to declare. Also in a header, since a compression outside looks there how much is coming; the field decides
 * in which encoding Node writes a Content-Disposition.
 */
export function declareLength(res: ServerResponse, length: number): boolean {
  if (FRAMINGS.some((name) => res.hasHeader(name))) return false;
  res.setHeader('Content-Length', length);
  (res as { _contentLength?: number | null })._contentLength = length;
  return true;
}

export function undeclareLength(res: ServerResponse): void {
  res.removeHeader('Content-Length');
  (res as { _contentLength?: number | null })._contentLength = null;
}
