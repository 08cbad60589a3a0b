import type { RecordedHeader } from '@turnpike/core/http';

/**
 * An answer that is given again says when it was made, and not when it is given (RFC 9110 §6.6.1): with a Date, be it that of its
 * arrival.
 */
export function dated(headers: readonly RecordedHeader[], answeredMs: number): readonly RecordedHeader[] {
  const hasDate = headers.some(([name]) => name.toLowerCase() === 'date');
  return hasDate ? headers : [...headers, ['Date', new Date(answeredMs).toUTCString()]];
}
