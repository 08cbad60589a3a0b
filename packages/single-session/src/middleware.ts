import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Attachment,
  type HttpRequest,
  type Middleware,
  type Next,
  type OnProblem,
  type OptionChecks,
  asError,
  attachment,
} from '@turnpike/core';
import { bearerToken } from './bearer.ts';
import { type EndedSession, createEnds } from './ends.ts';
import { HeldSession } from './held-session.ts';
import { type SingleSessionOptions, checkedOptions } from './options.ts';
import { refusal } from './refusal.ts';
import type { Lifetimes } from './scripts.ts';
import { type Refusal, type Session, SessionEndedError, type SessionInfo } from './session.ts';
import { type Credential, type Sessions, createSessions, emitDegraded, isStoreAway } from './sessions.ts';
import { handleOf, hashOf, isSid, newSid } from './sid.ts';
import { type TokenCodec, type TokenContent, tokenCodec } from './token.ts';

/** What a login may say beside who. */
export interface LoginOptions<Claims> {
  /** The app's own claims, in the token. */
  claims?: Claims;
  /** A label for people, such as 'Firefox on Linux'; cut to 64 characters. */
  device?: string;
}

/** A login that was admitted. */
export interface Login {
  readonly token: string;
  readonly session: SessionInfo;
  /** The sessions that had to make room. */
  readonly replaced: readonly { readonly handle: string; readonly device: string }[];
}

/** What a token of the app's own has to carry, with `jwt: false`. */
export interface Claim extends Omit<Login, 'token'> {
  readonly sid: string;
  readonly gen: number;
}

export interface GuardOptions {
  /** @default the option of `singleSession` */
  onStoreError?: 'deny' | 'token-only';
  /**
   * With `'token-only'`: a token older than this is refused all the same, in ms.
   *
   * @default no limit but the token's own end
   */
  maxTokenAgeMs?: number;
  /** Where the credential is, with `jwt: false`: what the app has verified itself. Undefined: there is none. */
  from?(req: HttpRequest): Credential | undefined;
}

/** One device at a time: logins, guards, and their ends. */
export interface SingleSession<Claims extends object> {
  /**
   * Begins a session. Under `'replace'` others end, under `'reject'` it may be refused.
   *
   * @throws LoginRejectedError 409 under `'reject'`; StoreError 503 when Redis is not there, and then nobody is displaced
   */
  login(userId: string, options?: LoginOptions<Claims>): Promise<Login>;
  /** As `login`, for a token that the app signs itself. */
  claim(userId: string, options?: Pick<LoginOptions<Claims>, 'device'>): Promise<Claim>;
  guard(options?: GuardOptions): Middleware;
  /** @throws TurnpikeError `ERR_TURNPIKE_NOT_MOUNTED` where no guard of these sessions ran */
  of(req: IncomingMessage): Session<Claims>;
  /** For what is no request: a WebSocket's upgrade, a GraphQL context. @throws SessionEndedError, StoreError */
  verify(token: string): Promise<Session<Claims>>;
  /** Ends the request's own session, or the given one, and no other: false when it had ended. */
  logout(of: IncomingMessage | Session<Claims>): Promise<boolean>;
  /** The live sessions of a user, the last used first. */
  list(userId: string): Promise<SessionInfo[]>;
  revoke(userId: string, handle: string): Promise<boolean>;
  /** Ends all other sessions of its user, if it lives itself. Resolves to how many. */
  revokeOthers(of: IncomingMessage | Session<Claims>): Promise<number>;
  /** Ends all sessions of a user, those that Redis has lost included. Resolves to how many it knew. */
  revokeAll(userId: string): Promise<number>;
  /** Tells of every session that is ended, on every process; not of those that end by time alone. */
  onEnded(listener: (ended: EndedSession) => void): Promise<() => void>;
  /**
   * Calls `close` once when this session is ended, or has reached its absolute end: to end its open stream or socket. What
   * is open keeps nobody from going idle, and is not closed by that. The result stops watching.
   */
  onEnd(session: Session<Claims>, close: () => void): () => void;
  /** Stops watching. The client stays yours to close. */
  close(): void;
}

