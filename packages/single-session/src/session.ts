import { TurnpikeError } from '@turnpike/core';
import type { EndReason } from './scripts.ts';

/** A session, as its user and the app may see it: nothing of it can be signed in with. */
export interface SessionInfo {
  /** Names the session in `revoke`, lists and logs. */
  readonly handle: string;
  /** The label that `login` was given. */
  readonly device: string;
  readonly startedAt: Date;
  /** When it was last used, to within `touchEveryMs`. */
  readonly seenAt: Date;
}

/** The session of a request. */
export interface Session<Claims> extends SessionInfo {
  readonly userId: string;
  readonly claims: Claims;
  /** True when Redis did not say that it lives, and `onStoreError: 'token-only'` believed the token alone. */
  readonly degraded: boolean;
}

/** Why a request has no session. */
export type Refusal = EndReason | 'missing' | 'invalid' | 'ambiguous' | 'cross_site';

/** No session stands behind a token. `reason` says why; of a device that was displaced also by which, and when. */
export class SessionEndedError extends TurnpikeError {
  override readonly status: number;
  readonly reason: Refusal;
  /** Of the login that took its place; undefined when it is not known, or not told. */
  readonly by: { readonly device: string; readonly at: Date } | undefined;

  constructor(reason: Refusal, by?: { device: string; at: Date }) {
    super('ERR_TURNPIKE_SESSION_ENDED', DETAILS[reason]);
    this.name = 'SessionEndedError';
    this.status = STATUSES[reason] ?? 401;
    this.reason = reason;
    this.by = by;
  }
}

/** Under `policy: 'reject'`: as many devices as may are signed in. Not a failed login: the password was right. */
export class LoginRejectedError extends TurnpikeError {
  override readonly status: number = 409;
  readonly devices: readonly SessionInfo[];

  constructor(devices: readonly SessionInfo[]) {
    super('ERR_TURNPIKE_LOGIN_REJECTED', 'As many devices as allowed are signed in.');
    this.name = 'LoginRejectedError';
    this.devices = devices;
  }
}

/** Those that are not 401. */
const STATUSES: Readonly<Partial<Record<Refusal, number>>> = { ambiguous: 400, cross_site: 403 };

/** What a person is told. */
export const DETAILS: Readonly<Record<Refusal, string>> = {
  missing: 'Sign in first.',
  ambiguous: 'Credentials came in more than one place or more than once.',
  cross_site: 'This request came from another site.',
  invalid: 'This token is not valid.',
  replaced: 'You have been signed out, because somebody signed in on another device.',
  revoked: 'This session was ended.',
  logged_out: 'You have signed out.',
  idle: 'You have been signed out, because nothing was done for a while.',
  expired: 'This session has lasted as long as sessions may. Sign in again.',
  refresh_reused: 'This session was ended, because a refresh token of it was used again.',
  unknown: 'This session is not known any more. Sign in again.',
};
