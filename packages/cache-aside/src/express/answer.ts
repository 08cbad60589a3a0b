import type { IncomingMessage, ServerResponse } from 'node:http';
import { type RecordedHeader, type Recording, replay } from '@turnpike/core/http';
import { isConditional } from './conditional-headers.ts';
import { type Conditions, isNotModified, isOf304, isSameRange } from './conditional.ts';
import { rangeOf } from './ranges.ts';

/** What a client is told; `ageMs`: undefined where its handler has just said it (RFC 9111 §5.1). */
export interface Told {
  readonly recording: Recording;
  readonly ageMs: number | undefined;
}

/**
 * The server's time is never assumed later than it is, and so much earlier at most, in ms (500 ppm between two measurements, and
 * the way of a reply): a second that lacks no more than that is over.
 */
const CLOCK_LAG_MS = 20;

/** Answers with a page: all of it, a part, or that the client has it already. */
export function answerPage(
  { recording, ageMs }: Told,
  conditions: Conditions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (ageMs !== undefined) res.setHeader('Age', Math.floor((ageMs + CLOCK_LAG_MS) / 1000));
  return replay(forClient(recording, conditions, req.method === 'GET'), req, res);
}

/** What a client is given of an answer, by what it asks (RFC 9110 §13.2.2): only of a 200 there are parts. */
export function forClient(recording: Recording, conditions: Conditions, mayBePart: boolean): Recording {
  const { status, headers, body } = recording;
  if (status !== 200 || !isConditional(conditions)) return recording;
  const said = byName(headers);
  if (isNotModified(conditions, said)) {
    return {
      ...recording,
      status: 304,
      statusMessage: undefined,
      headers: headers.filter(([name]) => isOf304(name)),
      body: undefined,
    };
  }
  // Of what is encoded the parts are those of the encoded bytes: it is given whole, as it may always be.
  const isPlain = mayBePart && body !== undefined && said['content-encoding'] === undefined;
  if (!isPlain || !isSameRange(conditions['if-range'], said)) return recording;
  const range = rangeOf(conditions.range, body.length);
  if (range === undefined) return recording;
  if (range === 'unsatisfiable') {
    return {
      ...recording,
      status: 416,
      statusMessage: undefined,
      headers: [['Content-Range', `bytes */${body.length}`]],
      body: Buffer.alloc(0),
    };
  }
  const { start, end } = range;
  return {
    ...recording,
    status: 206,
    statusMessage: undefined,
    headers: [
      ...headers.filter(([name]) => !OF_THE_WHOLE.has(name.toLowerCase())),
      // A compression outside would make of the bytes of a part others.
      ['Cache-Control', [said['cache-control'], 'no-transform'].filter(Boolean).join(', ')],
      ['Content-Range', `bytes ${start}-${end}/${body.length}`],
    ],
    body: body.subarray(start, end + 1),
  };
}

/** What is said anew of a part, or is true of the whole only. */
const OF_THE_WHOLE: ReadonlySet<string> = new Set(['cache-control', 'content-digest', 'content-md5']);

const byName = (headers: readonly RecordedHeader[]): Record<string, string | undefined> =>
  Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)]));
