import { StoreError } from '../errors.ts';

/** An answer as it was given by what stands behind the recorder. */
export interface Recording {
  readonly status: number;
  /** Only when it is not the status's own phrase. */
  readonly statusMessage: string | undefined;
  /**
   * What was set behind the recorder, in the spelling it was set; not what had been set before it and was left alone.
   * Not what belongs to one connection, one client or one moment, unless `record` was told otherwise: see `isStored`.
   */
  readonly headers: readonly RecordedHeader[];
  /** Names that had been set before the recorder and were removed behind it. */
  readonly removed: readonly string[];
  /** Undefined: the answer can have none (HEAD, 204, 304), or it was over the cap. Empty is not undefined. */
  readonly body: Buffer | undefined;
  /** True: the body was longer than `maxBytes`, and was not kept. */
  readonly isOverCap: boolean;
}

export type RecordedHeader = readonly [name: string, value: string | readonly string[]];

/** The layout of a packed recording: this byte, the length of the head as uint32, the head as JSON, the body. */
const LAYOUT = 2;
const PREAMBLE = 5;

/** The head of a packed recording. What most answers have in common is said by its absence: an answer may be short. */
type PackedHead = Pick<Recording, 'status' | 'statusMessage' | 'headers'> & {
  readonly removed?: Recording['removed'] | undefined;
  readonly isOverCap?: true | undefined;
  readonly hasNoBody?: true | undefined;
};

/** One blob, which `unpackRecording` reads back byte by byte. */
export function packRecording({ status, statusMessage, headers, removed, body, isOverCap }: Recording): Buffer {
  const packed: PackedHead = {
    status,
    statusMessage,
    headers,
    removed: removed.length > 0 ? removed : undefined,
    isOverCap: isOverCap || undefined,
    hasNoBody: body === undefined || undefined,
  };
  const head = Buffer.from(JSON.stringify(packed));
  const preamble = Buffer.alloc(PREAMBLE);
  preamble.writeUInt8(LAYOUT, 0);
  preamble.writeUInt32BE(head.length, 1);
  return Buffer.concat(body === undefined ? [preamble, head] : [preamble, head, body]);
}

/**
 * What `packRecording` packed. The body is a view of `packed`, not a copy.
 *
 * @throws {StoreError} `ERR_TURNPIKE_STORE_REPLY` when `packed` is something else, or of a layout this version does not know.
 */
export function unpackRecording(packed: Buffer): Recording {
  if (packed.length < PREAMBLE || packed.readUInt8(0) !== LAYOUT) throw notARecording();
  const bodyAt = PREAMBLE + packed.readUInt32BE(1);
  const head = parsed(packed.subarray(PREAMBLE, bodyAt));
  if (packed.length < bodyAt || !isHead(head) || (head.hasNoBody && packed.length > bodyAt)) throw notARecording();
  return {
    status: head.status,
    statusMessage: head.statusMessage,
    headers: head.headers,
    removed: head.removed ?? [],
    body: head.hasNoBody ? undefined : packed.subarray(bodyAt),
    isOverCap: head.isOverCap ?? false,
  };
}

function parsed(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString());
  } catch (cause) {
    throw notARecording(cause);
  }
}

function isHead(value: unknown): value is PackedHead {
  if (typeof value !== 'object' || value === null) return false;
  const head = value as Partial<Record<keyof PackedHead, unknown>>;
  return (
    Number.isInteger(head.status) &&
    (head.statusMessage === undefined || typeof head.statusMessage === 'string') &&
    Array.isArray(head.headers) &&
    head.headers.every(isHeader) &&
    (head.removed === undefined || isStrings(head.removed)) &&
    isMark(head.isOverCap) &&
    isMark(head.hasNoBody)
  );
}

const isHeader = (entry: unknown): boolean =>
  Array.isArray(entry) &&
  entry.length === 2 &&
  typeof entry[0] === 'string' &&
  (typeof entry[1] === 'string' || isStrings(entry[1]));

const isMark = (value: unknown): boolean => value === undefined || value === true;

const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');

const notARecording = (cause?: unknown): StoreError =>
  new StoreError('ERR_TURNPIKE_STORE_REPLY', 'what was stored as an answer is not one, or of another version', {
    cause,
  });
