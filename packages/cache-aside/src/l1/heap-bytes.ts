const WORD = 8;

const stringBytes = (text: string): number =>
  3 * WORD + Math.ceil((text.length * (isLatin1(text) ? 1 : 2)) / WORD) * WORD;

/** V8 keeps a string in one byte a character where that is enough. */
const isLatin1 = (text: string): boolean => !/[\u0100-\uffff]/.test(text);

/**
 * About what a value takes of V8's heap (64 bits), and a little more rather than less. Undefined for what holds anything but
 * primitives, plain objects and arrays, which a codec freezes: it cannot be measured, nor be shared by callers, one of whom might
 * change it.
 */
export function heapBytes(whole: unknown): number | undefined {
  let bytes = 0;
  // What a serializer makes may refer to itself, or twice to one part, and be of any depth.
  const met = new Set<object>();
  const parts = [whole];
  while (parts.length > 0) {
    const part = parts.pop();
    if (typeof part !== 'object' || part === null) {
      const ofPart = primitiveBytes(part);
      if (ofPart === undefined) return undefined;
      bytes += ofPart;
    } else if (!met.has(part)) {
      met.add(part);
      if (!isPlain(part)) return undefined;
      // The names of properties are kept once for all objects that have them.
      const held: unknown[] = Object.values(part);
      bytes += 7 * WORD + 2 * WORD * held.length;
      for (const one of held) parts.push(one);
    }
  }
  return bytes;
}

function primitiveBytes(value: unknown): number | undefined {
  switch (typeof value) {
    case 'string':
      return stringBytes(value);
    case 'number':
      return 2 * WORD;
    case 'boolean':
    case 'undefined':
    case 'object':
      return 0;
    default:
      return undefined;
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}
