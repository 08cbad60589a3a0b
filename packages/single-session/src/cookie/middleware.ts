import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Middleware, optionChecks } from '@turnpike/core';
import { bearerToken } from '../bearer.ts';
import {
  type FindToken,
  type GuardOptions,
  type Login,
  type LoginOptions,
  type SingleSession,
  internalsOf,
} from '../middleware.ts';
import { type Session, SessionEndedError } from '../session.ts';
import { newSid } from '../sid.ts';
import { LONGEST_COOKIE, cookieValues, isHostCookieName, setCookie } from './cookie.ts';
import { isOfOwnPage, isOrigin } from './own-page.ts';

export interface CookieOptions {
  /**
   * The cookie's name, which must begin with `__Host-`. Two kinds of session on one host have a name each.
   *
   * @default '__Host-session'
   */
  name?: string;
  /**
   * `'Strict'` keeps the cookie back also when a person follows a link from another site.
   *
   * @default 'Lax'
   */
  sameSite?: 'Lax' | 'Strict';
  /**
   * Other origins whose pages may change things with this cookie, as `https://shop.example`; our own is always one. Behind
   * a proxy that rewrites Host, ours has to be named.
   *
   * @default []
   */
  allowedOrigins?: readonly string[];
}

const OPTIONS: readonly (keyof CookieOptions)[] = ['name', 'sameSite', 'allowedOrigins'];

/** A session whose token is in a cookie: no script of a page sees it. */
export interface CookieSessions<Claims extends object> {
  /**
   * Begins a session and sets its cookie, until the session's absolute end. Refused for a request from another site's page,
   * which would sign its visitor in as somebody else.
   *
   * @throws SessionEndedError 403 `cross_site`, and what `login` of `singleSession` throws
   */
  login(
    req: IncomingMessage,
    res: ServerResponse,
    userId: string,
    options?: LoginOptions<Claims>,
  ): Promise<Omit<Login, 'token'>>;
  /** Ends the request's own session, and clears its cookie; where Redis cannot be asked, neither. */
  logout(req: IncomingMessage, res: ServerResponse): Promise<boolean>;
  /**
   * As `guard` of `singleSession`, with the token from the cookie and from nowhere else. Also a Bearer token, or the cookie
   * twice: 400. A method other than GET, HEAD and OPTIONS from another site's page: 403. A session that has ended: 401, and
   * the cookie stays. It is good for nothing, and this answer may come behind that to a new login in the same browser, whose
   * cookie it would clear.
   */
  guard(options?: Omit<GuardOptions, 'from'>): Middleware;
  /** @throws TurnpikeError `ERR_TURNPIKE_NOT_MOUNTED` where no guard of these sessions ran */
  of(req: IncomingMessage): Session<Claims>;
  /** For a WebSocket's upgrade, which any page may ask for: its origin is checked too. @throws SessionEndedError, StoreError */
  verify(req: IncomingMessage): Promise<Session<Claims>>;
}

/**
 * Puts the tokens of `sessions` into a `__Host-` cookie: HttpOnly, Secure, SameSite, for this host alone.
 *
 * @throws OptionError when an option breaks its rule
 */
export function cookieSessions<Claims extends object>(
  sessions: SingleSession<Claims>,
  options: CookieOptions = {},
): CookieSessions<Claims> {
  const check = optionChecks('cookieSessions', options);
  check.known(OPTIONS, { cookieName: 'name', origins: 'allowedOrigins', trustedOrigins: 'allowedOrigins' });
  const { name = '__Host-session', sameSite = 'Lax', allowedOrigins = [] } = options;
  check.must(isHostCookieName(name), 'name', 'a cookie name that begins with __Host-', name);
  check.oneOf('sameSite', sameSite, ['Lax', 'Strict']);
  check.must(Array.isArray(allowedOrigins), 'allowedOrigins', 'an array', allowedOrigins);
  for (const origin of allowedOrigins) {
    check.must(isOrigin(origin), 'allowedOrigins', 'origins such as https://shop.example', origin);
  }
  const { lifetimes, onProblem, codec, askToken, guardBy } = internalsOf(check, sessions);
  codec();

  const find: FindToken = (req) => {
    const [token, ...others] = cookieValues(req.headers.cookie, name);
    if (token === undefined) return 'missing';
    if (others.length > 0 || bearerToken(req) !== 'missing') return 'ambiguous';
    return isOfOwnPage(req, allowedOrigins) ? { token } : 'cross_site';
  };

  return {
    async login(req, res, userId, login = {}) {
      if (!isOfOwnPage(req, allowedOrigins)) throw new SessionEndedError('cross_site');
      // Before anybody is displaced: a cookie that browsers drop must not begin a session.
      const gen = Date.now() * 1000;
      const like = codec().sign({ userId, sid: newSid(''), gen, claims: { ...login.claims } }, lifetimes.absoluteMs);
      const bytes = name.length + like.length;
      check.must(bytes <= LONGEST_COOKIE, 'claims', `small enough for a cookie of ${LONGEST_COOKIE} bytes`, bytes);
      const { token, ...begun } = await sessions.login(userId, login);
      res.appendHeader('Set-Cookie', setCookie(name, token, Math.floor(lifetimes.absoluteMs / 1000), sameSite));
      return begun;
    },
    async logout(req, res) {
      const hasEnded = await sessions.logout(req);
      res.appendHeader('Set-Cookie', setCookie(name, '', 0, sameSite));
      return hasEnded;
    },
    guard: (given = {}) => guardBy(find, given, onProblem),
    of: sessions.of,
    verify: askToken(find, { onStoreError: 'deny' }),
  };
}
