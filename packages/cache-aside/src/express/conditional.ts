import { httpDate } from './http-date.ts';

/** What a page says of itself, by names in lower case. */
type Headers = Readonly<Record<string, string | undefined>>;

/** What a request says of what its client has. */
export interface Conditions {
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-modified-since'?: string | undefined;
  readonly 'if-range'?: string | undefined;
  readonly range?: string | undefined;
}

const TAG = /(?:W\/)?"[^"]*"/g;

/** Whether the client has this already (RFC 9110 §13.2.2): a list of tags is asked before a date. */
export function isNotModified(conditions: Conditions, headers: Headers): boolean {
  const { 'if-none-match': tags, 'if-modified-since': since } = conditions;
  if (tags !== undefined) return tags.trim() === '*' || hasTag(tags, headers['etag']);
  // What does not say when it was changed was not changed after it was made (RFC 9111 §4.3.2).
  return httpDate(headers['last-modified'] ?? headers['date']) <= httpDate(since);
}

/** Weakly: what differs in what does not matter is the same (RFC 9110 §8.8.3.2). */
const hasTag = (list: string, etag: string | undefined): boolean =>
  etag !== undefined && (list.match(TAG) ?? []).some((tag) => opaque(tag) === opaque(etag));

const opaque = (tag: string): string => tag.replace(/^W\//, '');

/** Whether a range is wanted of just this (RFC 9110 §13.1.5): strongly, and a date to the second. */
export function isSameRange(ifRange: string | undefined, headers: Headers): boolean {
  if (ifRange === undefined) return true;
  const given = ifRange.trim();
  if (given.startsWith('"')) return given === headers['etag'];
  return httpDate(given) === httpDate(headers['last-modified']);
}

/** What a 304 says (RFC 9110 §15.4.5): nothing of a body that is not there. */
export const isOf304 = (name: string): boolean => !/^content-(?!location)|^last-modified$/i.test(name);
