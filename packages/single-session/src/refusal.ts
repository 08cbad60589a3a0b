import { type Problem, StoreError } from '@turnpike/core';
import { DETAILS, LoginRejectedError, type Refusal, SessionEndedError } from './session.ts';

/** How soon to try again when Redis is not there, in seconds: about as long as a client takes to reconnect. */
const RETRY_AFTER_S = '1';

const CODES: Readonly<Record<Refusal, string>> = {
  missing: 'session_missing',
  ambiguous: 'session_ambiguous',
  cross_site: 'session_cross_site',
  invalid: 'session_invalid',
  replaced: 'session_replaced',
  revoked: 'session_revoked',
  logged_out: 'session_logged_out',
  idle: 'session_idle',
  expired: 'session_expired',
  refresh_reused: 'session_refresh_reused',
  unknown: 'session_unknown',
};

/** The challenge of RFC 6750 §3: without an error where nothing was presented (§3.1). */
function challenge(reason: Refusal): Record<string, string> {
  return { 'WWW-Authenticate': reason === 'missing' ? 'Bearer' : 'Bearer error="invalid_token"' };
}

/** An error of ours as it is told to the client; undefined for one that is the app's to handle. */
export function refusal(error: unknown): Problem | undefined {
  if (error instanceof SessionEndedError) {
    const { reason, by } = error;
    return {
      status: error.status,
      code: CODES[reason],
      detail: DETAILS[reason],
      ...(error.status === 401 && { headers: challenge(reason) }),
      ...(by === undefined ? {} : { extensions: { 'replaced-by': { device: by.device, at: by.at.toISOString() } } }),
    };
  }
  if (error instanceof LoginRejectedError) {
    const devices = error.devices.map(({ handle, device, startedAt, seenAt }) => ({
      handle,
      device,
      startedAt,
      seenAt,
    }));
    return { status: 409, code: 'session_limit_reached', detail: error.message, extensions: { devices } };
  }
  if (StoreError.isPassing(error)) {
    return {
      status: 503,
      code: 'session_unavailable',
      detail: 'Sessions cannot be checked at the moment. Try again shortly.',
      headers: { 'Retry-After': RETRY_AFTER_S },
    };
  }
  return undefined;
}
