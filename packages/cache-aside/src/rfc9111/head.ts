import type { RecordedHeader } from '@turnpike/core/http';
import type { Page } from '../express/page.ts';
import { type Head, fieldsOf } from '../express/storable.ts';
import { isStoredField } from './stored-fields.ts';

/** What is said of the bytes, by which a HEAD shows whether they are the same. */
const TELLING = ['etag', 'last-modified', 'content-length'] as const;

/** What of a page a HEAD has answered (RFC 9111 §4.3.5): whether it is the same, and what it says now. */
export interface HeadReport {
  /** False: what is stored is to be taken for stale. */
  readonly isSame: boolean;
  readonly headers: readonly RecordedHeader[];
}

/** Undefined: it says nothing of the page. */
export function reportOf({ recording }: Page, { status, headers }: Head): HeadReport | undefined {
  if (status !== 200 || recording.status !== 200) return undefined;
  const stored = new Map(
    recording.headers.map(([name, value]) => [name.toLowerCase(), [name, String(value)] as const]),
  );
  const length = String(recording.body?.length ?? 0);
  const isSame = TELLING.every((field) => {
    const known = field === 'content-length' ? length : stored.get(field)?.[1];
    return headers[field] === undefined || headers[field] === known;
  });
  const connection = new Set(fieldsOf(headers['connection']));
  const said = Object.entries(headers).flatMap(([field, value]): RecordedHeader[] => {
    // The lines of a Set-Cookie are one here, which no cookie is.
    const isTold = value !== undefined && field !== 'set-cookie' && isStoredField(field, connection);
    return isTold ? [[stored.get(field)?.[0] ?? field, value]] : [];
  });
  return { isSame, headers: said };
}
