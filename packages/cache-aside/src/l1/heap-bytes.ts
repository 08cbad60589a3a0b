const WORD = 8;

const stringBytes = (text: string): number =>
  3 * WORD + Math.ceil((text.length * (isLatin1(text) ? 1 : 2)) / WORD) * WORD;

/** V8 keeps a string in one byte a character where that is enough. */
const isLatin1 = (text: string): boolean => !/[\u0100-\uffff]/.test(text);

/**
 * About what a value takes of V8's heap (64 bits), and a little more rather than less. Undefined for what holds anything but
 * primitives, plain objects and arrays: it cannot be measured, nor be shared by callers, one of whom might change it.
 */
export function heapBytes(value: unknown): number | undefined {
  switch (typeof value) {
    case 'string':
      return stringBytes(value);
    case 'number':
      return 2 * WORD;
    case 'boolean':
    case 'undefined':
      return 0;
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return 0;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return undefined;
  let bytes = 7 * WORD;
  // The names of properties are kept once for all objects that have them.
  for (const part of Object.values(value)) {
    const ofPart = heapBytes(part);
    if (ofPart === undefined) return undefined;
    bytes += 2 * WORD + ofPart;
  }
  return bytes;
}
