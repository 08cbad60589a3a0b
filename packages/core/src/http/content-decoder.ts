import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { canonicalCoding } from './accepts-encoding.ts';

/** The content codings of an answer, in the order they were applied. */
export const codingsOf = (contentEncoding: string): string[] =>
  contentEncoding
    .split(',')
    .map(canonicalCoding)
    .filter((coding) => coding !== '' && coding !== 'identity');

/** Makes a stream that undoes a coding. `encoded` is what it will be given first, as far as that is known. */
export type Decoder = (encoded: Buffer | undefined) => Transform;

/** What undoes these codings, the last one first; undefined when one of them is not known here. */
export function decodersOf(codings: readonly string[]): Decoder[] | undefined {
  const decoders = codings.toReversed().map((coding) => DECODERS.get(coding));
  return decoders.every((decoder) => decoder !== undefined) ? decoders : undefined;
}

const DECODERS = new Map<string, Decoder>([
  ['gzip', () => zlib.createGunzip()],
  ['br', () => zlib.createBrotliDecompress()],
  // Some servers send it without its wrapper (RFC 9110 §8.4.1.2), which begins with a method of 8.
  [
    'deflate',
    (encoded) => (encoded?.length && (encoded[0]! & 0x0f) !== 8 ? zlib.createInflateRaw() : zlib.createInflate()),
  ],
]);

// Since Node 22.15.
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
if (createZstdDecompress !== undefined) DECODERS.set('zstd', () => createZstdDecompress());
