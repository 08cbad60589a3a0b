/** Bytes from `start` up to and with `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** One range. No two parts of it can take the same white space, so it is read in one go. */
const RANGE = /^bytes\s*=\s*(?:(\d+)\s*)?-\s*(\d*)$/i;

/**
 * What a Range field asks of `length` bytes (RFC 9110 §14.1.2). Undefined: all of it, also where several ranges are asked
 * for, or nothing that can be read.
 */
export function rangeOf(field: string | undefined, length: number): ByteRange | 'unsatisfiable' | undefined {
  const [, from = '', to = ''] = RANGE.exec(field?.trim() ?? '') ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') {
    // The last bytes of nothing are all of it.
    if (length === 0 && Number(to) > 0) return undefined;
    const start = Math.max(0, length - Number(to));
    return start < length ? { start, end: length - 1 } : 'unsatisfiable';
  }
  const start = Number(from);
  const end = to === '' ? length - 1 : Math.min(Number(to), length - 1);
  if (to !== '' && Number(to) < start) return undefined;
  return start < length ? { start, end } : 'unsatisfiable';
}