/**
 * Sessions for JWT logins, at most `limit` a user: a new login overwrites the hash that the old one's token is checked
 * against, so the old device is refused at its next request, on every process, with no list of dead tokens.
 *
 * @throws OptionError when an option breaks its rule, or anything that makes a token checkable is missing
 */
export function singleSession<Claims extends object = Record<string, unknown>>(
  options: SingleSessionOptions,
): SingleSession<Claims> {
  const checked = checkedOptions(options);
  const { check, jwt, lifetimes, onProblem } = checked;
  const codec = jwt === false ? undefined : tokenCodec(check, jwt);
  const sessions = createSessions(checked);
  const ends = createEnds(checked.redis, sessions.channel);
  const attached = attachment<Session<Claims>>('singleSession');

  const ours = (): NonNullable<typeof codec> => {
    check.must(
      codec !== undefined,
      'jwt',
      'given for tokens of ours; with jwt: false use claim and guard({ from })',
      false,
    );
    return codec as NonNullable<typeof codec>;
  };

  const read = (token: string): TokenContent => {
    const content = ours().read(token);
    if (typeof content !== 'string') return content;
    throw new SessionEndedError(content === 'expired' ? 'expired' : 'invalid');
  };

  const liveSession = async (credential: Credential, claims: Claims): Promise<Session<Claims>> =>
    new HeldSession(sessions, credential, await sessions.check(credential), claims, false);

  /** Believes a token alone, where Redis is not there and the guard says so. */
  const tokenOnly = (
    content: Omit<TokenContent, 'expiresAtMs'>,
    error: unknown,
    guard: GuardOptions,
  ): Session<Claims> => {
    const mode = guard.onStoreError ?? checked.onStoreError;
    const ageMs = Date.now() - content.issuedAtMs;
    if (mode !== 'token-only' || !isStoreAway(error) || ageMs > (guard.maxTokenAgeMs ?? Infinity)) throw error;
    emitDegraded();
    const startedAt = new Date(content.issuedAtMs);
    const info = { handle: handleOf(hashOf(content.sid)), device: '', startedAt, seenAt: startedAt };
    return new HeldSession(sessions, content, info, content.claims as Claims, true);
  };

  const askToken =
    (find: FindToken, guard: GuardOptions): AskSession<Claims> =>
    async (req) => {
      const found = find(req);
      if (typeof found === 'string') throw new SessionEndedError(found);
      const content = read(found.token);
      try {
        return await liveSession(content, content.claims as Claims);
      } catch (error) {
        return tokenOnly(content, error, guard);
      }
    };

  const askApp =
    (from: NonNullable<GuardOptions['from']>, guard: GuardOptions): AskSession<Claims> =>
    async (req) => {
      const credential = from(req);
      if (credential === undefined) throw new SessionEndedError('missing');
      const { userId, sid, gen } = credential;
      if (typeof userId !== 'string' || userId === '' || !isSid(sid) || !Number.isSafeInteger(gen))
        throw new SessionEndedError('invalid');
      return liveSession({ userId, sid, gen }, {} as Claims).catch((error: unknown) =>
        // When it began is what its generation says: the µs of that login.
        tokenOnly({ userId, sid, gen, claims: {}, issuedAtMs: gen / 1000 }, error, guard),
      );
    };

  const checkGuard = ({ onStoreError, maxTokenAgeMs }: GuardOptions): void => {
    if (onStoreError !== undefined) check.oneOf('onStoreError', onStoreError, ['deny', 'token-only']);
    if (maxTokenAgeMs !== undefined) check.integer('maxTokenAgeMs', maxTokenAgeMs, 0);
  };

  const guardBy: Internals<Claims>['guardBy'] = (find, given, onProblem) => {
    checkGuard(given);
    ours();
    return guardWith(askToken(find, given), attached, onProblem);
  };

  const credentialOf = (of: IncomingMessage | Session<Claims>): Credential => {
    const credential = HeldSession.credentialOf(sessions, of) ?? HeldSession.credentialOf(sessions, attached.of(of));
    return credential as Credential;
  };

  const made: SingleSession<Claims> = {
    async login(userId, { claims = {} as Claims, device = '' } = {}) {
      const { sign } = ours();
      const tokenOf = (sid: string, gen: number): string =>
        sign({ userId, sid, gen, claims: claims as Record<string, unknown> }, lifetimes.absoluteMs);
      // Before anybody is displaced: claims that no token can carry must not begin a session.
      tokenOf(newSid(''), Date.now() * 1000);
      const { sid, gen, info, replaced } = await sessions.begin(userId, device);
      return { token: tokenOf(sid, gen), session: info, replaced };
    },
    async claim(userId, { device = '' } = {}) {
      const { sid, gen, info, replaced } = await sessions.begin(userId, device);
      return { sid, gen, session: info, replaced };
    },
    guard(given = {}) {
      const { from } = given;
      check.optionalFunction('from', from);
      if (from === undefined) return guardBy(bearerToken, given, onProblem);
      checkGuard(given);
      return guardWith(askApp(from, given), attached, onProblem);
    },
    of: attached.of,
    async verify(token) {
      const content = read(token);
      return liveSession(content, content.claims as Claims);
    },
    logout: async (of) => sessions.end(credentialOf(of)),
    list: (userId) => sessions.list(userId),
    revoke: (userId, handle) => sessions.endOne(userId, handle),
    revokeOthers: async (of) => sessions.endOthers(credentialOf(of)),
    revokeAll: (userId) => sessions.endAll(userId),
    onEnded: (listener) => ends.onEnded(listener),
    onEnd(session, close) {
      const credential = credentialOf(session);
      const isLive = async (): Promise<boolean> =>
        sessions.check(credential).then(
          () => true,
          (error: unknown) => {
            if (error instanceof SessionEndedError) return false;
            throw error;
          },
        );
      const restMs = session.startedAt.getTime() + lifetimes.absoluteMs - Date.now();
      return ends.onEnd({ hash: hashOf(credential.sid), isLive, close, restMs });
    },
    close: () => ends.close(),
  };
  internals.set(made, { lifetimes, onProblem, sessions, codec: ours, askToken, guardBy });
  return made;
}

