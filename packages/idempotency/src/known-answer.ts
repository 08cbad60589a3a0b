import { TurnpikeError } from '@turnpike/core';
import { type RecordedHeader, type Recording, storedHeaders } from '@turnpike/core/http';
import type { KnownAnswer } from './options.ts';

/** What the app knows of an answer, in the form in which it is kept and replayed. */
export function recordingOf(known: KnownAnswer): Recording {
  const { status, headers = {}, body } = known ?? {};
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw notAnAnswer("must give 'not-done', 'unknown', or an answer with a status from 200 to 599");
  }
  const isBodiless = status === 204 || status === 304;
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const isTyped = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  const json: [string, string][] = isRaw || isTyped ? [] : [['Content-Type', 'application/json; charset=utf-8']];
  return {
    status,
    statusMessage: undefined,
    headers: [...json, ...headersOf(headers)],
    removed: [],
    body: isBodiless ? undefined : Buffer.from(isRaw ? (body ?? '') : JSON.stringify(body)),
    isOverCap: false,
  };
}

function headersOf(headers: NonNullable<KnownAnswer['headers']>): RecordedHeader[] {
  try {
    return storedHeaders(headers);
  } catch (cause) {
    throw notAnAnswer('gave a header that cannot be sent', cause);
  }
}

const notAnAnswer = (why: string, cause?: unknown): TurnpikeError =>
  new TurnpikeError('ERR_TURNPIKE_CALLBACK', `idempotency: option "onInDoubt" ${why}`, { cause });
