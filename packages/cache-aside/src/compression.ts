import { promisify } from 'node:util';
import { constants, deflate, deflateSync, inflate, inflateSync } from 'node:zlib';
import type { Encoded } from './codec.ts';
import type { Entry, ValueKind } from './envelope.ts';

/** A value as it is stored: perhaps compressed. */
interface Packed {
  readonly kind: ValueKind;
  readonly payload: Buffer;
}

/** Large values are stored compressed (zlib, RFC 1950): its own form says so of each, whether this cache compresses or not. */
export interface Compression {
  /** As it is given where it is not large, or does not shrink. Never rejects. */
  pack(encoded: Encoded): Promise<Packed>;
  /** As it was before `pack`. Rejects for what was not made by it, is broken, or would be larger than `maxBytes`. */
  unpack(entry: Entry): Promise<Entry>;
}

const COMPRESSED = { J: 'j', B: 'b' } as const;
const PLAIN: Readonly<Partial<Record<string, Encoded['kind']>>> = { j: 'J', b: 'B' };

/**
 * The fastest: of JSON it leaves a quarter, where the slowest leaves a fifth for seven times the time. Its checksum tells
 * what is broken.
 */
const FASTEST = { level: constants.Z_BEST_SPEED };

/** Up to here it takes less than a tenth of a millisecond: as long as to hand it to another thread, and be told of its end. */
const AT_ONCE_BYTES = 16_384;

const [deflateElsewhere, inflateElsewhere] = [promisify(deflate), promisify(inflate)];

export function createCompression(compressAboveBytes: number, maxBytes: number): Compression {
  const smallest = { maxOutputLength: maxBytes };
  return {
    async pack(encoded) {
      const { kind, payload } = encoded;
      if (payload.length <= compressAboveBytes || payload.length > maxBytes) return encoded;
      const isSmall = payload.length <= AT_ONCE_BYTES;
      try {
        const packed = await (isSmall ? deflateSync(payload, FASTEST) : deflateElsewhere(payload, FASTEST));
        return packed.length < payload.length ? { kind: COMPRESSED[kind], payload: packed } : encoded;
      } catch {
        return encoded; // for want of memory
      }
    },
    async unpack(entry) {
      const kind = PLAIN[entry.kind];
      if (kind === undefined) return entry;
      const { payload } = entry;
      const isSmall = payload.length <= AT_ONCE_BYTES;
      const plain = await (isSmall ? inflateSync(payload, smallest) : inflateElsewhere(payload, smallest));
      return { ...entry, kind, payload: plain };
    },
  };
}
