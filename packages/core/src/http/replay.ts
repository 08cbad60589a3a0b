import { type IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { acceptsEncoding } from './accepts-encoding.ts';
import { canHaveNoBody } from './answer-head.ts';
import { type Decoder, codingsOf, decodersOf } from './content-decoder.ts';
import type { Recording } from './recording.ts';

/**
 * Gives a recorded answer again: its head over what was set for this request, and its bytes as they are, so that nothing
 * turns it into a 304 or a 206. An outer compression may encode it anew. A client that does not take the content coding it
 * was recorded in gets it decoded, as it streams.
 *
 * Resolves when all of it is handed to Node, or the client has gone. Rejects when the body is not in the coding its head
 * says; the connection is then broken, since part of the answer may be out.
 */
export async function replay(recording: Recording, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (recording.isOverCap) throw new TypeError('an answer over the cap was not kept, and cannot be given again');

  const body = recording.body ?? Buffer.alloc(0);
  setHead(recording, res);
  const decoders = decodersFor(recording, req, res);

  if (decoders !== undefined) sayDecoded(res);
  else if (recording.body !== undefined || !canHaveNoBody(req.method, recording.status)) {
    res.setHeader('Content-Length', body.length);
  }

  if (canHaveNoBody(req.method, recording.status)) res.end();
  else if (decoders === undefined) res.end(ownBytes(body, res));
  else await decodeInto(res, body, decoders);
}

const { write, end } = ServerResponse.prototype;

/** Who is mounted outside and looks at what is written gets bytes of its own: it may change them, and a recording is given again. */
const ownBytes = (body: Buffer, res: ServerResponse): Buffer =>
  res.write === write && res.end === end ? body : Buffer.from(body);

function setHead({ status, statusMessage, headers, removed }: Recording, res: ServerResponse): void {
  for (const name of removed) res.removeHeader(name);
  // Node keeps the list it is given, and `appendHeader` adds to it: it is not to be the recording's own.
  for (const [name, value] of headers) res.setHeader(name, Array.isArray(value) ? [...value] : value);
  res.statusCode = status;
  if (statusMessage !== undefined) res.statusMessage = statusMessage;
}

function decodersFor({ status }: Recording, req: IncomingMessage, res: ServerResponse): Decoder[] | undefined {
  const coded = res.getHeader('Content-Encoding');
  if (coded === undefined) return undefined;
  const codings = codingsOf(String(coded));
  const accepted = req.headers['accept-encoding'];
  // A part of an encoded answer (206) cannot be decoded by itself.
  if (status === 206 || codings.every((coding) => acceptsEncoding(accepted?.toString(), coding))) return undefined;
  return decodersOf(codings);
}

/** Another representation (RFC 9110 §8.8.3.3): its strong validator and its digests are those of other bytes. */
function sayDecoded(res: ServerResponse): void {
  for (const name of ['Content-Encoding', 'Content-Length', 'Content-MD5', 'Content-Digest', 'Repr-Digest', 'Digest']) {
    res.removeHeader(name);
  }
  const etag = res.getHeader('ETag');
  if (typeof etag === 'string' && etag.startsWith('"')) res.setHeader('ETag', `W/${etag}`);
  const vary = String(res.getHeader('Vary') ?? '');
  const fields = vary.split(',').map((field) => field.trim().toLowerCase());
  if (!fields.includes('*') && !fields.includes('accept-encoding')) {
    res.setHeader('Vary', vary === '' ? 'Accept-Encoding' : `${vary}, Accept-Encoding`);
  }
}

const HUNG_UP = /^(ERR_STREAM_|ECONNRESET$|EPIPE$)/;

async function decodeInto(res: ServerResponse, body: Buffer, decoders: readonly Decoder[]): Promise<void> {
  try {
    const streams = decoders.map((decode, at) => decode(at === 0 ? body : undefined));
    await pipeline([Readable.from([body]), ...streams, res]);
  } catch (error) {
    if (!HUNG_UP.test(String((error as NodeJS.ErrnoException).code))) throw error;
  }
}
