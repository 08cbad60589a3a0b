import { directivesOf } from './cache-control.ts';

/** The head of an answer as it leaves towards the client: by names in lower case. */
export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Why an answer is not stored: a bounded set, for Cache-Status and events. */
export type Refusal =
  | 'method'
  | 'status'
  | 'authorization'
  | 'conditional'
  | 'request'
  | 'set-cookie'
  | 'private'
  | 'no-store'
  | 'no-cache'
  | 'vary'
  | 'partial'
  | 'event-stream'
  | 'expired'
  | 'too-large'
  | 'truncated'
  | 'personal'
  | 'error';

/** What may be kept by itself. Others by `negative`. */
const STORABLE: ReadonlySet<number> = new Set([200, 203, 204, 301, 308]);

/**
 * An answer that varies by one of these cannot be told from others: by anything; by who asks; by what a cache takes out of a
 * request that it fills from.
 */
const UNTELLABLE_FIELDS: ReadonlySet<string> = new Set([
  '*',
  'cookie',
  'authorization',
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
  'if-range',
  'range',
]);

/** Undefined: nothing in its head speaks against it. `isAllowed`: statuses that are kept beside those that always are. */
export function headRefusal({ status, headers }: Head, isAllowed: (status: number) => boolean): Refusal | undefined {
  if (status === 206 || headers['content-range'] !== undefined) return 'partial';
  if (!STORABLE.has(status) && !isAllowed(status)) return 'status';
  if (/^\s*text\/event-stream\b/i.test(headers['content-type'] ?? '')) return 'event-stream';
  return fieldRefusal(headers);
}

/** What an answer may say also as it leaves, by what is mounted outside of the cache. */
export function fieldRefusal(headers: Head['headers']): Refusal | undefined {
  const directives = directivesOf(headers['cache-control']);
  if (headers['set-cookie'] !== undefined) return 'set-cookie';
  if (directives.has('private')) return 'private';
  if (directives.has('no-store')) return 'no-store';
  if (directives.has('no-cache') || directivesOf(headers['pragma']).has('no-cache')) return 'no-cache';
  return fieldsOf(headers['vary']).some((field) => UNTELLABLE_FIELDS.has(field)) ? 'vary' : undefined;
}

/** The names a Vary field lists, in lower case, each once and in one order. */
export const fieldsOf = (vary: string | undefined): string[] =>
  [...new Set((vary ?? '').split(',').map((field) => field.trim().toLowerCase()))].filter(Boolean).toSorted();
