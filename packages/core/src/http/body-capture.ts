/** The bytes of a body as they go by, as long as they are few enough to keep. */
export interface BodyCapture {
  /** How many have gone by, kept or not. */
  readonly length: number;
  readonly isOverCap: boolean;
  keep(bytes: Buffer): void;
  /** All of them, in one piece, and forgotten here; undefined when they were too many. */
  take(): Buffer | undefined;
}

export function captureBody(maxBytes: number): BodyCapture {
  let chunks: Buffer[] = [];
  let length = 0;
  return {
    get length() {
      return length;
    },
    get isOverCap() {
      return length > maxBytes;
    },
    keep(bytes) {
      length += bytes.length;
      if (length <= maxBytes) chunks.push(bytes);
      else chunks = [];
    },
    take() {
      const body = length <= maxBytes ? Buffer.concat(chunks) : undefined;
      chunks = [];
      return body;
    },
  };
}