/** What the sub-paths /cookie and /refresh need of a `singleSession()`, and apps do not. */
interface Internals<Claims> {
  readonly lifetimes: Lifetimes;
  readonly onProblem: OnProblem;
  readonly sessions: Sessions;
  /** @throws OptionError with `jwt: false` */
  codec(): TokenCodec;
  askToken(find: FindToken, guard: GuardOptions): AskSession<Claims>;
  guardBy(find: FindToken, guard: GuardOptions, onProblem: OnProblem): Middleware;
}

const internals = new WeakMap<object, Internals<object>>();

/** @throws OptionError for anything but what `singleSession()` has returned */
export function internalsOf<Claims extends object>(
  check: OptionChecks,
  sessions: SingleSession<Claims>,
): Internals<Claims> {
  const found = internals.get(sessions) as Internals<Claims> | undefined;
  check.must(found !== undefined, 'sessions', 'what singleSession() returned', sessions);
  return found as Internals<Claims>;
}

/** Where a request has its token; what it is refused for when there is none to be read. */
export type FindToken = (req: HttpRequest) => { readonly token: string } | Refusal;

/** Asks whose session a request is; rejects when it is nobody's. */
type AskSession<Claims> = (req: HttpRequest) => Promise<Session<Claims>>;

/** Tells the client why, if that is ours to tell. */
export async function answer(
  error: unknown,
  onProblem: OnProblem,
  req: IncomingMessage,
  res: ServerResponse,
  next: Next,
): Promise<void> {
  const problem = refusal(error);
  if (problem === undefined) throw error;
  if (!res.headersSent) await onProblem(problem, req, res, next);
}

/** A middleware that lets a request pass with its session, and refuses it without: 401, or 503 when nobody can say. */
function guardWith<Claims>(
  ask: AskSession<Claims>,
  sessions: Attachment<Session<Claims>>,
  onProblem: OnProblem,
): Middleware {
  return function guard(req, res, next) {
    ask(req)
      .then(
        (session) => {
          sessions.attach(req, session);
          return true;
        },
        async (error: unknown) => {
          await answer(error, onProblem, req, res, next);
          return false;
        },
      )
      .then(
        (mayPass) => void (mayPass && next()),
        (thrown: unknown) => next(asError(thrown)),
      );
  };
}
