/** Bytes from `start` up to and with `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a Range field asks of `length` bytes (RFC 9110 §14.1.2). Undefined: all of it, also where several ranges are asked
 * for, or nothing that can be read.
 */
export function rangeOf(field: string | undefined, length: number): ByteRange | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(field ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') {
    const start = Math.max(0, length - Number(to));
    return start < length ? { start, end: length - 1 } : 'unsatisfiable';
  }
  const start = Number(from);
  const end = to === '' ? length - 1 : Math.min(Number(to), length - 1);
  if (to !== '' && Number(to) < start) return undefined;
  return start < length ? { start, end } : 'unsatisfiable';
}
