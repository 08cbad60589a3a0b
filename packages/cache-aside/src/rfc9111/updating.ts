import type { RecordedHeader } from '@turnpike/core/http';

/** What describes the bytes that are stored, which a 304 has not sent (RFC 9111 §3.2). */
const OF_THE_BYTES: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-md5',
  'content-range',
  'content-digest',
  'repr-digest',
  'digest',
  'etag',
]);

/**
 * The fields of a stored answer after a 304 (RFC 9111 §3.2): each that it says replaces what there was of that name.
 */
export function updatedFields(
  stored: readonly RecordedHeader[],
  said: readonly RecordedHeader[],
): readonly RecordedHeader[] {
  const news = said.filter(([name]) => !OF_THE_BYTES.has(name.toLowerCase()));
  const names = new Set(news.map(([name]) => name.toLowerCase()));
  return [...stored.filter(([name]) => !names.has(name.toLowerCase())), ...news];
}

const valueOf = (headers: readonly RecordedHeader[], field: string): string | undefined =>
  headers.find(([name]) => name.toLowerCase() === field)?.[1].toString();

const isStrong = (etag: string | undefined): boolean => etag !== undefined && !/^w\//i.test(etag);

/**
 * Whether a 304 is about the answer that is stored (RFC 9111 §4.3.4): one that names a strong validator updates only what has the
 * same.
 */
export function identifies(said: readonly RecordedHeader[], stored: readonly RecordedHeader[]): boolean {
  const etag = valueOf(said, 'etag');
  return !isStrong(etag) || etag === valueOf(stored, 'etag');
}
