import type { ServerResponse } from 'node:http';
import { isolated } from '../isolated.ts';
import { isAborted } from './aborted.ts';
import { type AnswerHead, headOf, headersOf } from './answer-head.ts';
import { captureBody } from './body-capture.ts';
import { type Chunk, bytesOf, chunkArguments, isChunk } from './body-chunk.ts';
import { declareLength, undeclareLength } from './declared-length.ts';
import { type Hold, hold } from './hold.ts';
import type { Recording } from './recording.ts';
import { isStored as isStoredByDefault } from './stored-header.ts';
import { writeHeadArguments } from './write-head-arguments.ts';

/** A complete answer, of which the client still lacks the end. */
export interface Completion {
  readonly recording: Recording;
  /** A Set-Cookie goes out with the head, whoever set it and however late. */
  readonly setsCookie: boolean;
  /** The client had gone: nobody receives this answer. */
  readonly aborted: boolean;
}

export interface RecordOptions {
  /** The most of a body that is kept, in bytes. A longer one streams on and is not kept. */
  maxBytes: number;
  /**
   * Whether a header is part of the recording: by its name in lower case, and the names that the answer's own Connection
   * lists. Content-Length is the writer's to compute.
   *
   * @default not what belongs to one connection, one client or one moment
   */
  isStored?: (name: string, connection: ReadonlySet<string>) => boolean;
  /**
   * Called once, when the answer is complete; what it returns is waited for before the last byte leaves. What it throws
   * or rejects with is warned of, and the answer leaves all the same.
   */
  onComplete: (completion: Completion) => void | Promise<void>;
}

/**
 * Records the answer that what is mounted from here on gives, and holds its end back until `onComplete` has settled.
 *
 * An answer is complete when its client would have all of it: at `end()`, at the byte that a Content-Length promised
 * last, or at the flushed head of an answer that can have no body. Everything before streams through at once. One that is
 * never completed calls nobody. When the client hangs up, the handler runs on and its answer is recorded all the same.
 *
 * What is recorded is what the handler gave: a compression mounted outside, or a cookie that express-session adds,
 * comes after.
 */
