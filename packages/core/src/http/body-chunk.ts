import { types } from 'node:util';

/** What Node takes as a piece of a body. */
export type Chunk = string | Uint8Array;

/** The arguments of `write` and `end`, whichever of their forms was used. */
export interface ChunkArguments {
  readonly chunk: unknown;
  readonly encoding: BufferEncoding | undefined;
  readonly callback: ((error?: Error | null) => void) | undefined;
}

export function chunkArguments(args: readonly unknown[]): ChunkArguments {
  const callbackAt = args.findIndex((arg) => typeof arg === 'function');
  const [chunk, encoding] = callbackAt === -1 ? args : args.slice(0, callbackAt);
  return {
    chunk,
    encoding: (encoding as BufferEncoding | null) ?? undefined,
    callback: args[callbackAt] as ChunkArguments['callback'],
  };
}

/** Whether Node takes it: what it does not take is its own to throw at. */
export const isChunk = (chunk: unknown): chunk is Chunk => typeof chunk === 'string' || types.isUint8Array(chunk);

/** Its bytes, in memory of our own: callers use theirs again. */
export const bytesOf = (chunk: Chunk, encoding: BufferEncoding | undefined): Buffer =>
  typeof chunk === 'string' ? Buffer.from(chunk, encoding || 'utf8') : Buffer.from(chunk);
