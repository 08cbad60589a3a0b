const BRAND = Symbol.for('turnpike.error');

/** Every code a Turnpike error or warning can carry. */
export type ErrorCode =
  | 'ERR_TURNPIKE_OPTION'
  | 'ERR_TURNPIKE_NOT_MOUNTED'
  | 'ERR_TURNPIKE_CALLBACK'
  | 'ERR_TURNPIKE_SCOPE'
  | 'ERR_TURNPIKE_KEY'
  | 'ERR_TURNPIKE_BODY_UNPARSED'
  | 'ERR_TURNPIKE_RUN_EXPIRED'
  | 'ERR_TURNPIKE_CLAIM_LOST'
  | 'ERR_TURNPIKE_SESSION_ENDED'
  | 'ERR_TURNPIKE_LOGIN_REJECTED'
  | 'ERR_TURNPIKE_REFUSED'
  | 'ERR_TURNPIKE_LOAD_TIMEOUT'
  | 'ERR_TURNPIKE_STORE_TIMEOUT'
  | 'ERR_TURNPIKE_STORE_UNREACHABLE'
  | 'ERR_TURNPIKE_STORE_REPLY'
  | 'ERR_TURNPIKE_STORE_CONFIGURATION';

/**
 * The base of every error Turnpike makes. `code` is stable and safe to switch on; `status` is the HTTP status
 * Express answers with when the error reaches it. `instanceof` works across copies of this package.
 */
export class TurnpikeError extends Error {
  readonly code: ErrorCode;
  readonly status: number = 500;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TurnpikeError';
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== TurnpikeError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** A bad option, found at construction. The message names the option, its rule and the value received. */
export class OptionError extends TypeError {
  readonly code: ErrorCode = 'ERR_TURNPIKE_OPTION';
  readonly status: number = 500;

  constructor(message: string) {
    super(message);
    this.name = 'OptionError';
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Why Redis gave no answer that can be used. */
export type StoreErrorCode = Extract<ErrorCode, `ERR_TURNPIKE_STORE_${string}`>;

/**
 * Redis did not decide. Not an answer to be shown: each package turns it into its `onStoreError` policy,
 * except `ERR_TURNPIKE_STORE_CONFIGURATION`, which no policy may hide.
 */
export class StoreError extends TurnpikeError {
  declare readonly code: StoreErrorCode;
  override readonly status: number = 503;

  /** False when the command certainly had no effect: it was not sent, or Redis refused it. */
  readonly mayHaveRun: boolean;

  constructor(code: StoreErrorCode, message: string, options: ErrorOptions & { mayHaveRun?: boolean } = {}) {
    super(code, message, options);
    this.name = 'StoreError';
    this.mayHaveRun = options.mayHaveRun ?? false;
  }

  /** True when waiting or another server may help, false when someone has to change the set-up. */
  static isPassing(error: unknown): error is StoreError {
    return error instanceof StoreError && error.code !== 'ERR_TURNPIKE_STORE_CONFIGURATION';
  }
}

/**
 * What was thrown, as an Error. Express takes `next(undefined)` for "go on" and `next('route')` for "skip": a function of
 * the app's that threw such a thing must not open a door.
 */
export const asError = (thrown: unknown): Error =>
  thrown instanceof Error
    ? thrown
    : new TurnpikeError(
        'ERR_TURNPIKE_CALLBACK',
        `a function among the options threw ${typeof thrown} instead of an Error`,
        {
          cause: thrown,
        },
      );
