import type { Entry, PlainKind } from './envelope.ts';

/** How values become bytes. Buffers pass it by: they are stored as they are. */
export interface Serializer {
  serialize(value: unknown): string | Uint8Array;
  /** Throws for what `serialize` has not made: the entry is then taken for absent. */
  deserialize(bytes: Buffer): unknown;
}

export const json: Serializer = {
  serialize(value) {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`JSON has no form for a ${typeof value}`);
    return text;
  },
  deserialize: (bytes) => JSON.parse(bytes.toString()) as unknown,
};

/** A value as bytes. */
export interface Encoded {
  readonly kind: PlainKind;
  readonly payload: Buffer;
}

export interface Codec {
  /** Throws what the serializer throws. */
  encode(value: unknown): Encoded;
  /**
   * The value of one caller: a Buffer is its own copy, plain objects and arrays are frozen through and through. The same
   * whether it comes from Redis or was just loaded. Throws what the serializer throws.
   */
  decode(encoded: Pick<Entry, 'kind' | 'payload'>): unknown;
}

export const createCodec = (serializer: Serializer): Codec => ({
  encode(value) {
    if (Buffer.isBuffer(value)) return { kind: 'B', payload: value };
    const bytes = serializer.serialize(value);
    return { kind: 'J', payload: typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes) };
  },
  decode({ kind, payload }) {
    if (kind === 'B') return Buffer.from(payload);
    const value = serializer.deserialize(payload);
    // What is no JSON may refer to itself, and be frozen in part.
    return serializer === json ? frozenTree(value) : frozen(value, new Set());
  },
});

const isPlain = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
};

/** Of what `JSON.parse` has just made: a tree of nothing but plain objects, arrays and primitives. */
function frozenTree<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Array.isArray(value) ? value : Object.values(value)) frozenTree(part);
  return Object.freeze(value);
}

function frozen<T>(value: T, met: Set<object>): T {
  if (!isPlain(value) || met.has(value)) return value;
  met.add(value);
  Object.freeze(value);
  for (const part of Object.values(value)) frozen(part, met);
  return value;
}

/** What other processes are told of an error: its name and code, and nothing it may have quoted. */
export function failureText(error: unknown): string {
  const short = (property: 'name' | 'code'): string | undefined => {
    try {
      const value = (error as Record<string, unknown> | null | undefined)?.[property];
      return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 64) : undefined;
    } catch {
      return undefined; // a getter that throws
    }
  };
  return JSON.stringify({ name: short('name') ?? 'Error', code: short('code') });
}

/** A load that failed in another call, perhaps in another process: `name` and `code` are the error's own. */
export class SharedLoadError extends Error {
  readonly code: string | undefined;

  constructor(failure: Buffer) {
    const { name, code } = JSON.parse(failure.toString()) as { name: string; code?: string };
    super(`A load of this key failed a moment ago: ${code === undefined ? name : `${name} (${code})`}`);
    this.name = name;
    this.code = code;
  }
}
