import { directivesOf } from './cache-control.ts';

/** The head of an answer as it leaves towards the client: by names in lower case. */
export interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Why an answer is not stored: a bounded set, for Cache-Status and events. */
export type Refusal =
  | 'status'
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

/** What one client may see and another may not. */
const PERSONAL_FIELDS = ['cookie', 'authorization'];

/** What a cache takes out of a request it fills from: an answer that varies by them cannot be told. */
const HIDDEN_FIELDS = ['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range'];

/** Undefined: nothing in its head speaks against it. `isAllowed`: statuses that are kept beside those that always are. */
export function headRefusal({ status, headers }: Head, isAllowed: (status: number) => boolean): Refusal | undefined {
  const directives = directivesOf(headers['cache-control']);
  const vary = fieldsOf(headers['vary']);
  const rules: [Refusal, boolean][] = [
    ['partial', status === 206 || headers['content-range'] !== undefined],
    ['status', !STORABLE.has(status) && !isAllowed(status)],
    ['set-cookie', headers['set-cookie'] !== undefined],
    ['private', directives.has('private')],
    ['no-store', directives.has('no-store')],
    ['no-cache', directives.has('no-cache') || directivesOf(headers['pragma']).has('no-cache')],
    ['vary', vary.some((field) => field === '*' || [...PERSONAL_FIELDS, ...HIDDEN_FIELDS].includes(field))],
    ['event-stream', /^\s*text\/event-stream\b/i.test(headers['content-type'] ?? '')],
  ];
  return rules.find(([, holds]) => holds)?.[0];
}

/** The names a Vary field lists, in lower case, each once and in one order. */
export const fieldsOf = (vary: string | undefined): string[] =>
  [...new Set((vary ?? '').split(',').map((field) => field.trim().toLowerCase()))].filter(Boolean).toSorted();
