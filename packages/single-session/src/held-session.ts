import type { Session, SessionInfo } from './session.ts';
import type { Credential } from './sessions.ts';

/**
 * A session as the app gets it, and behind it the credential that ends it. A private field is in no log, no copy and no
 * JSON, and costs a request less than an entry of a WeakMap.
 */
export class HeldSession<Claims> implements Session<Claims> {
  readonly handle: string;
  readonly device: string;
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly userId: string;
  readonly claims: Claims;
  readonly degraded: boolean;
  readonly #credential: Credential;
  readonly #holder: object;

  constructor(holder: object, credential: Credential, info: SessionInfo, claims: Claims, degraded: boolean) {
    this.handle = info.handle;
    this.device = info.device;
    this.startedAt = info.startedAt;
    this.seenAt = info.seenAt;
    this.userId = credential.userId;
    this.claims = claims;
    this.degraded = degraded;
    this.#credential = credential;
    this.#holder = holder;
  }

  /** Of a session that this holder has given out; undefined for anything else. */
  static credentialOf(holder: object, session: unknown): Credential | undefined {
    const isHeld = typeof session === 'object' && session !== null && #holder in session && session.#holder === holder;
    return isHeld ? session.#credential : undefined;
  }
}