export function record(
  res: ServerResponse,
  { maxBytes, isStored = isStoredByDefault, onComplete }: RecordOptions,
): void {
  const { writeHead, write, end, flushHeaders } = res;
  const baseline = headersOf(res);
  const body = captureBody(maxBytes);

  let head: AnswerHead | undefined;
  /** What end() was given, when it was given all of the body. */
  let onlyChunkLength: number | undefined;
  let isComplete = false;
  let isEnded = false;
  let held: Hold | undefined;
  let awaitsDrain = false;

  res.writeHead = function writeHeadRecorded(...args: unknown[]) {
    const given = writeHeadArguments(args);
    if (res.headersSent || given === undefined) return Reflect.apply(writeHead, res, args) as ServerResponse;

    given.applyHeaders(res);
    const next = headOf(res, baseline, isStored, given.status, given.statusMessage ?? res.statusMessage);
    const isLengthSet = onlyChunkLength !== undefined && !next.isBodiless && declareLength(res, onlyChunkLength);
    try {
      Reflect.apply(writeHead, res, given.withoutHeaders);
    } catch (error) {
      // Express hands it to an error handler, whose answer has another length.
      if (isLengthSet) undeclareLength(res);
      throw error;
    }
    head = next;
    return res;
  };

  res.write = function writeRecorded(...args: unknown[]) {
    const { chunk, encoding, callback = ignore } = chunkArguments(args);
    if (!isChunk(chunk) || (isEnded && held === undefined)) return Reflect.apply(write, res, args) as boolean;
    if (isEnded) {
      process.nextTick(callback, writeAfterEnd());
      return false;
    }

    const { isBodiless } = fixHead();
    if (isComplete || (isBodiless && isAborted(res))) return taken(callback);
    if (isBodiless) return Reflect.apply(write, res, args) as boolean;

    const { bytes, rest, isLast } = upToPromised(chunk, encoding);
    if (isLast) {
      body.keep(bytes);
      complete(() => void Reflect.apply(write, res, rest));
      return taken(callback);
    }
    if (isAborted(res)) {
      body.keep(bytes);
      return taken(callback);
    }
    const flows = Reflect.apply(write, res, args) as boolean;
    body.keep(bytes);
    awaitsDrain = !flows;
    return flows;
  } as ServerResponse['write'];

  res.end = function endRecorded(...args: unknown[]) {
    const { chunk, encoding, callback } = chunkArguments(args);
    if (isEnded && held !== undefined) return endAgain(chunk, callback);
    if (isEnded || (chunk && !isChunk(chunk))) return Reflect.apply(end, res, args) as ServerResponse;

    const given = chunk ? (chunk as Chunk) : '';
    const { isBodiless } = fixHead(bytesOf(given, encoding).length);
    const { bytes, rest } = isBodiless ? { bytes: EMPTY, rest: [] } : upToPromised(given, encoding);
    const endNow = (): void => void Reflect.apply(end, res, endArguments(rest, callback));

    isEnded = true;
    if (!isComplete) {
      body.keep(bytes);
      complete(endNow);
    } else if (held === undefined) endNow();
    else {
      held.end();
      held.add(endNow);
    }
    return res;
  } as ServerResponse['end'];

  res.flushHeaders = function flushHeadersRecorded() {
    const { isBodiless, contentLength } = fixHead();
    const flush = (): void => Reflect.apply(flushHeaders, res, []);
    if (held !== undefined) held.add(flush);
    else if (!isComplete && (isBodiless || contentLength === 0)) complete(flush);
    else flush();
  };

  // A handler that waits for the socket of a client who has gone would wait for ever.
  res.once('close', () => {
    if (awaitsDrain && !isEnded) res.emit('drain');
  });

  /** The head as Node's implicit header makes it: through all who listen for it. */
  function fixHead(bodyLength?: number): AnswerHead {
    if (!res.headersSent) {
      onlyChunkLength = bodyLength;
      try {
        res.writeHead(res.statusCode);
      } finally {
        onlyChunkLength = undefined;
      }
    }
    head ??= headOf(res, baseline, isStored, res.statusCode, res.statusMessage);
    return head;
  }

  /** What of a chunk belongs to the body, and how it is handed on when its turn comes. */
  function upToPromised(
    chunk: Chunk,
    encoding: BufferEncoding | undefined,
  ): { bytes: Buffer; rest: [Chunk, BufferEncoding?]; isLast: boolean } {
    const bytes = bytesOf(chunk, encoding);
    const missing = (head?.contentLength ?? Infinity) - body.length;
    if (bytes.length > missing) {
      const promised = bytes.subarray(0, missing);
      return { bytes: promised, rest: [promised], isLast: true };
    }
    // Text stays text: Node writes it and the head in one piece, and the head in its encoding.
    const rest: [Chunk, BufferEncoding?] =
      typeof chunk === 'string' ? (encoding === undefined ? [chunk] : [chunk, encoding]) : [bytes];
    return { bytes, rest, isLast: bytes.length === missing };
  }

  function complete(last: () => void): void {
    const { isBodiless, contentLength: _, ...rest } = fixHead();
    isComplete = true;
    const completion = {
      recording: {
        ...rest,
        body: isBodiless ? undefined : body.take(),
        isOverCap: body.isOverCap,
      },
      // As flushed: express-session sets it while the head is written.
      setsCookie: res.hasHeader('Set-Cookie'),
      aborted: isAborted(res),
    };

    const holding = (held = hold(res));
    if (isEnded) holding.end();
    holding.add(last);
    const release = (): void => {
      held = undefined;
      holding.release();
    };

    let settled: void | Promise<void> = undefined;
    isolated(() => {
      settled = onComplete(completion);
    });
    if (settled === undefined) release();
    else void Promise.resolve(settled).catch(warnOf).then(release);
  }

  function endAgain(chunk: unknown, callback: Callback | undefined): ServerResponse {
    if (chunk) process.nextTick(callback ?? ignore, writeAfterEnd());
    else if (callback !== undefined) res.once('finish', callback);
    return res;
  }
}

type Callback = (error?: Error | null) => void;

const warnOf = (error: unknown): void =>
  isolated(() => {
    throw error;
  });

const EMPTY = Buffer.alloc(0);
const ignore = (): void => undefined;

function taken(callback: Callback): true {
  process.nextTick(callback);
  return true;
}

const endArguments = (rest: unknown[], callback: Callback | undefined): unknown[] =>
  callback === undefined ? rest : [rest[0], rest[1], callback];

function writeAfterEnd(): Error {
  return Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
}
