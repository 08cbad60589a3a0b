import { type ClientRequest, type OutgoingHttpHeader, STATUS_CODES, type ServerResponse } from 'node:http';
import type { RecordedHeader } from './recording.ts';

/** The head of an answer, as what stands behind the recorder gave it. */
export interface AnswerHead {
  readonly status: number;
  readonly statusMessage: string | undefined;
  readonly headers: readonly RecordedHeader[];
  readonly removed: readonly string[];
  /** HEAD, 204, 304: whatever is written, no body follows this head. */
  readonly isBodiless: boolean;
  /** How many bytes it promises. */
  readonly contentLength: number | undefined;
}

/** Every header of a response, by its name in lower case. */
export type HeaderSnapshot = ReadonlyMap<string, RecordedHeader>;

export function headersOf(res: ServerResponse): HeaderSnapshot {
  const headers = new Map<string, RecordedHeader>();
  // Node's types have it for a request only.
  for (const name of (res as unknown as Pick<ClientRequest, 'getRawHeaderNames'>).getRawHeaderNames()) {
    const value = res.getHeader(name);
    if (value !== undefined) headers.set(name.toLowerCase(), [name, asText(value)]);
  }
  return headers;
}

/** What a response says now that it did not say at `baseline`, and will say with this status. */
export function headOf(
  res: ServerResponse,
  baseline: HeaderSnapshot,
  isStored: (name: string, connection: ReadonlySet<string>) => boolean,
  status: number,
  statusMessage: string | undefined,
): AnswerHead {
  const now = headersOf(res);
  const connection = tokensOf(now.get('connection')?.[1]);
  const isBodiless = canHaveNoBody(res.req.method, status);

  const isRecorded = (name: string): boolean =>
    // Where no body follows, nobody can compute it later.
    name === 'content-length' ? isBodiless && status !== 204 : isStored(name, connection);

  return {
    status,
    statusMessage: statusMessage && statusMessage !== STATUS_CODES[status] ? statusMessage : undefined,
    headers: [...now].flatMap(([name, header]) =>
      isRecorded(name) && !isSame(header[1], baseline.get(name)?.[1]) ? [header] : [],
    ),
    removed: [...baseline].flatMap(([name, [spelling]]) => (now.has(name) || !isRecorded(name) ? [] : [spelling])),
    isBodiless,
    contentLength: now.has('transfer-encoding') ? undefined : lengthOf(now.get('content-length')?.[1]),
  };
}

/** Whether an answer has no body by what it is (RFC 9110 §6.4.1), whatever was written. */
export const canHaveNoBody = (method: string | undefined, status: number): boolean =>
  method === 'HEAD' || status === 204 || status === 304 || status < 200;

const asText = (value: OutgoingHttpHeader): string | readonly string[] =>
  Array.isArray(value) ? value.map(String) : String(value);

const isSame = (a: string | readonly string[], b: string | readonly string[] | undefined): boolean =>
  typeof a === 'string' || typeof b !== 'object'
    ? a === b
    : a.length === b.length && a.every((item, at) => item === b[at]);

const tokensOf = (value: string | readonly string[] | undefined): ReadonlySet<string> =>
  new Set((value === undefined ? '' : String(value)).split(',').map((token) => token.trim().toLowerCase()));

const lengthOf = (value: string | readonly string[] | undefined): number | undefined =>
  typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined;
