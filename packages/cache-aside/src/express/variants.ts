import type { IncomingHttpHeaders } from 'node:http';
import { digest } from './key.ts';

/** What a field of a request says, where it may be said in several ways. */
export type Normal = (field: string, value: string | string[] | undefined) => unknown;

/** Which variant of a page a request asks for (RFC 9111 §4.1): by what it says in the fields that count. */
export const variantOf = (
  fields: readonly string[],
  headers: IncomingHttpHeaders,
  normal: Normal = (_field, value) => value,
): string =>
  digest(
    fields.map((field) => [
      field,
      field === 'accept-encoding' ? codingsOf(headers[field]) : normal(field, headers[field]),
    ]),
  );

/** The codings that a client takes, in whatever order it says so. What is refused, or ranked, is left as it is. */
function codingsOf(header: string | undefined): string | readonly string[] {
  if (header === undefined) return '';
  const items = header.split(',').map((item) => item.trim().toLowerCase());
  if (items.some((item) => item.includes(';') || item === '*')) return header;
  return [...new Set(items)].filter((item) => item !== '' && item !== 'identity').toSorted();
}

/** Fields of both, each once. */
export const union = (one: readonly string[], other: readonly string[]): string[] =>
  [...new Set([...one, ...other])].toSorted();

export const isWithin = (fields: readonly string[], of: readonly string[]): boolean =>
  fields.every((field) => of.includes(field));
