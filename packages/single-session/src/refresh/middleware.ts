import { type HttpRequest, type Middleware, asError, optionChecks } from '@turnpike/core';
import { type Login, type LoginOptions, type SingleSession, answer, internalsOf } from '../middleware.ts';
import { SessionEndedError } from '../session.ts';
import type { Credential } from '../sessions.ts';
import { newSid } from '../sid.ts';

export interface RefreshOptions<Claims> {
  /** How long an access token is good for, in ms; at most `idleMs`, or a session would lapse while its token is good. */
  accessMs: number;
  /**
   * How long after it was used a refresh token gets the same successor again, in ms: for tabs that ask at once, and for
   * answers that are lost. It ends when that successor is used.
   *
   * @default 30_000
   */
  graceMs?: number;
  /**
   * The claims of the next access token, so that a role that was taken away is gone with it.
   *
   * @default those of the login
   */
  claims?: (userId: string, claims: Claims) => Claims | Promise<Claims>;
}

const OPTIONS: readonly (keyof RefreshOptions<never>)[] = ['accessMs', 'graceMs', 'claims'];

/** An access token and the refresh token that follows it. */
export interface Tokens {
  readonly token: string;
  /** Good for one use, and to the session's absolute end. */
  readonly refreshToken: string;
}

/** Sessions with access tokens that are short-lived, for services that read tokens without asking Redis. */
export interface Refreshing<Claims extends object> {
  /** As `login` of `singleSession`. */
  login(userId: string, options?: LoginOptions<Claims>): Promise<Login & Tokens>;
  /**
   * The next pair. A use of the session, as far as its idle end is concerned. A refresh token that is used again after its
   * grace ends the session: two have it, and one of them has stolen it.
   *
   * @throws SessionEndedError, with reason `refresh_reused` for that; StoreError, and then the same refresh token is good
   *   for another try within the grace
   */
  refresh(refreshToken: string): Promise<Tokens>;
  /** Answers a request whose parsed body is `{ refreshToken }` with `{ token, refreshToken }`, or with the refusal. */
  handler(): Middleware;
}

/** What a refresh token says beside whose it is. */
interface RefreshClaims<Claims> {
  readonly n: number;
  readonly claims: Claims;
}

/**
 * Refresh tokens that are used once, for `sessions` (RFC 9700 §4.14.2). Redis counts them and holds none.
 *
 * @throws OptionError when an option breaks its rule
 */
export function refreshing<Claims extends object>(
  sessions: SingleSession<Claims>,
  options: RefreshOptions<Claims>,
): Refreshing<Claims> {
  const check = optionChecks('refreshing', options);
  check.known(OPTIONS, { expiresIn: 'accessMs', reuseInterval: 'graceMs', leeway: 'graceMs' });
  const found = internalsOf(check, sessions);
  const { lifetimes, onProblem } = found;
  const codec = found.codec();
  const { accessMs, graceMs = 30_000, claims: claimsOf } = options;
  check.integer('accessMs', accessMs, 1000, lifetimes.idleMs);
  check.integer('graceMs', graceMs, 0, 300_000);
  check.optionalFunction('claims', claimsOf);

  /** The n-th pair. The login's claims stay with the refresh token: Redis holds none of them. */
  const sign = (credential: Credential, n: number, claims: Claims, login: Claims, restMs: number): Tokens => ({
    token: codec.sign({ ...credential, claims: claims as Record<string, unknown> }, Math.min(accessMs, restMs)),
    refreshToken: codec.sign(
      { ...credential, claims: { n, claims: login } satisfies RefreshClaims<Claims> },
      restMs,
      'rt+jwt',
    ),
  });

  const refresh = async (refreshToken: string): Promise<Tokens> => {
    const content = codec.read(refreshToken, 'rt+jwt');
    if (typeof content === 'string') throw new SessionEndedError(content === 'expired' ? 'expired' : 'invalid');
    const { n, claims } = content.claims as unknown as RefreshClaims<Claims>;
    const next = await found.sessions.rotate(content, n, graceMs);
    const current = claimsOf === undefined ? claims : await claimsOf(content.userId, claims);
    const { userId, sid, gen } = content;
    return sign({ userId, sid, gen }, next.n, current, claims, next.restMs);
  };

  return {
    async login(userId, { claims = {} as Claims, device = '' } = {}) {
      const signFirst = (sid: string, gen: number): Tokens =>
        sign({ userId, sid, gen }, 0, claims, claims, lifetimes.absoluteMs);
      // Before anybody is displaced: claims that no token can carry must not begin a session.
      signFirst(newSid(''), Date.now() * 1000);
      const { sid, gen, info, replaced } = await found.sessions.begin(userId, device);
      return { ...signFirst(sid, gen), session: info, replaced };
    },
    refresh,
    handler() {
      return function refreshTokens(req, res, next) {
        const { refreshToken } = ((req as HttpRequest).body ?? {}) as { refreshToken?: unknown };
        const asked =
          typeof refreshToken === 'string'
            ? refresh(refreshToken)
            : Promise.reject<Tokens>(new SessionEndedError('missing'));
        asked
          .then(
            (tokens) => {
              res.setHeader('Cache-Control', 'no-store');
              res.setHeader('Content-Type', 'application/json');
              res.end(JSON.stringify(tokens));
            },
            (error: unknown) => answer(error, onProblem, req, res, next),
          )
          .catch((thrown: unknown) => next(asError(thrown)));
      };
    },
  };
}
