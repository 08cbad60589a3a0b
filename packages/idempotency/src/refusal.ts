import type { Problem } from '@turnpike/core';

/** How soon to try again when Redis is not there, in seconds: about as long as a client takes to reconnect. */
const RETRY_AFTER_S = '1';

export const missing: Problem = {
  status: 400,
  code: 'idempotency_key_missing',
  detail:
    'This request needs an Idempotency-Key header: a new one for each thing to be done, the same for its retries.',
};

export const malformed = (why: string): Problem => ({
  status: 400,
  code: 'idempotency_key_malformed',
  detail: `The header Idempotency-Key cannot be read: ${why}.`,
});

export const notCanonical: Problem = {
  status: 400,
  code: 'idempotency_body_unreadable',
  detail: 'The body is nested too deep, or holds a number or a text that JSON cannot carry.',
};

/** Draft -07 §2.7: the key was used for another payload. */
export const mismatch: Problem = {
  status: 422,
  code: 'idempotency_key_reused',
  detail: 'This Idempotency-Key was used with another payload. A new request needs a new key.',
};

/** Draft -07 §2.7: the first request is still under way. */
export const inFlight = (retryAfterMs: number): Problem => ({
  status: 409,
  code: 'idempotency_in_flight',
  detail: 'The first request with this Idempotency-Key is still under way.',
  headers: { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) },
});

export const outcomeUnknown = (firstStatus: number | undefined): Problem => ({
  status: 409,
  code: 'outcome_unknown',
  detail:
    firstStatus === undefined
      ? 'The first request with this Idempotency-Key ended without an answer. It may have taken effect: look before you send another.'
      : `The first request with this Idempotency-Key was answered ${firstStatus}. It may have taken effect: look before you send another.`,
  ...(firstStatus !== undefined && { extensions: { 'first-status': firstStatus } }),
});

/** The answer was longer than is kept. */
export const notKept = (firstStatus: number, location: string | undefined): Problem => ({
  status: 409,
  code: 'answer_not_kept',
  detail: `The first request with this Idempotency-Key was answered ${firstStatus}, with a body too long to be repeated. It was not done again.`,
  ...(location !== undefined && { headers: { Location: location } }),
  extensions: { 'first-status': firstStatus },
});

export const unavailable: Problem = {
  status: 503,
  code: 'idempotency_unavailable',
  detail:
    'Whether this was done before cannot be checked at the moment. Nothing was done by this request. Try again shortly, with the same key.',
  headers: { 'Retry-After': RETRY_AFTER_S },
};
